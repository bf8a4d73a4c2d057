//! Which devices lead to the underlay.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::{Link, Netlink, NetlinkError, RouteKind};
use crate::model::{Addresses, IfIndex, MacAddr};

/// Which devices are the node's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// Those with the node's own addresses, those of the default routes, and the other network cards with
    /// addresses.
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
    /// The node's IPv4 address, if the device has it, else its first global one.
    pub v4: Option<Ipv4Addr>,
    /// The same for IPv6.
    pub v6: Option<Ipv6Addr>,
}

/// The devices that lead to the underlay, and the smallest MTU among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Underlay {
    /// Devices: those with addresses of the node first, and then that of the IPv4 default route.
    pub devices: Vec<UnderlayDevice>,
    /// The addresses by which other nodes know this one, as far as it has them, else the first ones of the devices.
    pub own: Addresses,
    /// Smallest MTU of those by which nodes meet, or the outside is reached.
    pub mtu: u32,
}

/// No usable device.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// There is no default route, no network card has an address, and no device was named.
    #[error(
        "no device leads to the underlay: there is no default route, and no network card has an address; name the devices with --devices"
    )]
    NoDefaultRoute,
    /// A named device does not exist.
    #[error("there is no device {0}")]
    Missing(String),
    /// The kernel would not say.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
}

/// Finds the devices of the node with these addresses, in the namespace of the socket.
///
/// Nodes meet at the addresses that the cluster has for them, and these need not be where the default
/// route leads: on machines with a network for the cluster and another to the outside they are not.
///
/// # Errors
/// When there is none, or a named one does not exist.
pub fn detect(
    netlink: &Netlink,
    choice: &DeviceChoice,
    node: &Addresses,
) -> Result<Underlay, DeviceError> {
    let addresses = netlink.addresses()?;
    let (links, others) = match choice {
        DeviceChoice::Auto => {
            let own = addresses.iter().filter(|(_, net)| node.iter().any(|ip| ip == net.addr()));
            let own = own.map(|(device, _)| *device).collect();
            let mut main = links_of(netlink, [own, default_route_devices(netlink)?].concat())?;
            // An address of the node may be there, but others reach it by network cards.
            main.retain(|link| !is_loopback(link));
            let mut others = netlink.links()?;
            others.retain(|link| !main.contains(link) && is_card_in_use(link, &addresses));
            (main, others)
        }
        DeviceChoice::Named(names) => {
            let named = names.iter().map(|name| {
                netlink.link_by_name(name).map_err(|error| match error {
                    NetlinkError::NoDevice(name) => DeviceError::Missing(name),
                    other => other.into(),
                })
            });
            (named.collect::<Result<_, _>>()?, Vec::new())
        }
    };
    let counting = if links.is_empty() { &others } else { &links };
    let mtu = counting.iter().map(|link| link.mtu).min().ok_or(DeviceError::NoDefaultRoute)?;
    let all = links.into_iter().chain(others);
    let mut devices: Vec<_> = all.map(|link| device(link, &addresses, node)).collect();
    let is_own = |device: &UnderlayDevice| {
        let has = Addresses { v4: device.v4, v6: device.v6 };
        has.iter().any(|address| node.iter().any(|own| own == address))
    };
    devices.sort_by_key(|device| !is_own(device));
    let has = |own: IpAddr| addresses.iter().any(|(_, net)| net.addr() == own);
    let own = Addresses {
        v4: node.v4.filter(|v4| has((*v4).into())).or(devices.iter().find_map(|one| one.v4)),
        v6: node.v6.filter(|v6| has((*v6).into())).or(devices.iter().find_map(|one| one.v6)),
    };
    Ok(Underlay { devices, own, mtu })
}

/// Loopback has a hardware address of zeros.
fn is_loopback(link: &Link) -> bool {
    link.mac == Some(MacAddr::default())
}

