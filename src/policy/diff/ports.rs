//! Which packets are tried: every port that a rule or a pod names, the usual ones, and for each
//! protocol one that nobody names and that stands for all others.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use crate::policy::{
    cluster::Actor,
    judge::Packet,
    rule::{self, Policy, PortMatch, PortRange, Protocol},
};

/// Ports that are tried in any case.
const USUAL: [(Protocol, u16); 7] = [
    (Protocol::Tcp, 53),
    (Protocol::Udp, 53),
    (Protocol::Tcp, 80),
    (Protocol::Tcp, 443),
    (Protocol::Tcp, 8080),
    (Protocol::Icmp, 8),
    (Protocol::Icmpv6, 128),
];

/// What is tried: a port, or all that have no name here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Probe {
    /// The protocol.
    pub protocol: Protocol,
    /// The port or the ICMP type; `None` = every one that no rule and no pod names.
    pub port: Option<u16>,
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = self.protocol.name().to_ascii_lowercase();
        match self.port {
            Some(port) => write!(f, "{port}/{protocol}"),
            None => write!(f, "other/{protocol}"),
        }
    }
}

/// The probes and their packets.
#[derive(Debug, Default)]
pub struct Ports {
    named: BTreeMap<Protocol, BTreeSet<u16>>,
    ranges: BTreeMap<Protocol, Vec<PortRange>>,
}

impl Ports {
    /// Starts with the usual ports.
    pub fn new() -> Self {
        let mut ports = Self::default();
        for (protocol, port) in USUAL {
            ports.named.entry(protocol).or_default().insert(port);
        }
        ports
    }

    /// Adds the ports that policies name.
    pub fn add_policies(&mut self, policies: &[Arc<Policy>]) {
        for rule in policies.iter().flat_map(|policy| &policy.rules) {
            let rule::Ports::Of(list) = &rule.ports else { continue };
            for item in list {
                let PortMatch::Range(range) = item.ports else { continue };
                let named = self.named.entry(item.protocol).or_default();
                named.extend([range.first, range.last]);
                self.ranges.entry(item.protocol).or_default().push(range);
            }
        }
    }

    /// Adds the ports that pods name.
    pub fn add_pods(&mut self, pods: &[Actor]) {
        for port in pods.iter().flat_map(|pod| &pod.ports) {
            self.named.entry(port.protocol).or_default().insert(port.port);
        }
    }

    /// Returns what is tried, with a packet for each.
    pub fn probes(&self) -> Vec<(Probe, Packet)> {
        let mut probes = Vec::new();
        for (&protocol, named) in &self.named {
            let one = |&port| (Probe { protocol, port: Some(port) }, Packet { protocol, port });
            probes.extend(named.iter().map(one));
            let is_icmp = matches!(protocol, Protocol::Icmp | Protocol::Icmpv6);
            if let Some(port) = self.other(protocol).filter(|_| !is_icmp) {
                probes.push((Probe { protocol, port: None }, Packet { protocol, port }));
            }
        }
        probes
    }

    /// Finds a port that nobody names; from the dynamic ones down.
    fn other(&self, protocol: Protocol) -> Option<u16> {
        let named = &self.named[&protocol];
        let ranges = self.ranges.get(&protocol).map(Vec::as_slice).unwrap_or_default();
        (1..=49_151).rev().find(|port| {
            !named.contains(port) && !ranges.iter().any(|range| range.range().contains(port))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_port_stands_for_all_that_have_no_name() {
        let ports = Ports::new();
        let probes: Vec<String> =
            ports.probes().iter().map(|(probe, _)| probe.to_string()).collect();
        let all = "53/tcp 80/tcp 443/tcp 8080/tcp other/tcp 53/udp other/udp 8/icmp 128/icmpv6";
        assert_eq!(probes.join(" "), all);
    }
}
