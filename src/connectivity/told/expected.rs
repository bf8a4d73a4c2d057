//! What agents must tell of a check that was answered. Pure.

use super::talk::{Talk, Told};
use crate::connectivity::{
    expect::Expectation,
    outside::OUTSIDE,
    plan::{Action, Check, Peer},
    policy::Side,
    probe::{Outcome, Protocol},
    services::Purpose,
    topology::Topology,
};

/// What is before a pod's name where it is named as a service is.
const POD: &str = "pod/";

/// What the agent of one node must tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Expected {
    pub(super) node: String,
    pub(super) told: Told,
}

/// Returns what agents must tell of a check that ended so; nothing of one that was not answered.
pub(super) fn expected(check: &Check, outcome: &Outcome, topology: &Topology) -> Vec<Expected> {
    let is_answered = matches!(
        outcome,
        Outcome::Answered { .. } | Outcome::Resolved { .. } | Outcome::NoSuchName
    );
    if is_answered { if_answered(check, topology) } else { Vec::new() }
}

/// Returns what agents must tell of a check once it was answered; nothing if it should not be.
pub(super) fn if_answered(check: &Check, topology: &Topology) -> Vec<Expected> {
    let answers = matches!(
        check.expectation,
        Expectation::Answer
            | Expectation::AnswerTo(_)
            | Expectation::Servers(_)
            | Expectation::OneServer(_)
            | Expectation::Resolves(_)
            | Expectation::ResolvesSomehow
            | Expectation::NoSuchName
    );
    let all = answers.then(|| of_packets(check, topology)).flatten();
    all.unwrap_or_default()
}

fn of_packets(check: &Check, topology: &Topology) -> Option<Vec<Expected>> {
    let Action::Probe(probe) = &check.action else { return None };
    // Whom agents see when somebody outside asks depends on what is between.
    if check.from.node == OUTSIDE {
        return None;
    }
    let expect_at = |node: &str, told| Some(vec![expect(node, told)]);
    let protocol = match probe.protocol {
        Protocol::Http | Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
        Protocol::Sctp => "sctp",
        Protocol::Icmp => "icmp",
        Protocol::Source => return None,
        // Name servers are at different places in different clusters: on nodes, behind services, elsewhere.
        Protocol::Dns => {
            return expect_at(&check.from.node, Told::Question(check.from.name.clone()));
        }
    };
    let ends = (check.from.address(check.family?)?, check.to.address?);
    if let Some(service) = service(&check.to, topology) {
        let told = Told::Service { client: ends.0, protocol, service };
        // A host's datagrams are translated at its socket, which is told for connected ones only. What a pod sends
        // to itself by way of a service never leaves it, and its datagrams are not told either.
        let is_told =
            protocol == "tcp" || !(is_host(&check.from.name, topology) || asks_itself(check));
        return Some(is_told.then(|| expect(&check.from.node, told)).into_iter().collect());
    }
    if let Some(pod) = topology.host_port.as_ref().ok().filter(|pod| pod.name == check.to.name) {
        let service = (topology.namespace.clone(), format!("{POD}{}", pod.name));
        // It is served on its node only, whoever asks from wherever.
        return expect_at(&pod.node, Told::Service { client: ends.0, protocol, service });
    }
    // Packets of a pod to itself stay in it.
    if ends.0 == ends.1 {
        return None;
    }
    let (from, to) = (&check.from, &check.to);
    let source = End { node: Some(&from.node), is_pod: !is_host(&from.name, topology) };
    let target =
        End { node: to.node.as_deref(), is_pod: to.node.is_some() && !is_host(&to.name, topology) };
    let talks = |way: Vec<(&str, Side)>, is_reply| {
        let talk = |side| Talk { ends, protocol, port: probe.port, side, is_reply };
        way.into_iter().map(|(node, side)| expect(node, Told::Talk(talk(side)))).collect::<Vec<_>>()
    };
    let mut all = talks(way(source, target), false);
    // Answers of other protocols are not told while nothing about them is new.
    if protocol == "tcp" {
        all.extend(talks(way(target, source), true));
    }
    Some(all)
}

fn expect(node: &str, told: Told) -> Expected {
    Expected { node: node.to_owned(), told }
}

/// Who takes part: a pod of a node, or somebody else.
#[derive(Clone, Copy)]
struct End<'a> {
    node: Option<&'a str>,
    is_pod: bool,
}

/// Returns where packets are told: where they leave a pod for elsewhere, and where they are delivered to one. Between
/// pods of one node that is the same moment, and told as the delivery. What nodes send and get themselves is told
/// only as far as their host firewall or their tunnel handles it, so nothing is expected at their ends.
fn way<'a>(from: End<'a>, to: End<'a>) -> Vec<(&'a str, Side)> {
    let is_inside = to.is_pod && from.node == to.node;
    let leaves = from.node.filter(|_| from.is_pod && !is_inside);
    let arrives = to.node.filter(|_| to.is_pod);
    let leaves = leaves.map(|node| (node, Side::Egress));
    leaves.into_iter().chain(arrives.map(|node| (node, Side::Ingress))).collect()
}

fn is_host(name: &str, topology: &Topology) -> bool {
    topology.hosts.iter().any(|host| host.name == name)
}

fn asks_itself(check: &Check) -> bool {
    check.to.name == Purpose::Itself.service()
}

