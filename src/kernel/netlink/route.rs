//! Routes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use netlink_packet_core::{NLM_F_CREATE, NLM_F_REPLACE};
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    route::{
        RouteAddress, RouteAttribute, RouteFlags, RouteHeader, RouteMessage, RouteMetric,
        RouteProtocol, RouteScope, RouteType,
    },
};

use super::{Netlink, NetlinkError, address::family};
use crate::model::IfIndex;

/// What a route does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RouteKind {
    /// Sends packets on.
    #[default]
    Unicast,
    /// Delivers locally.
    Local,
    /// Drops silently.
    Blackhole,
    /// Refuses with an ICMP error.
    Unreachable,
    /// Something else (multicast, broadcast, anycast); only in listings.
    Other,
}

/// A route, to add or as the kernel reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Where to; the default route is 0.0.0.0/0 or ::/0.
    pub destination: IpNet,
    /// Next hop.
    pub via: Option<IpAddr>,
    /// Device.
    pub device: Option<IfIndex>,
    /// The next hop is on the link although no address of the device says so.
    pub onlink: bool,
    /// Preferred source.
    pub source: Option<IpAddr>,
    /// MTU of the route.
    pub mtu: Option<u32>,
    /// Metric; lower wins.
    pub priority: Option<u32>,
    /// Routing table; 254 is the main one.
    pub table: u32,
    /// What it does.
    pub kind: RouteKind,
}

impl Route {
    /// Starts a unicast route of the main table.
    pub fn to(destination: impl Into<IpNet>) -> Self {
        Self {
            destination: destination.into().trunc(),
            via: None,
            device: None,
            onlink: false,
            source: None,
            mtu: None,
            priority: None,
            table: RouteHeader::RT_TABLE_MAIN.into(),
            kind: RouteKind::Unicast,
        }
    }

    /// Starts the default route of a family.
    pub fn default_of(address: IpAddr) -> Self {
        Self::to(unspecified(address.is_ipv6()))
    }

    /// Starts a route to one address.
    pub fn to_host(address: IpAddr) -> Self {
        Self::to(IpNet::from(address))
    }

    /// Sends through a next hop.
    #[must_use]
    pub fn via(mut self, gateway: IpAddr) -> Self {
        self.via = Some(gateway);
        self
    }

    /// Sends through a device.
    #[must_use]
    pub fn dev(mut self, device: IfIndex) -> Self {
        self.device = Some(device);
        self
    }

    /// Treats the next hop as on the link.
    #[must_use]
    pub fn onlink(mut self) -> Self {
        self.onlink = true;
        self
    }

    /// Sets the MTU.
    #[must_use]
    pub fn mtu(mut self, mtu: u32) -> Self {
        self.mtu = Some(mtu);
        self
    }

    /// Sets the preferred source.
    #[must_use]
    pub fn source(mut self, source: IpAddr) -> Self {
        self.source = Some(source);
        self
    }

    /// Sets what the route does.
    #[must_use]
    pub fn kind(mut self, kind: RouteKind) -> Self {
        self.kind = kind;
        self
    }
}

impl Netlink {
    /// Adds a route, or replaces the one to the same destination.
    ///
    /// # Errors
    /// When the device is down or absent, the next hop cannot be reached, or the kernel refuses.
    pub fn add_route(&self, route: &Route) -> Result<(), NetlinkError> {
        let message = RouteNetlinkMessage::NewRoute(route_message(route));
        self.request(message, NLM_F_CREATE | NLM_F_REPLACE, || {
            format!("add the route to {}", route.destination)
        })
    }

    /// Removes a route.
    ///
    /// # Errors
    /// When it is not there, or the kernel refuses.
    pub fn remove_route(&self, route: &Route) -> Result<(), NetlinkError> {
        let message = RouteNetlinkMessage::DelRoute(route_message(route));
        self.request(message, 0, || format!("remove the route to {}", route.destination))
    }

