//! Datagrams larger than any packet, and streams larger than any buffer.

use super::{Pair, Place, Planned};
use crate::connectivity::{
    expect::Expectation,
    probe::{Probe, Protocol, Size},
    scenario::Profile,
    topology::{Actor, Topology},
};

/// Two fragments, and several.
const DATAGRAMS: [u32; 2] = [2_000, 8_000];
/// Close to the largest datagram that IPv4 has.
const LARGEST_DATAGRAM: u32 = 65_000;

/// Returns the sizes of datagrams to try.
pub(super) fn datagrams(profile: Profile) -> impl Iterator<Item = Size> {
    let largest = (profile == Profile::Full).then_some(LARGEST_DATAGRAM);
    DATAGRAMS.into_iter().chain(largest).map(Size::Payload)
}

/// Returns the size of a stream to try.
pub(super) const fn stream(profile: Profile) -> Size {
    match profile {
        Profile::Full => Size::Payload(16 << 20),
        _ => Size::Payload(256 << 10),
    }
}

/// Asks an echo server.
pub(super) fn tries(profile: Profile, pair: &Pair, port: u16) -> Vec<(Probe, Expectation)> {
    let probe =
        |protocol, size| (Probe::new(protocol, pair.target, port).sized(size), Expectation::Answer);
    let icmp = Probe::new(Protocol::Icmp, pair.target, 0).sized(Size::Payload(DATAGRAMS[0]));
    datagrams(profile)
        .map(|size| probe(Protocol::Udp, size))
        .chain([probe(Protocol::Tcp, stream(profile)), (icmp, Expectation::Answer)])
        .collect()
}

fn between(topology: &Topology, sources: &[Actor], targets: &[Actor]) -> Planned {
    let mut planned = Planned::default();
    planned.meet(topology, (sources, targets, Place::Any), |pair| {
        tries(topology.profile, pair, topology.port)
    });
    planned
}

pub(in crate::connectivity) fn pod_to_pod(topology: &Topology) -> Planned {
    between(topology, &topology.clients, &topology.servers)
}

pub(in crate::connectivity) fn pod_to_host(topology: &Topology) -> Planned {
    between(topology, &topology.clients, &topology.hosts)
}

pub(in crate::connectivity) fn host_to_pod(topology: &Topology) -> Planned {
    between(topology, &topology.hosts, &topology.servers)
}
