//! The catalogue: every scenario, in the order in which they are run and reported.

use std::fmt;

use super::{
    plan::{self, Planned},
    topology::Topology,
};

/// How much is tried. Each profile has all of the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Profile {
    /// The essence, on two nodes.
    Smoke,
    /// Everything, on three nodes at most.
    #[default]
    Standard,
    /// Everything, on every node, and with the largest packets there are.
    Full,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 3] = [Self::Smoke, Self::Standard, Self::Full];

    /// Returns the name, as in `--profile`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Smoke => "smoke",
            Self::Standard => "standard",
            Self::Full => "full",
        }
    }

    /// Returns how many nodes get pods at most.
    pub const fn nodes(self) -> usize {
        match self {
            Self::Smoke => 2,
            Self::Standard => 3,
            Self::Full => usize::MAX,
        }
    }
}

/// Something that is tried, between whoever is there for it.
#[derive(Clone, Copy)]
pub struct Scenario {
    /// The test it is part of.
    pub test: &'static str,
    /// Its own name, unique among all.
    pub name: &'static str,
    /// The first profile that has it.
    pub profile: Profile,
    /// What it tries, in a line.
    pub summary: &'static str,
    /// Decides what is tried.
    pub(super) plan: fn(&Topology) -> Planned,
}

impl Scenario {
    /// Every scenario.
    pub const ALL: &'static [Self] = ALL;
}

impl PartialEq for Scenario {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Scenario {}

impl fmt::Debug for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scenario({self})")
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.test, self.name)
    }
}

const fn scenario(
    test: &'static str,
    name: &'static str,
    profile: Profile,
    plan: fn(&Topology) -> Planned,
    summary: &'static str,
) -> Scenario {
    Scenario { test, name, profile, summary, plan }
}

use Profile::{Smoke, Standard};

const BASE: &str = "no-policies";
const MTU: &str = "mtu";
const LARGE: &str = "large";
const ERRORS: &str = "icmp-errors";
const PROBES: &str = "probes";
const DNS: &str = "dns";

#[rustfmt::skip]
const ALL: &[Scenario] = &[
    scenario(BASE, "pod-to-pod", Smoke, plan::base::pod_to_pod, "Pods reach pods of their own and of other nodes, and keep their address"),
    scenario(BASE, "client-to-client", Smoke, plan::base::client_to_client, "Pods that serve nothing reach each other by ICMP"),
    scenario(BASE, "pod-to-itself", Standard, plan::base::pod_to_itself, "A pod reaches its own address"),
    scenario(BASE, "pod-to-host", Smoke, plan::base::pod_to_host, "Pods reach the host network of their own node"),
    scenario(BASE, "pod-to-remote-host", Smoke, plan::base::pod_to_remote_host, "Pods reach the host network of other nodes"),
    scenario(BASE, "host-to-pod", Smoke, plan::base::host_to_pod, "Nodes reach pods of their own and of other nodes"),
    scenario(BASE, "host-to-host", Standard, plan::base::host_to_host, "Nodes reach nodes"),
    scenario(BASE, "pod-to-world", Smoke, plan::world::pod_to_world, "Pods reach the external targets"),
    scenario(BASE, "host-to-world", Standard, plan::world::host_to_world, "Nodes reach the external targets"),
    scenario(BASE, "world-to-pod-replies", Standard, plan::world::replies, "Long, and fragmented, answers from outside come back to pods"),
    scenario(MTU, "pod-to-pod-mtu", Standard, plan::mtu::pod_to_pod, "Unfragmented packets of the route's MTU arrive, larger ones are refused"),
    scenario(MTU, "pod-to-host-mtu", Standard, plan::mtu::pod_to_host, "The same from pods to nodes"),
    scenario(MTU, "host-to-pod-mtu", Standard, plan::mtu::host_to_pod, "The same from nodes to pods"),
    scenario(MTU, "host-to-host-mtu", Standard, plan::mtu::host_to_host, "The same between nodes"),
    scenario(MTU, "pod-to-world-mtu", Standard, plan::world::mtu, "The same from pods to the external targets"),
    scenario(LARGE, "pod-to-pod-large", Standard, plan::large::pod_to_pod, "Fragmented datagrams and long streams between pods arrive unchanged"),
    scenario(LARGE, "pod-to-host-large", Standard, plan::large::pod_to_host, "The same from pods to nodes"),
    scenario(LARGE, "host-to-pod-large", Standard, plan::large::host_to_pod, "The same from nodes to pods"),
    scenario(ERRORS, "connection-refused", Standard, plan::errors::connection_refused, "A closed TCP port refuses at once"),
    scenario(ERRORS, "port-unreachable", Standard, plan::errors::port_unreachable, "A closed UDP port is answered by ICMP port unreachable"),
    scenario(ERRORS, "packet-too-big", Standard, plan::errors::packet_too_big, "A packet too big for the overlay is answered by ICMP with the right MTU"),
    scenario(ERRORS, "ttl-exceeded", Standard, plan::errors::ttl_exceeded, "A packet whose time to live ends is answered by ICMP, by the router"),
    scenario(PROBES, "kubelet-exec", Smoke, plan::probes::exec, "Exec probes of kubelets succeed"),
    scenario(PROBES, "kubelet-http", Standard, plan::probes::http, "HTTP probes of kubelets reach pods"),
    scenario(PROBES, "kubelet-tcp", Standard, plan::probes::tcp, "TCP probes of kubelets reach pods"),
    scenario(DNS, "dns-service", Smoke, plan::dns::service, "Pods resolve the cluster's own service"),
    scenario(DNS, "dns-headless", Standard, plan::dns::headless, "A headless service resolves to its pods"),
    scenario(DNS, "dns-absent", Standard, plan::dns::absent, "A name that does not exist is answered as such, quickly"),
    scenario(DNS, "dns-world", Standard, plan::dns::world, "Pods resolve the external targets that are given by name"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_make_good_patterns() {
        let names: BTreeSet<_> = Scenario::ALL.iter().map(|scenario| scenario.name).collect();
        assert_eq!(names.len(), Scenario::ALL.len());
        for scenario in Scenario::ALL {
            let text = scenario.to_string();
            let fine = |c: char| c.is_ascii_lowercase() || c == '-' || c == '/';
            assert!(text.chars().all(fine), "{text}");
            assert!(scenario.summary.len() <= 80, "{text}");
        }
    }

    #[test]
    fn profiles_grow() {
        let count =
            |profile| Scenario::ALL.iter().filter(|scenario| scenario.profile <= profile).count();
        assert!(count(Smoke) < count(Standard));
        assert_eq!(count(Profile::Full), Scenario::ALL.len());
    }
}
