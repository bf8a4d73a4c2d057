//! Packets as large as the route allows, and one byte larger.

use super::{Pair, Place, Planned};
use crate::connectivity::{
    expect::Expectation,
    probe::{Fragments, Probe, Protocol, Size},
    topology::{Actor, Topology},
};

/// Unfragmented packets that fill the route's MTU must arrive; one byte more must be refused by
/// the sender's own kernel, which knows the route. `port` is a UDP port that echoes, if there is one.
pub(super) fn tries(pair: &Pair, port: Option<u16>) -> Vec<(Probe, Expectation)> {
    let probe = |protocol, port, more| {
        Probe::new(protocol, pair.target, port)
            .sized(Size::RouteMtu(more))
            .fragmented(Fragments::Never)
    };
    let udp = port.map(|port| (probe(Protocol::Udp, port, 0), Expectation::Answer));
    let icmp = [
        (probe(Protocol::Icmp, 0, 0), Expectation::Answer),
        (probe(Protocol::Icmp, 0, 1), Expectation::TooBigForRoute),
    ];
    icmp.into_iter().chain(udp).collect()
}

fn between(topology: &Topology, sources: &[Actor], targets: &[Actor], place: Place) -> Planned {
    let mut planned = Planned::default();
    planned.meet(topology, (sources, targets, place), |pair| tries(pair, Some(topology.port)));
    planned
}

pub(in crate::connectivity) fn pod_to_pod(topology: &Topology) -> Planned {
    between(topology, &topology.clients, &topology.servers, Place::Any)
}

pub(in crate::connectivity) fn pod_to_host(topology: &Topology) -> Planned {
    between(topology, &topology.clients, &topology.hosts, Place::Any)
}

pub(in crate::connectivity) fn host_to_pod(topology: &Topology) -> Planned {
    between(topology, &topology.hosts, &topology.servers, Place::Any)
}

pub(in crate::connectivity) fn host_to_host(topology: &Topology) -> Planned {
    between(topology, &topology.hosts, &topology.hosts, Place::Other)
}
