//! Permanent neighbours.

use std::net::IpAddr;

use netlink_packet_core::{NLM_F_CREATE, NLM_F_REPLACE};
use netlink_packet_route::{
    RouteNetlinkMessage,
    neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState},
    route::RouteType,
};

use super::{Netlink, NetlinkError, address::family};
use crate::model::{IfIndex, MacAddr};

/// A neighbour, as the kernel reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// The device behind which it is.
    pub device: IfIndex,
    /// Its address.
    pub address: IpAddr,
    /// Its hardware address.
    pub mac: MacAddr,
    /// Whether it stays without being asked.
    pub permanent: bool,
}

impl Netlink {
    /// Adds or replaces a permanent neighbour.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn add_neighbour(
        &self,
        device: IfIndex,
        address: IpAddr,
        mac: MacAddr,
    ) -> Result<(), NetlinkError> {
        let mut message = neighbour_message(device, address);
        message.attributes.push(NeighbourAttribute::LinkLayerAddress(mac.0.to_vec()));
        self.request(
            RouteNetlinkMessage::NewNeighbour(message),
            NLM_F_CREATE | NLM_F_REPLACE,
            || format!("add the neighbour {address} to device {device}"),
        )
    }

    /// Removes a neighbour.
    ///
    /// # Errors
    /// When it is not there, or the kernel refuses.
    pub fn remove_neighbour(&self, device: IfIndex, address: IpAddr) -> Result<(), NetlinkError> {
        let message = neighbour_message(device, address);
        self.request(RouteNetlinkMessage::DelNeighbour(message), 0, || {
            format!("remove the neighbour {address} from device {device}")
        })
    }

    /// Returns all neighbours with a hardware address.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn neighbours(&self) -> Result<Vec<Neighbour>, NetlinkError> {
        let request = RouteNetlinkMessage::GetNeighbour(NeighbourMessage::default());
        let answer = self.dump(&request, || "list the neighbours".into())?;
        Ok(answer.iter().filter_map(neighbour).collect())
    }
}

fn neighbour_message(device: IfIndex, address: IpAddr) -> NeighbourMessage {
    let mut message = NeighbourMessage::default();
    message.header.family = family(address);
    message.header.ifindex = device.0;
    message.header.state = NeighbourState::Permanent;
    message.header.kind = RouteType::Unicast;
    message.attributes.push(NeighbourAttribute::Destination(match address {
        IpAddr::V4(v4) => NeighbourAddress::Inet(v4),
        IpAddr::V6(v6) => NeighbourAddress::Inet6(v6),
    }));
    message
}

fn neighbour(message: &RouteNetlinkMessage) -> Option<Neighbour> {
    let RouteNetlinkMessage::NewNeighbour(message) = message else { return None };
    let mut address = None;
    let mut mac = None;
    for attribute in &message.attributes {
        match attribute {
            NeighbourAttribute::Destination(NeighbourAddress::Inet(v4)) => {
                address = Some(IpAddr::V4(*v4));
            }
            NeighbourAttribute::Destination(NeighbourAddress::Inet6(v6)) => {
                address = Some(IpAddr::V6(*v6));
            }
            NeighbourAttribute::LinkLayerAddress(bytes) => {
                mac = bytes.as_slice().try_into().ok().map(MacAddr);
            }
            _ => {}
        }
    }
    Some(Neighbour {
        device: IfIndex(message.header.ifindex),
        address: address?,
        mac: mac?,
        permanent: message.header.state == NeighbourState::Permanent,
    })
}
