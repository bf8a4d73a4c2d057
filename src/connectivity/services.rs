//! The services of the test: what each is for, and what the cluster made of it.

use std::{collections::BTreeMap, net::IpAddr};

use super::{probe::Protocol, topology::family_of};
use crate::model::Family;

/// What a service of the test is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// It stands for all servers.
    Servers,
    /// The same, at a port of every node.
    NodePort,
    /// It stands for one client, which asks itself.
    Itself,
    /// It stands for nobody.
    Nobody,
    /// It keeps each client with one server.
    Sticky,
    /// It stands for the servers on the client's node.
    Local,
    /// It stands for servers that come and go; clients send datagrams.
    Moving,
    /// It stands for servers that come and go; clients have connections.
    Ending,
    /// It stands for all servers, and for one pod where a local redirect policy says so.
    Redirected,
    /// It stands for all servers, at a port of every node, and for those of the node when asked from outside.
    External,
    /// It stands for all servers, and is kept in the client's zone by hints.
    SameZone,
    /// It stands for all servers, and is kept on the client's node by hints.
    SameNode,
    /// It stands for all servers, by SCTP.
    Sctp,
}

impl Purpose {
    /// Every purpose.
    pub(super) const ALL: [Self; 13] = [
        Self::Servers,
        Self::NodePort,
        Self::Itself,
        Self::Nobody,
        Self::Sticky,
        Self::Local,
        Self::Moving,
        Self::Ending,
        Self::Redirected,
        Self::External,
        Self::SameZone,
        Self::SameNode,
        Self::Sctp,
    ];

    /// Tells whether its service has a port of every node.
    pub(super) const fn has_node_port(self) -> bool {
        matches!(self, Self::NodePort | Self::External)
    }

    /// Returns the name of its service.
    pub const fn service(self) -> &'static str {
        match self {
            Self::Servers => "echo",
            Self::NodePort => "echo-node-port",
            Self::Itself => "echo-itself",
            Self::Nobody => "echo-nobody",
            Self::Sticky => "echo-sticky",
            Self::Local => "echo-local",
            Self::Moving => "echo-moving",
            Self::Ending => "echo-ending",
            Self::Redirected => "echo-redirected",
            Self::External => "echo-external",
            Self::SameZone => "echo-same-zone",
            Self::SameNode => "echo-same-node",
            Self::Sctp => "echo-sctp",
        }
    }
}

/// A service, as the cluster made it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Service {
    /// Its own addresses, one of each of its families.
    pub addresses: Vec<IpAddr>,
    /// The port of every node that stands for its TCP port.
    pub tcp_node_port: Option<u16>,
    /// The same for its UDP port.
    pub udp_node_port: Option<u16>,
}

impl Service {
    /// Returns its address in a family.
    pub(super) fn address(&self, family: Family) -> Option<IpAddr> {
        self.addresses.iter().copied().find(|address| family_of(*address) == family)
    }

    /// Returns the port of nodes at which a protocol is spoken.
    pub(super) const fn node_port(&self, protocol: Protocol) -> Option<u16> {
        match protocol {
            Protocol::Udp => self.udp_node_port,
            _ => self.tcp_node_port,
        }
    }
}

/// The services, or why the cluster did not admit them.
pub type Services = BTreeMap<Purpose, Result<Service, String>>;

/// Returns services that a cluster of these families could have made, for tests of plans.
#[cfg(test)]
pub(super) fn example(families: &[Family]) -> Services {
    let service = |(number, purpose): (usize, Purpose)| {
        let address = |family: &Family| match family {
            Family::V4 => format!("10.96.1.{number}"),
            Family::V6 => format!("fd00:96::{number}"),
        };
        let addresses = families.iter().map(address);
        let addresses = addresses.map(|text| text.parse().expect("an address")).collect();
        let node_port = purpose.has_node_port().then_some(30_000);
        (purpose, Ok(Service { addresses, tcp_node_port: node_port, udp_node_port: node_port }))
    };
    (1..).zip(Purpose::ALL).map(service).collect()
}