/// Tells whether a device is a network card, several of them or a VLAN on one, and has an address that others
/// can know. Where the route to a place leads by such a device, its packets must be handled there, too.
fn is_card_in_use(link: &Link, addresses: &[(IfIndex, IpNet)]) -> bool {
    let is_card = matches!(link.kind.as_deref(), None | Some("bond" | "team" | "vlan"));
    let mut own = addresses.iter().filter(|(index, _)| *index == link.index);
    let is_ethernet = link.mac.is_some() && !is_loopback(link);
    is_card && is_ethernet && link.up && own.any(|(_, net)| is_known(net.addr()))
}

/// Tells whether others can know an address.
fn is_known(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !v4.is_link_local() && !v4.is_loopback(),
        IpAddr::V6(v6) => !v6.is_unicast_link_local() && !v6.is_loopback(),
    }
}

/// Returns the devices of the default routes: IPv4 first, then by metric.
fn default_route_devices(netlink: &Netlink) -> Result<Vec<IfIndex>, NetlinkError> {
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
    Ok(defaults.into_iter().map(|(_, _, device)| device).collect())
}

/// Returns these devices, each once.
fn links_of(netlink: &Netlink, devices: Vec<IfIndex>) -> Result<Vec<Link>, NetlinkError> {
    let mut links: Vec<Link> = Vec::new();
    for device in devices {
        if !links.iter().any(|link| link.index == device) {
            links.push(netlink.link_by_index(device)?);
        }
    }
    Ok(links)
}

fn device(link: Link, addresses: &[(IfIndex, IpNet)], node: &Addresses) -> UnderlayDevice {
    // The kernel lists the newest address of IPv6 first: one that wanders between nodes, say.
    let own = || {
        let has: Vec<IpAddr> = addresses
            .iter()
            .filter(|(index, _)| *index == link.index)
            .map(|(_, net)| net.addr())
            .collect();
        let of_node: Vec<IpAddr> = node.iter().filter(|address| has.contains(address)).collect();
        of_node.into_iter().chain(has)
    };
    UnderlayDevice {
        ifindex: link.index,
        mtu: link.mtu,
        mac: link.mac.unwrap_or_default(),
        v4: own().find_map(|address| match address {
            IpAddr::V4(v4) if is_known(address) => Some(v4),
            _ => None,
        }),
        v6: own().find_map(|address| match address {
            IpAddr::V6(v6) if is_known(address) => Some(v6),
            _ => None,
        }),
        name: link.name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_cards_with_addresses_are_in_use() {
        let card = Link {
            index: IfIndex(2),
            name: "eth1".into(),
            mac: Some(MacAddr([2, 0, 0, 0, 0, 1])),
            mtu: 1500,
            up: true,
            running: true,
            kind: None,
            master: None,
            peer: None,
            vxlan_port: None,
            external: false,
        };
        let of = |kind: &str| Link { kind: Some(kind.into()), ..card.clone() };
        for (what, link, address, expected) in [
            ("a card", card.clone(), "192.168.7.2/24", true),
            ("with IPv6 only", card.clone(), "fd00::2/64", true),
            ("a bond", of("bond"), "192.168.7.2/24", true),
            ("a VLAN", of("vlan"), "192.168.7.2/24", true),
            ("somebody's bridge", of("bridge"), "172.17.0.1/16", false),
            ("somebody's pod", of("veth"), "172.17.0.1/16", false),
            ("a place for addresses", of("dummy"), "10.96.0.10/32", false),
            ("without an address that others know", card.clone(), "fe80::1/64", false),
            ("not up", Link { up: false, ..card.clone() }, "192.168.7.2/24", false),
            (
                "loopback",
                Link { mac: Some(MacAddr([0; 6])), ..card.clone() },
                "192.168.7.2/32",
                false,
            ),
            ("a tunnel", Link { mac: None, ..card.clone() }, "10.8.0.2/24", false),
            ("without any", Link { index: IfIndex(3), ..card.clone() }, "192.168.7.2/24", false),
        ] {
            let addresses = [(IfIndex(2), address.parse().expect("a prefix"))];
            assert_eq!(is_card_in_use(&link, &addresses), expected, "{what}");
        }
    }
}
