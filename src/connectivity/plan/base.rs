//! The base: who reaches whom when nothing forbids it.

use super::{Check, Pair, Peer, Place, Planned};
use crate::connectivity::{
    expect::Expectation,
    plan::Action,
    probe::{Probe, Protocol},
    scenario::Profile,
    topology::{FAMILIES, Topology},
};

/// Asks a server in all ways; the smoke profile by HTTP only. HTTP tells which source it saw.
fn ask(topology: &Topology, pair: &Pair, http: Expectation) -> Vec<(Probe, Expectation)> {
    let probe = |protocol| Probe::new(protocol, pair.target, topology.port);
    let mut tries = vec![(probe(Protocol::Http), http)];
    if topology.profile > Profile::Smoke {
        tries.push((probe(Protocol::Udp), Expectation::Answer));
        tries.push((Probe::new(Protocol::Icmp, pair.target, 0), Expectation::Answer));
    }
    tries
}

/// The network model of Kubernetes: pods reach pods without translation.
pub(in crate::connectivity) fn pod_to_pod(topology: &Topology) -> Planned {
    let mut planned = Planned::default();
    let (sources, targets) = (&topology.clients, &topology.servers);
    planned.meet(topology, (sources, targets, Place::Any), |pair| {
        ask(topology, pair, Expectation::AnswerTo(pair.source))
    });
    planned
}

/// The same by SCTP.
pub(in crate::connectivity) fn pod_to_pod_sctp(topology: &Topology) -> Planned {
    let mut planned = Planned::default();
    let (sources, targets) = (&topology.clients, &topology.servers);
    planned.meet(topology, (sources, targets, Place::Any), |pair| {
        let probe = Probe::new(Protocol::Sctp, pair.target, topology.port);
        vec![(probe, Expectation::AnswerTo(pair.source))]
    });
    planned
}

pub(in crate::connectivity) fn client_to_client(topology: &Topology) -> Planned {
    let mut planned = Planned::default();
    let clients = &topology.clients;
    planned.meet(topology, (clients, clients, Place::Any), |pair| {
        vec![(Probe::new(Protocol::Icmp, pair.target, 0), Expectation::Answer)]
    });
    planned
}

pub(in crate::connectivity) fn pod_to_itself(topology: &Topology) -> Planned {
    let mut planned = Planned::default();
    for from in &topology.clients {
        for family in FAMILIES {
            let Some(own) = from.address(family) else { continue };
            let peer =
                Peer { name: from.name.clone(), node: Some(from.node.clone()), address: Some(own) };
            let pair = Pair { source: own, target: own };
            planned.add(from, &peer, family, ask(topology, &pair, Expectation::AnswerTo(own)));
        }
    }
    planned
}

pub(in crate::connectivity) fn pod_to_host(topology: &Topology) -> Planned {
    let mut planned = Planned::default();
    let (sources, targets) = (&topology.clients, &topology.hosts);
    planned.meet(topology, (sources, targets, Place::Same), |pair| {
        ask(topology, pair, Expectation::Answer)
    });
    planned
}

pub(in crate::connectivity) fn pod_to_remote_host(topology: &Topology) -> Planned {
    let mut planned = Planned::default();
    let (sources, targets) = (&topology.clients, &topology.hosts);
    planned.meet(topology, (sources, targets, Place::Other), |pair| {
        ask(topology, pair, Expectation::Answer)
    });
    planned
}

pub(in crate::connectivity) fn host_to_pod(topology: &Topology) -> Planned {
    let mut planned = Planned::default();
    let (sources, targets) = (&topology.hosts, &topology.servers);
    planned.meet(topology, (sources, targets, Place::Any), |pair| {
        ask(topology, pair, Expectation::Answer)
    });
    planned
}

pub(in crate::connectivity) fn host_to_host(topology: &Topology) -> Planned {
    let mut planned = Planned::default();
    let hosts = &topology.hosts;
    planned.meet(topology, (hosts, hosts, Place::Other), |pair| {
        ask(topology, pair, Expectation::Answer)
    });
    planned
}

/// A check without a family: the kubelet chooses the address.
pub(super) fn readiness(from: &crate::connectivity::Actor, kind: &'static str) -> Check {
    Check {
        from: from.clone(),
        to: Peer { name: from.name.clone(), node: Some(from.node.clone()), address: None },
        family: None,
        action: Action::Readiness,
        expectation: Expectation::Ready(kind),
        may_settle: false,
    }
}
