//! What must not have happened on any node while everything else was tried.

use std::{collections::BTreeMap, fmt, net::IpAddr};

use super::{
    expect::Expectation,
    plan::{Action, Check, Peer, Planned},
    probe::Outcome,
    told::Ledger,
    topology::{Actor, Topology},
};

/// What must not have happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Packets of the test were dropped for a reason that no scenario is about.
    Drops,
    /// Packets of the test got through, and an agent does not tell of them.
    Flows,
    /// An agent logged an error.
    Logs,
}

/// A packet that an agent dropped, whatever it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// The node of the agent.
    pub node: String,
    /// Sender and receiver.
    pub ends: (IpAddr, IpAddr),
    /// Name of the drop reason.
    pub reason: String,
}

/// A line of an agent's log that tells of an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogError {
    /// The node of the agent.
    pub node: String,
    /// The line.
    pub line: String,
}

/// Reasons that scenarios provoke: what policies decide, and services that stand for nobody.
const PROVOKED: [&str; 3] = ["POLICY_DENIED", "POLICY_DENY", "SERVICE_BACKEND_NOT_FOUND"];

/// Why packets to a pod are dropped that is gone; to one of the test's that is there, none are.
const STALE: &str = "STALE_OR_UNROUTABLE_IP";

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Drops => "drops",
            Self::Flows => "flows",
            Self::Logs => "logs",
        })
    }
}

/// Plans one look at each node.
pub(super) fn plan(gate: Gate, topology: &Topology) -> Planned {
    let look = |node: &String| Check {
        from: Actor { name: "agent".to_owned(), node: node.clone(), addresses: Vec::new() },
        to: Peer { name: gate.to_string(), node: Some(node.clone()), address: None },
        family: None,
        action: Action::Look(gate),
        expectation: Expectation::Nothing(gate),
        may_settle: false,
    };
    Planned { checks: topology.nodes.iter().map(look).collect(), gaps: Vec::new() }
}

/// Says for each check whether packets of the test's pods were lost that should not have been. What a node loses of
/// its own is not the test's.
pub(super) fn lost(checks: &[Check], lost: &[Lost], topology: &Topology) -> Vec<Outcome> {
    let mut pods = topology.clients.iter().chain(&topology.servers).flat_map(|pod| &pod.addresses);
    let pods: Vec<IpAddr> = pods.by_ref().copied().collect();
    let of_test = |lost: &&Lost| pods.contains(&lost.ends.0) || pods.contains(&lost.ends.1);
    // Servers move while they are asked, and what is on its way then comes too late.
    let is_late = |lost: &Lost| lost.reason == STALE && !pods.contains(&lost.ends.1);
    let unexpected = |lost: &&Lost| !PROVOKED.contains(&lost.reason.as_str()) && !is_late(lost);
    let found = lost.iter().filter(of_test).filter(unexpected);
    let words = found.map(|lost| {
        let (from, to) = lost.ends;
        (lost.node.as_str(), format!("{} from {from} to {to}", lost.reason))
    });
    outcomes(checks, words)
}

/// Says for each check what its agent did not tell; why nobody knows, when agents did not tell everything.
pub(super) fn untold(checks: &[Check], ledger: &Ledger) -> Result<Vec<Outcome>, String> {
    let missing = ledger.missing();
    match ledger.gaps() {
        gaps if missing.is_empty() && !gaps.is_empty() => Err(gaps.join("; ")),
        _ => Ok(outcomes(checks, missing.iter().map(|(node, what)| (node.as_str(), what.clone())))),
    }
}

/// Says for each check which errors were logged.
pub(super) fn logged(checks: &[Check], errors: &[LogError]) -> Vec<Outcome> {
    outcomes(checks, errors.iter().map(|error| (error.node.as_str(), error.line.clone())))
}

/// Shows the first thing that was found on each node, and how many there were.
fn outcomes<'a>(checks: &[Check], found: impl Iterator<Item = (&'a str, String)>) -> Vec<Outcome> {
    let mut by_node: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (node, what) in found {
        by_node.entry(node).or_default().push(what);
    }
    let outcome = |check: &Check| match by_node.get(check.from.node.as_str()).map(Vec::as_slice) {
        None | Some([]) => Outcome::Quiet,
        Some([one]) => Outcome::Failed { reason: one.clone() },
        Some([first, rest @ ..]) => {
            Outcome::Failed { reason: format!("{first}; and {} more", rest.len()) }
        }
    };
    checks.iter().map(outcome).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectivity::{scenario::Profile, topology::FAMILIES};

    #[test]
    fn only_what_no_scenario_provokes_and_is_of_the_test_counts() {
        let topology = Topology::example(Profile::Smoke, 2, &FAMILIES);
        let checks = plan(Gate::Drops, &topology).checks;
        assert_eq!(checks.len(), 2);
        let pod = topology.clients[0].addresses[0];
        let elsewhere: IpAddr = "203.0.113.9".parse().unwrap();
        let packet = |ends, reason: &str| Lost {
            node: topology.nodes[0].clone(),
            ends,
            reason: reason.into(),
        };
        let fine = [
            packet((pod, elsewhere), "POLICY_DENIED"),
            packet((elsewhere, elsewhere), "X"),
            packet((pod, elsewhere), STALE),
        ];
        assert_eq!(lost(&checks, &fine, &topology), [Outcome::Quiet, Outcome::Quiet]);
        let bad = [packet((elsewhere, pod), "INVALID_PACKET"), packet((pod, elsewhere), "X")];
        let found = lost(&checks, &bad, &topology);
        let text = format!("INVALID_PACKET from {elsewhere} to {pod}; and 1 more");
        assert_eq!(found, [Outcome::Failed { reason: text }, Outcome::Quiet]);
        let there = lost(&checks, &[packet((elsewhere, pod), STALE)], &topology);
        assert!(matches!(there[0], Outcome::Failed { .. }), "{there:?}");
    }
}
