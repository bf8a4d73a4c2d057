//! `externalTrafficPolicy: Local`, asked from inside of the cluster.
//!
//! It keeps what comes from outside on the node. Pods and processes that ask their own node are inside:
//! they get every server, and servers see pods as they are. Whether another node takes them for inside
//! depends on who translates where; it has a server of its own, so there is an answer.

use super::{
    Planned,
    services::{At, at_node_ports, everyone, seek},
};
use crate::connectivity::{
    expect::Expectation,
    probe::Probe,
    services::Purpose,
    topology::{Actor, Topology, family_of},
};

pub(in crate::connectivity) fn external_traffic_policy(topology: &Topology) -> Planned {
    let is_pod = |from: &Actor| topology.clients.contains(from);
    let sources = topology.clients.iter().chain(&topology.hosts);
    at_node_ports(topology, Purpose::External, sources, |from, at| {
        let own = from.address(family_of(at.target));
        match (at.is_own, is_pod(from)) {
            (false, _) => vec![(somebody(at), Expectation::Answer)],
            (true, false) => vec![everyone(topology, at.protocol, at.target, at.port)],
            (true, true) => {
                let kept = own.map_or(Expectation::Answer, Expectation::AnswerTo);
                let all = everyone(topology, at.protocol, at.target, at.port);
                vec![all, (somebody(at), kept)]
            }
        }
    })
}

/// Asks whoever answers first.
fn somebody(at: &At) -> Probe {
    seek(at.protocol, at.target, at.port, 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectivity::{Profile, topology::FAMILIES};

    #[test]
    fn only_the_own_node_is_said_to_lead_to_every_server() {
        let topology = Topology::example(Profile::Standard, 2, &FAMILIES);
        let planned = external_traffic_policy(&topology);
        for check in &planned.checks {
            let is_own = check.to.node.as_ref() == Some(&check.from.node);
            match &check.expectation {
                Expectation::Answer => assert!(!is_own, "{check:?}"),
                Expectation::AnswerTo(address) => {
                    assert!(is_own && check.from.addresses.contains(address), "{check:?}");
                }
                all => {
                    let servers = ["server-1", "server-2"].map(str::to_owned).to_vec();
                    assert_eq!((is_own, all), (true, &Expectation::Servers(servers)));
                }
            }
        }
        // Own node: 3 pods by 4, 2 nodes by 2; other node: 5 by 2.
        assert_eq!(planned.checks.len(), 2 * (3 * 4 + 2 * 2 + 5 * 2));
    }
}
