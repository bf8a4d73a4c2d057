//! The scenarios.

use super::case::{Act, Backend, Case, Place, Step};
use crate::connectivity::{
    deploy::SERVICE_PORT,
    expect::Expectation,
    plan::{
        Planned,
        services::{on_hosts, on_other_nodes, visit},
    },
    probe::{Probe, Protocol},
    services::Purpose,
    topology::{Actor, Topology},
};

/// How long a conversation may be silent when its server goes, in milliseconds: what there is between the
/// server's end and the moment when every node knows.
const SILENCE: u32 = 6000;

const MOVING_FIRST: Backend = Backend {
    name: "moving-1",
    backs: Purpose::Moving.service(),
    place: Place::First,
    joined: true,
    lingers: false,
};
const MOVING_SECOND: Backend =
    Backend { name: "moving-2", place: Place::Last, joined: false, ..MOVING_FIRST };

/// A client sends datagrams from one socket; its server is deleted when there is another one.
pub(in crate::connectivity) const MOVING: Case = Case {
    backends: &[MOVING_FIRST, MOVING_SECOND],
    acts: |topology| {
        let planned = handover(topology, (Purpose::Moving, Protocol::Udp), MOVING.backends);
        vec![Act { planned, then: &[Step::Join(&MOVING_SECOND), Step::Delete(&MOVING_FIRST)] }]
    },
};

const ENDING_FIRST: Backend = Backend {
    name: "ending-1",
    backs: Purpose::Ending.service(),
    place: Place::First,
    joined: true,
    lingers: true,
};
const ENDING_SECOND: Backend =
    Backend { name: "ending-2", place: Place::Last, joined: false, lingers: false, ..ENDING_FIRST };

/// A client has a connection; its server is deleted when there is another one, and serves on for a while.
pub(in crate::connectivity) const ENDING: Case = Case {
    backends: &[ENDING_FIRST, ENDING_SECOND],
    acts: |topology| {
        let planned = handover(topology, (Purpose::Ending, Protocol::Http), ENDING.backends);
        vec![Act { planned, then: &[Step::Join(&ENDING_SECOND), Step::Delete(&ENDING_FIRST)] }]
    },
};

/// Plans conversations that last from one server to the other, of those who are on their nodes.
fn handover(
    topology: &Topology,
    (purpose, protocol): (Purpose, Protocol),
    backends: &[Backend],
) -> Planned {
    let names: Vec<String> = backends.iter().map(|one| one.name.to_owned()).collect();
    let ends = [topology.nodes.first(), topology.nodes.last()];
    let is_there = |actor: &&Actor| ends.contains(&Some(&actor.node)) && actor.team() == "a";
    let sources = topology.clients.iter().chain(&topology.hosts).filter(is_there);
    let mut planned = visit(topology, purpose, sources, |_, target| {
        let probe = Probe::new(protocol, target, SERVICE_PORT).within(SILENCE);
        let last = names.last().map_or("", String::as_str);
        vec![(probe.lasting(last), Expectation::Servers(names.clone()))]
    });
    on_hosts(&mut planned, topology);
    on_other_nodes(&mut planned, topology);
    planned
}

#[cfg(test)]
mod tests {
    use super::{super::case::plan, *};
    use crate::connectivity::{Profile, plan::Action, topology::FAMILIES};

    #[test]
    fn pods_and_nodes_next_to_both_servers_talk_on() {
        let topology = Topology::example(Profile::Full, 5, &FAMILIES);
        for (case, from, to) in [(&MOVING, "udp", "moving-2"), (&ENDING, "http", "ending-2")] {
            let planned = plan(case, &topology);
            assert_eq!(planned.checks.len(), 4 * 2, "a pod and a node at each end, families");
            assert!(planned.gaps.is_empty());
            for check in &planned.checks {
                let Action::Probe(probe) = &check.action else { panic!("{check:?}") };
                assert_eq!((probe.protocol.name(), probe.until.as_deref()), (from, Some(to)));
                assert!(["node-1", "node-5"].contains(&check.from.node.as_str()), "{check:?}");
            }
        }
    }
}
