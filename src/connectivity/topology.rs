//! Who takes part: what the plan is made from.

use std::net::IpAddr;

use super::{hints::Hints, probe::Host, scenario::Profile, services::Services};
use crate::model::Family;

/// A pod of the test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// Name of the pod.
    pub name: String,
    /// Name of its node.
    pub node: String,
    /// Its addresses; the node's, of a pod on the host network.
    pub addresses: Vec<IpAddr>,
}

impl Actor {
    /// Returns its address in a family.
    pub fn address(&self, family: Family) -> Option<IpAddr> {
        self.addresses.iter().copied().find(|address| family_of(*address) == family)
    }

    /// Returns the team of a client.
    pub(super) fn team(&self) -> &'static str {
        team(&self.name)
    }
}

/// Returns the team of a client, by its name: the second client of a node plays against the first
/// ones.
pub(super) fn team(client: &str) -> &'static str {
    if client.ends_with('b') { "b" } else { "a" }
}

/// Returns the family of an address.
pub(super) const fn family_of(address: IpAddr) -> Family {
    match address {
        IpAddr::V4(_) => Family::V4,
        IpAddr::V6(_) => Family::V6,
    }
}

/// Both families, in the order of reports.
pub(super) const FAMILIES: [Family; 2] = [Family::V4, Family::V6];

/// Returns the name of a family in reports.
pub const fn family_name(family: Family) -> &'static str {
    match family {
        Family::V4 => "ipv4",
        Family::V6 => "ipv6",
    }
}

/// How an external target is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manners {
    /// It is somebody's: one connection, and nothing else.
    Stranger,
    /// It is a lab's, or made for tests: it answers HTTP and pings, and refuses other UDP ports.
    Friend {
        /// Port on which it gives TCP and UDP bytes back.
        echo: Option<u16>,
    },
}

/// A place outside the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct External {
    /// Where.
    pub host: Host,
    /// Its TCP port.
    pub port: u16,
    /// What may be expected of it.
    pub manners: Manners,
}

/// What the test knows about cluster DNS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dns {
    /// Pods have a resolver for the cluster's names.
    Present {
        /// Addresses of the service `default/kubernetes`.
        kubernetes: Vec<IpAddr>,
    },
    /// There is none.
    Absent {
        /// How that shows.
        reason: String,
    },
}

/// Everyone and everything.
#[derive(Clone, Debug)]
pub struct Topology {
    /// How much is tried.
    pub profile: Profile,
    /// Namespace of the pods.
    pub namespace: String,
    /// Nodes that have pods of the test.
    pub nodes: Vec<String>,
    /// Families that pods have addresses of.
    pub families: Vec<Family>,
    /// Pods that try, at least one on every node, and a second one on the first.
    pub clients: Vec<Actor>,
    /// Pods that serve, one on every node.
    pub servers: Vec<Actor>,
    /// Pods on the host network, one on every node.
    pub hosts: Vec<Actor>,
    /// The pod that has a port of its node, or why there is none.
    pub host_port: Result<Actor, String>,
    /// Why there are no pods on the host network, when there are none.
    pub no_hosts: Option<String>,
    /// Why policies for nodes cannot be tried, when they cannot.
    pub no_host_firewall: Option<String>,
    /// Places outside.
    pub externals: Vec<External>,
    /// The client outside, or why there is none.
    pub outside: Result<Actor, String>,
    /// Cluster DNS.
    pub dns: Dns,
    /// Services of the test; none when no scenario asks for them.
    pub services: Services,
    /// Whether local redirect policies are in force, or why not.
    pub redirects: Result<(), String>,
    /// What the cluster made of services that are to be kept near.
    pub hints: Hints,
    /// Port of the servers.
    pub port: u16,
}

#[cfg(test)]
impl Topology {
    /// Returns a topology of so many nodes, for tests of plans.
    pub(super) fn example(profile: Profile, nodes: usize, families: &[Family]) -> Self {
        let actor = |name: &str, node: usize, block: usize| Actor {
            name: name.to_owned(),
            node: format!("node-{node}"),
            addresses: families
                .iter()
                .map(|family| match family {
                    Family::V4 => format!("10.{block}.{node}.1"),
                    Family::V6 => format!("fd00:{block}:{node}::1"),
                })
                .map(|text| text.parse().expect("an address"))
                .collect(),
        };
        let each = |name: &str, block| {
            let all = (1..=nodes).map(|node| actor(&format!("{name}-{node}"), node, block));
            all.collect::<Vec<_>>()
        };
        let mut clients = each("client", 1);
        clients.insert(1, actor("client-1b", 1, 2));
        let world = families.iter().flat_map(|family| match family {
            Family::V4 => ["198.51.100.10", "203.0.113.10"],
            Family::V6 => ["2001:db8:1::10", "2001:db8:2::10"],
        });
        let world = world.map(|text| External {
            host: Host::Address(text.parse().expect("an address")),
            port: 80,
            manners: Manners::Friend { echo: Some(7) },
        });
        Self {
            profile,
            namespace: "skep-test".into(),
            nodes: (1..=nodes).map(|node| format!("node-{node}")).collect(),
            families: families.to_vec(),
            clients,
            servers: each("server", 3),
            hosts: each("host", 4),
            host_port: Ok(actor("host-port-1", 1, 5)),
            no_hosts: None,
            no_host_firewall: None,
            externals: world.collect(),
            outside: Ok(Actor {
                name: super::outside::STRANGER.to_owned(),
                node: super::outside::OUTSIDE.to_owned(),
                addresses: families
                    .iter()
                    .map(|family| match family {
                        Family::V4 => "198.51.100.10",
                        Family::V6 => "2001:db8:1::10",
                    })
                    .map(|text| text.parse().expect("an address"))
                    .collect(),
            }),
            dns: Dns::Present { kubernetes: vec!["10.96.0.1".parse().expect("an address")] },
            services: super::services::example(families),
            redirects: Ok(()),
            hints: super::hints::example(nodes, families),
            port: super::serve::PORT,
        }
    }
}
