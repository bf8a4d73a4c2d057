//! Addresses of devices.

use std::net::IpAddr;

use ipnet::IpNet;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_REPLACE};
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    address::{AddressAttribute, AddressFlags, AddressHeaderFlags, AddressMessage, AddressScope},
};

use super::{Netlink, NetlinkError};
use crate::model::IfIndex;

impl Netlink {
    /// Adds an address, or leaves it when it is there. IPv6 addresses are usable at once: there is
    /// no duplicate address detection.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn add_address(&self, device: IfIndex, address: IpNet) -> Result<(), NetlinkError> {
        let message = RouteNetlinkMessage::NewAddress(address_message(device, address));
        self.request(message, NLM_F_CREATE | NLM_F_REPLACE, || {
            format!("add the address {address} to device {device}")
        })
    }

    /// Removes an address.
    ///
    /// # Errors
    /// When it is not there, or the kernel refuses.
    pub fn remove_address(&self, device: IfIndex, address: IpNet) -> Result<(), NetlinkError> {
        let message = RouteNetlinkMessage::DelAddress(address_message(device, address));
        self.request(message, 0, || format!("remove the address {address} from device {device}"))
    }

    /// Returns the addresses of all devices, link-local ones included.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn addresses(&self) -> Result<Vec<(IfIndex, IpNet)>, NetlinkError> {
        let request = RouteNetlinkMessage::GetAddress(AddressMessage::default());
        let answer = self.dump(&request, || "list the addresses".into())?;
        Ok(answer.iter().filter_map(address).collect())
    }
}

fn address_message(device: IfIndex, address: IpNet) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.family = family(address.addr());
    message.header.prefix_len = address.prefix_len();
    message.header.index = device.0;
    message.header.scope = match address.addr() {
        IpAddr::V6(v6) if v6.is_unicast_link_local() => AddressScope::Link,
        IpAddr::V4(v4) if v4.is_link_local() => AddressScope::Link,
        _ => AddressScope::Universe,
    };
    message.attributes =
        vec![AddressAttribute::Local(address.addr()), AddressAttribute::Address(address.addr())];
    if address.addr().is_ipv6() {
        message.header.flags = AddressHeaderFlags::Nodad;
        message.attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
    }
    message
}

fn address(message: &RouteNetlinkMessage) -> Option<(IfIndex, IpNet)> {
    let RouteNetlinkMessage::NewAddress(message) = message else { return None };
    let mut found = None;
    for attribute in &message.attributes {
        match attribute {
            // On point-to-point devices IFA_ADDRESS is the other end; IFA_LOCAL is always ours.
            AddressAttribute::Local(address) => found = Some(*address),
            AddressAttribute::Address(address) => found = found.or(Some(*address)),
            _ => {}
        }
    }
    let net = IpNet::new(found?, message.header.prefix_len).ok()?;
    Some((IfIndex(message.header.index), net))
}

pub(super) fn family(address: IpAddr) -> AddressFamily {
    match address {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    }
}