    /// Returns the routes of all tables and both families, without cached and local ones of IPv6.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn routes(&self) -> Result<Vec<Route>, NetlinkError> {
        let mut routes = Vec::new();
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            let mut message = RouteMessage::default();
            message.header.address_family = family;
            let request = RouteNetlinkMessage::GetRoute(message);
            let answer = self.dump(&request, || "list the routes".into())?;
            routes.extend(answer.iter().filter_map(route));
        }
        Ok(routes)
    }
}

fn unspecified(v6: bool) -> IpNet {
    if v6 {
        Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 0).into()
    } else {
        Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0).into()
    }
}

fn route_message(route: &Route) -> RouteMessage {
    let mut message = RouteMessage::default();
    let header = &mut message.header;
    header.address_family = family(route.destination.addr());
    header.destination_prefix_length = route.destination.prefix_len();
    header.table = u8::try_from(route.table).unwrap_or(RouteHeader::RT_TABLE_UNSPEC);
    header.protocol = RouteProtocol::Static;
    header.kind = match route.kind {
        RouteKind::Local => RouteType::Local,
        RouteKind::Blackhole => RouteType::BlackHole,
        RouteKind::Unreachable => RouteType::Unreachable,
        RouteKind::Unicast | RouteKind::Other => RouteType::Unicast,
    };
    header.scope = match (route.kind, route.via) {
        (RouteKind::Local, _) => RouteScope::Host,
        (RouteKind::Unicast, None) => RouteScope::Link,
        _ => RouteScope::Universe,
    };
    if route.onlink {
        header.flags = RouteFlags::Onlink;
    }
    message.attributes.push(RouteAttribute::Table(route.table));
    if route.destination.prefix_len() > 0 {
        message.attributes.push(RouteAttribute::Destination(route.destination.addr().into()));
    }
    let optional = [
        route.via.map(|via| RouteAttribute::Gateway(via.into())),
        route.device.map(|device| RouteAttribute::Oif(device.0)),
        route.source.map(|source| RouteAttribute::PrefSource(source.into())),
        route.mtu.map(|mtu| RouteAttribute::Metrics(vec![RouteMetric::Mtu(mtu)])),
        route.priority.map(RouteAttribute::Priority),
    ];
    message.attributes.extend(optional.into_iter().flatten());
    message
}

fn route(message: &RouteNetlinkMessage) -> Option<Route> {
    let RouteNetlinkMessage::NewRoute(message) = message else { return None };
    let header = &message.header;
    if header.flags.contains(RouteFlags::Cloned) {
        return None;
    }
    let mut found = Route::to(unspecified(header.address_family == AddressFamily::Inet6));
    found.table = header.table.into();
    found.onlink = header.flags.contains(RouteFlags::Onlink);
    found.kind = match header.kind {
        RouteType::Unicast => RouteKind::Unicast,
        RouteType::Local => RouteKind::Local,
        RouteType::BlackHole => RouteKind::Blackhole,
        RouteType::Unreachable => RouteKind::Unreachable,
        _ => RouteKind::Other,
    };
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Destination(to) => {
                found.destination = IpNet::new(ip(to)?, header.destination_prefix_length).ok()?;
            }
            RouteAttribute::Gateway(via) => found.via = ip(via),
            RouteAttribute::Oif(device) => found.device = Some(IfIndex(*device)),
            RouteAttribute::PrefSource(source) => found.source = ip(source),
            RouteAttribute::Priority(priority) => found.priority = Some(*priority),
            RouteAttribute::Table(table) => found.table = *table,
            RouteAttribute::Metrics(metrics) => {
                found.mtu = metrics.iter().find_map(|metric| match metric {
                    RouteMetric::Mtu(mtu) => Some(*mtu),
                    _ => None,
                });
            }
            _ => {}
        }
    }
    Some(found)
}

fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(v4) => Some(IpAddr::V4(*v4)),
        RouteAddress::Inet6(v6) => Some(IpAddr::V6(*v6)),
        _ => None,
    }
}
