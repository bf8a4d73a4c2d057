//! What is tried: for each scenario, the checks between whoever is there. Pure.

pub(super) mod base;
pub(super) mod dns;
pub(super) mod errors;
pub(super) mod external_policy;
pub(super) mod host_port;
pub(super) mod large;
pub(super) mod mtu;
pub(super) mod outside;
pub(super) mod probes;
pub(super) mod services;
pub(super) mod topology;
pub(super) mod world;

use std::net::IpAddr;

use super::{
    expect::Expectation,
    gate::Gate,
    probe::{Probe, Protocol},
    scenario::Scenario,
    topology::{Actor, FAMILIES, Topology},
};
use crate::model::Family;

/// What people call places outside the cluster.
pub(super) const WORLD: &str = "world";

/// Why nothing is tried between nodes.
pub(super) const ONE_NODE: &str = "other nodes: the cluster has one usable node only";

/// One thing that one pod tries, and what should happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Who tries.
    pub from: Actor,
    /// Who is asked.
    pub to: Peer,
    /// In which family; none for what has none.
    pub family: Option<Family>,
    /// What is done.
    pub action: Action,
    /// What should happen.
    pub expectation: Expectation,
    /// Whether it may fail at first, as what it asks for spreads with some delay.
    pub may_settle: bool,
}

/// Who is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Name of a pod, or what people call it.
    pub name: String,
    /// Its node; none of a name, of a service's own address, and outside the cluster.
    pub node: Option<String>,
    /// Its address, when it is known beforehand.
    pub address: Option<IpAddr>,
}

impl Peer {
    /// Returns where it is, for people.
    pub fn place(&self) -> &str {
        match &self.node {
            Some(node) => node,
            None if self.name == WORLD => "outside",
            None if self.address.is_some() => "service",
            None => "name",
        }
    }
}

/// What is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// The pod runs a probe.
    Probe(Probe),
    /// The pod's readiness is watched, as its kubelet reports it.
    Readiness,
    /// The agents are asked what happened.
    Look(Gate),
}

impl Check {
    /// Returns what it speaks.
    pub const fn protocol(&self) -> &'static str {
        match &self.action {
            Action::Probe(probe) => probe.protocol.name(),
            Action::Readiness => "readiness",
            Action::Look(Gate::Drops) => "drops",
            Action::Look(Gate::Flows) => "flows",
            Action::Look(Gate::Logs) => "logs",
        }
    }
}

/// What a scenario tries, and what it cannot try here.
#[derive(Clone, Debug, Default)]
pub struct Planned {
    /// What is tried.
    pub checks: Vec<Check>,
    /// What is not, with the reason.
    pub gaps: Vec<String>,
}

/// A scenario and what it tries.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The scenario.
    pub scenario: &'static Scenario,
    /// What it tries.
    pub planned: Planned,
}

/// Plans scenarios.
pub fn plan(scenarios: &[&'static Scenario], topology: &Topology) -> Vec<Plan> {
    scenarios.iter().map(|scenario| Plan { scenario, planned: scenario.plan(topology) }).collect()
}

/// On which node the peer is, seen from the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Same,
    Other,
    Any,
}

/// Two who meet, in one family.
struct Pair {
    source: IpAddr,
    target: IpAddr,
}

impl Planned {
    /// Adds what every source tries with every target in that place, in every family that both
    /// have.
    fn meet(
        &mut self,
        topology: &Topology,
        (sources, targets, place): (&[Actor], &[Actor], Place),
        tries: impl Fn(&Pair) -> Vec<(Probe, Expectation)>,
    ) {
        if let (Some(reason), true) = (&topology.no_hosts, sources.is_empty() || targets.is_empty())
        {
            self.gap(format!("no pods on the host network: {reason}"));
            return;
        }
        if place != Place::Same && topology.nodes.len() < 2 {
            self.gap(ONE_NODE.to_owned());
        }
        for from in sources {
            for to in targets.iter().filter(|to| to.name != from.name) {
                let same = from.node == to.node;
                if (place == Place::Same && !same) || (place == Place::Other && same) {
                    continue;
                }
                for family in FAMILIES {
                    if let (Some(source), Some(target)) = (from.address(family), to.address(family))
                    {
                        let pair = Pair { source, target };
                        let peer = Peer {
                            name: to.name.clone(),
                            node: Some(to.node.clone()),
                            address: Some(target),
                        };
                        self.add(from, &peer, family, tries(&pair));
                    }
                }
            }
        }
    }

    pub(super) fn add(
        &mut self,
        from: &Actor,
        to: &Peer,
        family: Family,
        tries: Vec<(Probe, Expectation)>,
    ) {
        self.checks.extend(tries.into_iter().map(|(probe, expectation)| Check {
            from: from.clone(),
            to: to.clone(),
            family: Some(family),
            may_settle: probe.protocol == Protocol::Dns,
            action: Action::Probe(probe),
            expectation,
        }));
    }

