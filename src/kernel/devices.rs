//! Which devices lead to the underlay.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::{Link, Netlink, NetlinkError, RouteKind};
use crate::model::{IfIndex, MacAddr};

/// Which devices are the node's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// Those of the default routes.
    #[default]
    Auto,
    /// Those with these names.
    Named(Vec<String>),
}

/// A device that leads to the underlay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnderlayDevice {
    /// Name.
    pub name: String,
    /// Index.
    pub ifindex: IfIndex,
    /// MTU.
    pub mtu: u32,
    /// Hardware address; zero if it has none.
    pub mac: MacAddr,
    /// First global IPv4 address.
    pub v4: Option<Ipv4Addr>,
    /// First global IPv6 address.
    pub v6: Option<Ipv6Addr>,
}

/// The devices that lead to the underlay, and the smallest MTU among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Underlay {
    /// Devices, that of the IPv4 default route first.
    pub devices: Vec<UnderlayDevice>,
    /// Smallest MTU.
    pub mtu: u32,
}

/// No usable device.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// There is no default route and no device was named.
    #[error(
        "no device leads to the underlay: there is no default route; name the devices with --devices"
    )]
    NoDefaultRoute,
    /// A named device does not exist.
    #[error("there is no device {0}")]
    Missing(String),
    /// The kernel would not say.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
}

/// Finds the node's devices in the namespace of the socket.
///
/// # Errors
/// When there is none, or a named one does not exist.
pub fn detect(netlink: &Netlink, choice: &DeviceChoice) -> Result<Underlay, DeviceError> {
    let links = match choice {
        DeviceChoice::Auto => default_route_links(netlink)?,
        DeviceChoice::Named(names) => names
            .iter()
            .map(|name| {
                netlink.link_by_name(name).map_err(|error| match error {
                    NetlinkError::NoDevice(name) => DeviceError::Missing(name),
                    other => other.into(),
                })
            })
            .collect::<Result<_, _>>()?,
    };
    let addresses = netlink.addresses()?;
    let devices: Vec<_> = links.into_iter().map(|link| device(link, &addresses)).collect();
    let mtu = devices.iter().map(|device| device.mtu).min().ok_or(DeviceError::NoDefaultRoute)?;
    Ok(Underlay { devices, mtu })
}

/// Returns the devices of the default routes: IPv4 first, then by metric, each once.
fn default_route_links(netlink: &Netlink) -> Result<Vec<Link>, NetlinkError> {
    let mut defaults: Vec<_> = netlink
        .routes()?
        .into_iter()
        .filter(|route| route.destination.prefix_len() == 0 && route.kind == RouteKind::Unicast)
        .filter_map(|route| {
            let device = route.device?;
            Some((route.destination.addr().is_ipv6(), route.priority.unwrap_or(0), device))
        })
        .collect();
    defaults.sort_unstable();
    let mut links: Vec<Link> = Vec::new();
    for (_, _, device) in defaults {
        if !links.iter().any(|link| link.index == device) {
            links.push(netlink.link_by_index(device)?);
        }
    }
    Ok(links)
}

fn device(link: Link, addresses: &[(IfIndex, IpNet)]) -> UnderlayDevice {
    let own =
        || addresses.iter().filter(|(index, _)| *index == link.index).map(|(_, net)| net.addr());
    UnderlayDevice {
        ifindex: link.index,
        mtu: link.mtu,
        mac: link.mac.unwrap_or_default(),
        v4: own().find_map(|address| match address {
            IpAddr::V4(v4) if !v4.is_link_local() => Some(v4),
            _ => None,
        }),
        v6: own().find_map(|address| match address {
            IpAddr::V6(v6) if !v6.is_unicast_link_local() => Some(v6),
            _ => None,
        }),
        name: link.name,
    }
}
