//! Errors that must come back, instead of silence.

use super::{Pair, Place, Planned, world};
use crate::connectivity::{
    expect::Expectation,
    probe::{Fragments, Probe, Protocol, Size},
    topology::{Manners, Topology},
};

/// Every way in which pods and hosts meet, but hosts among themselves.
fn everyone(topology: &Topology, tries: impl Fn(&Pair) -> Vec<(Probe, Expectation)>) -> Planned {
    let mut planned = Planned::default();
    let Topology { clients, servers, hosts, .. } = topology;
    // One client a node is enough, and spares the limits of ICMP errors.
    let clients: Vec<_> =
        clients.iter().filter(|client| !client.name.ends_with('b')).cloned().collect();
    for (sources, targets) in [(&clients, servers), (&clients, hosts), (hosts, servers)] {
        planned.meet(topology, (sources, targets, Place::Any), &tries);
    }
    planned
}

/// Nobody listens on the port after the servers'.
const fn closed(topology: &Topology) -> u16 {
    topology.port + 1
}

pub(in crate::connectivity) fn connection_refused(topology: &Topology) -> Planned {
    everyone(topology, |pair| {
        let probe = Probe::new(Protocol::Tcp, pair.target, closed(topology));
        vec![(probe.sized(Size::Payload(0)), Expectation::Refused)]
    })
}

pub(in crate::connectivity) fn port_unreachable(topology: &Topology) -> Planned {
    let mut planned = everyone(topology, |pair| {
        let probe = Probe::new(Protocol::Udp, pair.target, closed(topology));
        vec![(probe, Expectation::PortUnreachable(pair.target))]
    });
    for client in world::one_a_node(topology) {
        world::visit(&mut planned, topology, client, |manners, pair, _| match manners {
            Manners::Stranger => Err("strangers outside may drop datagrams silently"),
            Manners::Friend { .. } => {
                let probe = Probe::new(Protocol::Udp, pair.target, closed(topology));
                Ok(vec![(probe, Expectation::PortUnreachable(pair.target))])
            }
        });
    }
    planned
}

/// In an overlay the pod's device carries more than its route: who ignores the route must be told.
pub(in crate::connectivity) fn packet_too_big(topology: &Topology) -> Planned {
    let mut planned = Planned::default();
    let (sources, targets) = (&topology.clients, &topology.servers);
    planned.meet(topology, (sources, targets, Place::Other), |pair| {
        let probe = Probe::new(Protocol::Udp, pair.target, topology.port)
            .sized(Size::RouteMtu(1))
            .fragmented(Fragments::NeverNorRoute);
        vec![(probe, Expectation::TooBigOnTheWay)]
    });
    planned
}

/// The first router is the pod's own node.
pub(in crate::connectivity) fn ttl_exceeded(topology: &Topology) -> Planned {
    let mut planned = Planned::default();
    let clients: Vec<_> = world::one_a_node(topology).cloned().collect();
    planned.meet(topology, (&clients, &topology.servers, Place::Other), |pair| {
        let probe = Probe::new(Protocol::Udp, pair.target, topology.port).with_ttl(1);
        vec![(probe, Expectation::ExpiredBefore(pair.target))]
    });
    for client in &clients {
        world::visit(&mut planned, topology, client, |_, pair, port| {
            let hops = |ttl| {
                let probe = Probe::new(Protocol::Udp, pair.target, port).with_ttl(ttl);
                (probe, Expectation::ExpiredBefore(pair.target))
            };
            // The second router is the first whose error is translated back.
            Ok(vec![hops(1), hops(2)])
        });
    }
    planned
}
