//! Names, as every program in a pod resolves them.

use std::net::IpAddr;

use super::{Peer, Planned};
use crate::connectivity::{
    deploy::SERVICE,
    expect::Expectation,
    probe::{Host, Probe},
    topology::{Dns, FAMILIES, Topology, family_of},
};
use crate::model::Family;

/// Adds one name, asked for by every client, in the families that something is expected in.
fn ask(
    planned: &mut Planned,
    topology: &Topology,
    name: &str,
    expected: impl Fn(Family) -> Option<Expectation>,
) {
    for client in &topology.clients {
        for family in FAMILIES {
            if let Some(expectation) = expected(family) {
                let peer = Peer { name: name.to_owned(), node: None, address: None };
                let tries = vec![(Probe::resolve(name, family), expectation)];
                planned.add(client, &peer, family, tries);
            }
        }
    }
}

/// Returns the addresses of one family; nothing when there are none.
fn of_family(addresses: impl Iterator<Item = IpAddr>, family: Family) -> Option<Expectation> {
    let addresses: Vec<_> = addresses.filter(|ip| family_of(*ip) == family).collect();
    (!addresses.is_empty()).then_some(Expectation::Resolves(addresses))
}

fn with_dns(topology: &Topology, plan: impl FnOnce(&mut Planned, &[IpAddr])) -> Planned {
    let mut planned = Planned::default();
    match &topology.dns {
        Dns::Present { kubernetes } => plan(&mut planned, kubernetes),
        Dns::Absent { reason } => planned.gap(format!("the cluster has no DNS: {reason}")),
    }
    planned
}

pub(in crate::connectivity) fn service(topology: &Topology) -> Planned {
    with_dns(topology, |planned, kubernetes| {
        if kubernetes.is_empty() {
            planned.gap("the service default/kubernetes has no address to compare with".to_owned());
        }
        ask(planned, topology, "kubernetes.default.svc", |family| {
            of_family(kubernetes.iter().copied(), family)
        });
    })
}

pub(in crate::connectivity) fn headless(topology: &Topology) -> Planned {
    with_dns(topology, |planned, _| {
        let name = format!("{SERVICE}.{}.svc", topology.namespace);
        ask(planned, topology, &name, |family| {
            of_family(topology.servers.iter().filter_map(|server| server.address(family)), family)
        });
    })
}

pub(in crate::connectivity) fn absent(topology: &Topology) -> Planned {
    with_dns(topology, |planned, _| {
        let name = format!("no-such-service.{}.svc", topology.namespace);
        ask(planned, topology, &name, |family| {
            topology.families.contains(&family).then_some(Expectation::NoSuchName)
        });
    })
}

pub(in crate::connectivity) fn world(topology: &Topology) -> Planned {
    let mut planned = Planned::default();
    for external in &topology.externals {
        if let Host::Name(name) = &external.host {
            for client in &topology.clients {
                let peer = Peer { name: name.clone(), node: None, address: None };
                let family = topology.families.first().copied().unwrap_or(Family::V4);
                let probe = Probe { family: None, ..Probe::resolve(name, family) };
                planned.add(client, &peer, family, vec![(probe, Expectation::ResolvesSomehow)]);
            }
        }
    }
    if planned.checks.is_empty() {
        planned.gap("no external target is given by name".to_owned());
    }
    planned
}
