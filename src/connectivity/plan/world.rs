//! The world outside: the external targets.

use super::{Pair, Peer, Planned, WORLD, large, mtu};
use crate::connectivity::{
    expect::Expectation,
    probe::{Host, Probe, Protocol, Size},
    topology::{Actor, External, FAMILIES, Manners, Topology, family_of},
};

const NO_TARGET: &str = "no external target: name one with --external-target";

/// Returns one client of every node.
pub(super) fn one_a_node(topology: &Topology) -> impl Iterator<Item = &Actor> {
    topology
        .nodes
        .iter()
        .filter_map(|node| topology.clients.iter().find(|client| client.node == *node))
}

/// Adds what one pod tries with every external target that is given by address, or the reason why
/// it does not.
pub(super) fn visit(
    planned: &mut Planned,
    topology: &Topology,
    from: &Actor,
    tries: impl Fn(Manners, &Pair, u16) -> Result<Vec<(Probe, Expectation)>, &'static str>,
) {
    if topology.externals.is_empty() {
        planned.gap(NO_TARGET.to_owned());
    }
    for external in &topology.externals {
        let Host::Address(target) = external.host else {
            planned.gap(format!("{}: only targets given by address are tried", external.host));
            continue;
        };
        let family = family_of(target);
        let Some(source) = from.address(family) else { continue };
        match tries(external.manners, &Pair { source, target }, external.port) {
            Ok(tries) => planned.add(from, &peer(external), family, tries),
            Err(reason) => planned.gap(reason.to_owned()),
        }
    }
}

fn peer(external: &External) -> Peer {
    let address = match external.host {
        Host::Address(address) => Some(address),
        Host::Name(_) => None,
    };
    Peer { name: WORLD.to_owned(), node: None, address }
}

/// Connects to every target, and pings those that may be expected to answer. A target with a name
/// is resolved in the pod.
fn reach(topology: &Topology, sources: &[Actor]) -> Planned {
    let mut planned = Planned::default();
    if topology.externals.is_empty() {
        planned.gap(NO_TARGET.to_owned());
    }
    for from in sources {
        for external in &topology.externals {
            for family in FAMILIES {
                let of_family = match external.host {
                    Host::Address(address) => family_of(address) == family,
                    Host::Name(_) => true,
                };
                let (true, Some(source)) = (of_family, from.address(family)) else { continue };
                let any = Probe::new(Protocol::Tcp, source, external.port);
                let connect = Probe {
                    host: external.host.clone(),
                    family: matches!(external.host, Host::Name(_)).then_some(family),
                    ..any.sized(Size::Payload(0))
                };
                // A name may have addresses of one family only.
                let first = topology.families.first() == Some(&family);
                let expectation = match external.host {
                    Host::Name(_) if !first => Expectation::AnswerIfNamed,
                    _ => Expectation::Answer,
                };
                let mut tries = vec![(connect.clone(), expectation)];
                if let Manners::Friend { .. } = external.manners {
                    let http = Probe { protocol: Protocol::Http, ..connect.clone() };
                    let ping = Probe { protocol: Protocol::Icmp, port: 0, ..connect };
                    tries = vec![(http, Expectation::Answer)];
                    tries.push((ping.sized(Size::Payload(56)), Expectation::Answer));
                }
                planned.add(from, &peer(external), family, tries);
            }
        }
    }
    planned
}

pub(in crate::connectivity) fn pod_to_world(topology: &Topology) -> Planned {
    reach(topology, &topology.clients)
}

pub(in crate::connectivity) fn host_to_world(topology: &Topology) -> Planned {
    let mut planned = reach(topology, &topology.hosts);
    if let Some(reason) = &topology.no_hosts {
        planned.gap(format!("no pods on the host network: {reason}"));
    }
    planned
}

pub(in crate::connectivity) fn replies(topology: &Topology) -> Planned {
    let mut planned = Planned::default();
    for client in &topology.clients {
        visit(&mut planned, topology, client, |manners, pair, _| {
            let Manners::Friend { echo: Some(port) } = manners else {
                return Err("no external target is known to give bytes back");
            };
            let mut tries = large::tries(topology.profile, pair, port);
            tries.push((Probe::new(Protocol::Udp, pair.target, port), Expectation::Answer));
            Ok(tries)
        });
    }
    planned
}

pub(in crate::connectivity) fn mtu(topology: &Topology) -> Planned {
    let mut planned = Planned::default();
    for client in &topology.clients {
        visit(&mut planned, topology, client, |manners, pair, _| match manners {
            Manners::Friend { echo } => Ok(mtu::tries(pair, echo)),
            Manners::Stranger => Err("strangers outside may not answer pings"),
        });
    }
    planned
}