/// Returns the service that a peer is.
fn service(peer: &Peer, topology: &Topology) -> Option<(String, String)> {
    let mut names = Purpose::ALL.iter().map(|purpose| purpose.service());
    let name = names.find(|name| *name == peer.name)?;
    Some((topology.namespace.clone(), name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectivity::{Profile, Scenario, plan, topology::FAMILIES};

    fn answered() -> Outcome {
        Outcome::Answered { micros: 1, lost: 0, seen_as: None, mtu: None, servers: Vec::new() }
    }

    /// Returns for each way to ask in a scenario what must be told, as `who to whom by protocol: node side, ...`.
    fn of(scenario: &str) -> Vec<String> {
        let topology = Topology::example(Profile::Standard, 2, &FAMILIES[..1]);
        let scenario = Scenario::ALL.iter().find(|one| one.name == scenario).expect("it is there");
        let plans = plan(&[scenario], &topology);
        let word = |expected: Expected| match expected.told {
            Told::Talk(Talk { side, is_reply, .. }) => {
                format!("{} {side}{}", expected.node, if is_reply { " reply" } else { "" })
            }
            Told::Service { service: (namespace, name), .. } => {
                format!("{} {namespace}/{name}", expected.node)
            }
            Told::Question(pod) => format!("{} question of {pod}", expected.node),
        };
        let line = |check: &Check| {
            let all = expected(check, &answered(), &topology).into_iter().map(word);
            let (from, to) = (&check.from.name, &check.to.name);
            format!(
                "{from} to {to} by {}: {}",
                check.protocol(),
                all.collect::<Vec<_>>().join(", ")
            )
        };
        plans[0].planned.checks.iter().map(line).collect()
    }

    #[test]
    fn packets_are_told_where_they_leave_a_pod_and_where_they_get_to_one() {
        for (scenario, line) in [
            ("pod-to-pod", "client-1 to server-1 by http: node-1 ingress, node-1 ingress reply"),
            ("pod-to-pod", "client-1 to server-1 by udp: node-1 ingress"),
            (
                "pod-to-pod",
                "client-1 to server-2 by http: node-1 egress, node-2 ingress, node-2 egress reply, node-1 ingress reply",
            ),
            ("pod-to-pod", "client-1 to server-2 by icmp: node-1 egress, node-2 ingress"),
            ("pod-to-itself", "client-1 to client-1 by http: "),
            ("pod-to-host", "client-1 to host-1 by http: node-1 egress, node-1 ingress reply"),
            ("pod-to-remote-host", "client-1 to host-2 by udp: node-1 egress"),
            ("host-to-pod", "host-1 to server-1 by http: node-1 ingress, node-1 egress reply"),
            ("host-to-pod", "host-1 to server-2 by http: node-2 ingress, node-2 egress reply"),
            ("host-to-host", "host-1 to host-2 by http: "),
            ("pod-to-world", "client-1 to world by http: node-1 egress, node-1 ingress reply"),
            ("host-to-world", "host-1 to world by http: "),
            ("pod-to-pod-sctp", "client-1 to server-2 by sctp: node-1 egress, node-2 ingress"),
            ("outside-to-nodeport", "stranger to echo-node-port by http: "),
            (
                "dns-service",
                "client-1 to kubernetes.default.svc by dns: node-1 question of client-1",
            ),
        ] {
            let all = of(scenario);
            assert!(all.iter().any(|one| one == line), "{scenario}: {line}\n{all:#?}");
        }
    }

    #[test]
    fn services_are_named_at_the_node_of_who_asks() {
        for (scenario, line) in [
            ("pod-to-service", "client-1 to echo by http: node-1 skep-test/echo"),
            ("pod-to-service", "client-2 to echo by udp: node-2 skep-test/echo"),
            ("node-to-service", "host-1 to echo by http: node-1 skep-test/echo"),
            ("node-to-service", "host-1 to echo by udp: "),
            (
                "pod-to-hairpin-service",
                "client-1b to echo-itself by http: node-1 skep-test/echo-itself",
            ),
            ("pod-to-hairpin-service", "client-1b to echo-itself by udp: "),
            (
                "pod-to-nodeport",
                "client-1 to echo-node-port by udp: node-1 skep-test/echo-node-port",
            ),
            (
                "pod-to-hostport",
                "client-1 to host-port-1 by http: node-1 skep-test/pod/host-port-1",
            ),
            ("pod-to-hostport", "client-2 to host-port-1 by udp: node-1 skep-test/pod/host-port-1"),
        ] {
            let all = of(scenario);
            assert!(all.iter().any(|one| one == line), "{scenario}: {line}\n{all:#?}");
        }
    }

    #[test]
    fn nothing_is_told_of_what_was_not_answered_or_should_not_be() {
        let topology = Topology::example(Profile::Full, 2, &FAMILIES);
        let scenarios: Vec<_> = Scenario::ALL.iter().collect();
        for planned in plan(&scenarios, &topology) {
            for check in planned.planned.checks {
                let refused = expected(&check, &Outcome::Refused { by: None }, &topology);
                assert!(refused.is_empty(), "{check:?}");
                let is_answer = matches!(
                    check.expectation,
                    Expectation::Answer
                        | Expectation::AnswerTo(_)
                        | Expectation::Servers(_)
                        | Expectation::OneServer(_)
                        | Expectation::Resolves(_)
                        | Expectation::ResolvesSomehow
                        | Expectation::NoSuchName
                );
                assert!(is_answer || expected(&check, &answered(), &topology).is_empty());
            }
        }
    }
}