    /// Lets everything fail at first.
    pub(super) fn settling(mut self) -> Self {
        for check in &mut self.checks {
            check.may_settle = true;
        }
        self
    }

    /// Notes what cannot be tried; the same reason once.
    pub(super) fn gap(&mut self, reason: String) {
        if !self.gaps.contains(&reason) {
            self.gaps.push(reason);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectivity::{Profile, Scenario, outside::OUTSIDE};

    fn planned(profile: Profile, nodes: usize, families: &[Family]) -> Vec<Plan> {
        let scenarios: Vec<_> = Scenario::ALL.iter().collect();
        plan(&scenarios, &Topology::example(profile, nodes, families))
    }

    #[test]
    fn both_families_are_tried_alike() {
        for Plan { scenario, planned } in planned(Profile::Standard, 3, &FAMILIES) {
            if scenario.test == "probes" || scenario.name == "dns-service" {
                continue;
            }
            let count =
                |family| planned.checks.iter().filter(|check| check.family == Some(family)).count();
            assert_eq!(count(Family::V4), count(Family::V6), "{scenario}");
            let missing = planned.checks.is_empty();
            assert_eq!(missing, scenario.name == "dns-world", "{scenario}: {:?}", planned.gaps);
        }
    }

    #[test]
    fn one_family_tries_its_own_only() {
        for family in FAMILIES {
            for Plan { scenario, planned } in planned(Profile::Standard, 2, &[family]) {
                for check in &planned.checks {
                    let own = check.family.is_none_or(|used| used == family);
                    assert!(own || scenario.test == "dns", "{scenario}: {check:?}");
                }
            }
        }
    }

    #[test]
    fn one_node_says_what_it_cannot_try() {
        for Plan { scenario, planned } in planned(Profile::Standard, 1, &FAMILIES) {
            let elsewhere =
                planned.checks.iter().filter(|check| check.from.node != OUTSIDE).any(|check| {
                    check.to.node.as_ref().is_some_and(|node| *node != check.from.node)
                });
            assert!(!elsewhere, "{scenario}");
            let told = planned.gaps.iter().any(|gap| gap.contains("one usable node"));
            let is_policy_inside = scenario.policies().is_some()
                && planned.checks.iter().any(|check| check.to.node.is_some());
            let needs_others = [
                "pod-to-pod",
                "pod-to-pod-sctp",
                "client-to-client",
                "pod-to-remote-host",
                "host-to-pod",
                "host-to-host",
                "pod-to-pod-mtu",
                "pod-to-host-mtu",
                "host-to-pod-mtu",
                "host-to-host-mtu",
                "pod-to-pod-large",
                "pod-to-host-large",
                "host-to-pod-large",
                "connection-refused",
                "port-unreachable",
                "packet-too-big",
                "ttl-exceeded",
                "pod-to-service",
                "pod-to-service-sctp",
                "node-to-service",
                "pod-to-nodeport",
                "node-to-nodeport",
                "pod-to-hostport",
                "stale-udp-backend",
                "graceful-termination",
                "local-redirect-policy",
                "service-external-traffic-policy",
                "service-topology",
                "service-session-affinity",
                "service-internal-traffic-policy",
            ];
            assert_eq!(
                told,
                needs_others.contains(&scenario.name) || is_policy_inside,
                "{scenario}: {:?}",
                planned.gaps
            );
        }
    }

    #[test]
    fn without_host_pods_the_reason_is_told() {
        let mut topology = Topology::example(Profile::Standard, 2, &FAMILIES);
        topology.hosts.clear();
        topology.no_hosts = Some("forbidden".into());
        let scenarios: Vec<_> = Scenario::ALL.iter().collect();
        for Plan { scenario, planned } in plan(&scenarios, &topology) {
            let told = planned.gaps.iter().any(|gap| gap.ends_with("forbidden"));
            assert_eq!(
                told,
                format!("{scenario}").contains("host")
                    || planned.gaps.iter().any(|gap| gap.contains("host network")),
                "{scenario}"
            );
            assert!(
                !planned.checks.is_empty() || told || scenario.name == "dns-world",
                "{scenario}"
            );
        }
    }

    #[test]
    fn pods_must_see_each_other_as_they_are() {
        let all = planned(Profile::Smoke, 2, &FAMILIES);
        let pods = all.iter().find(|plan| plan.scenario.name == "pod-to-pod").unwrap();
        assert_eq!(pods.planned.checks.len(), 3 * 2 * 2, "3 clients, 2 servers, 2 families");
        for check in &pods.planned.checks {
            let source = check.from.address(check.family.unwrap());
            assert_eq!(check.expectation, Expectation::AnswerTo(source.unwrap()));
        }
    }
}
