//! From rows to checks.

use std::net::IpAddr;

use super::{
    account::{Blame, Grant, Side},
    case::{Case, Form, How, ISOLATED, Kind, Place, Row, Who, Why},
    manifest::{closed, externals, name},
};
use crate::connectivity::{
    expect::Expectation,
    plan::{ONE_NODE, Peer, Planned, WORLD},
    probe::{Probe, Protocol, Size},
    topology::{Actor, External, FAMILIES, Manners, Topology},
};

/// Plans what is tried while a case's policies are in force: from the first node, with a peer on
/// the same one and a peer on another one.
pub(in crate::connectivity) fn plan(case: &Case, form: Form, topology: &Topology) -> Planned {
    let mut planned = Planned::default();
    if let (true, Some(reason)) = (case.is_for_nodes(), &topology.no_host_firewall) {
        planned.gap(format!("policies for nodes: {reason}"));
        return planned;
    }
    for row in case.rows {
        let (expectation, from_node) = expectations(case, form, topology, row);
        if matches!(row.to, Who::First | Who::Second) {
            outside(&mut planned, topology, row, &expectation);
        } else {
            inside(&mut planned, topology, row, (&expectation, &from_node));
        }
    }
    planned
}

/// Returns what is expected, and what of packets that a node sends to its own pods: those get in by themselves.
fn expectations(
    case: &Case,
    form: Form,
    topology: &Topology,
    row: &Row,
) -> (Expectation, Expectation) {
    let expected = expectation(case, form, topology, row);
    let from_node = match &expected {
        Expectation::Allowed(_) if row.from == Who::Host => Expectation::Answer,
        other => other.clone(),
    };
    (expected, from_node)
}

/// Returns who allows what gets through: policies of the case, on sides where other rows show that they isolate.
fn grants(case: &Case, form: Form, topology: &Topology, row: &Row) -> Vec<Grant> {
    let is_isolated = |side, of: fn(&Row) -> Who| {
        case.rows.iter().any(|other| {
            let isolates = |why: Why| why.side == side && why.reason == ISOLATED;
            of(other) == of(row) && other.dropped.is_some_and(isolates)
        })
    };
    let policies = case.objects.iter().filter(|object| object.kind != Kind::CidrGroup);
    let mut policies: Vec<_> =
        policies.map(|object| name(object, form, &topology.namespace)).collect();
    policies.sort();
    let ends: [(Side, fn(&Row) -> Who); 2] =
        [(Side::Egress, |row| row.from), (Side::Ingress, |row| row.to)];
    let isolated = ends.into_iter().filter(|(side, of)| is_isolated(*side, *of));
    isolated.map(|(side, _)| Grant { side, policies: policies.clone() }).collect()
}

fn expectation(case: &Case, form: Form, topology: &Topology, row: &Row) -> Expectation {
    match (row.dropped, row.how) {
        (Some(Why { side, reason, by }), _) => {
            let of_case = case.objects.iter().filter(|object| by.contains(&object.name));
            let mut policies: Vec<_> =
                of_case.map(|object| name(object, form, &topology.namespace)).collect();
            policies.sort();
            Expectation::Dropped(Blame { side, reason: reason.to_owned(), policies })
        }
        (None, How::Closed) => Expectation::Refused,
        (None, _) => match grants(case, form, topology, row) {
            none if none.is_empty() => Expectation::Answer,
            grants => Expectation::Allowed(grants),
        },
    }
}

/// Returns who a word means, in order of nodes.
fn group(topology: &Topology, who: Who) -> Vec<&Actor> {
    let clients = |team| topology.clients.iter().filter(move |client| client.team() == team);
    match who {
        Who::A => clients("a").collect(),
        Who::B => clients("b").collect(),
        Who::Server => topology.servers.iter().collect(),
        Who::Host => topology.hosts.iter().collect(),
        Who::First | Who::Second => Vec::new(),
    }
}

fn inside(
    planned: &mut Planned,
    topology: &Topology,
    row: &Row,
    (expectation, from_node): (&Expectation, &Expectation),
) {
    let (sources, targets) = (group(topology, row.from), group(topology, row.to));
    let Some(from) = sources.first().filter(|_| !targets.is_empty()) else {
        let reason = topology.no_hosts.as_deref().unwrap_or("none were made");
        planned.gap(format!("no pods on the host network: {reason}"));
        return;
    };
    let peers = |same: bool| {
        let mut there = targets.iter().filter(move |to| (to.node == from.node) == same);
        there.find(|to| to.name != from.name)
    };
    if row.place != Place::Same && topology.nodes.len() < 2 && row.to != Who::B {
        planned.gap(ONE_NODE.to_owned());
    }
    let same = (row.place != Place::Other).then(|| peers(true)).flatten();
    let other = (row.place != Place::Same).then(|| peers(false)).flatten();
    for to in same.into_iter().chain(other) {
        let expectation = if to.node == from.node { from_node } else { expectation };
        for family in FAMILIES {
            let (Some(_), Some(target)) = (from.address(family), to.address(family)) else {
                continue;
            };
            let probe = match row.how {
                How::Udp => Probe::new(Protocol::Udp, target, topology.port),
                How::Icmp => Probe::new(Protocol::Icmp, target, 0),
                How::Closed => {
                    Probe::new(Protocol::Tcp, target, closed(topology)).sized(Size::Payload(0))
                }
                How::Http | How::Echo => Probe::new(Protocol::Http, target, topology.port),
            };
            let (name, node) = (to.name.clone(), Some(to.node.clone()));
            let peer = Peer { name, node, address: Some(target) };
            planned.add(from, &peer, family, vec![(probe, expectation.clone())]);
        }
    }
}

fn outside(planned: &mut Planned, topology: &Topology, row: &Row, expectation: &Expectation) {
    let sources = group(topology, row.from);
    let Some(from) = sources.first() else { return };
    let (place, missing) = match row.to {
        Who::Second => (1, "a second external target: name two of each family"),
        _ => (0, "external targets: name one of each family with --external-target"),
    };
    for family in FAMILIES {
        if from.address(family).is_none() {
            continue;
        }
        let Some((target, external)) = externals(topology, family).nth(place) else {
            planned.gap(missing.to_owned());
            continue;
        };
        match visit(target, external, row.how) {
            Ok(probe) => {
                let peer = Peer { name: WORLD.to_owned(), node: None, address: Some(target) };
                planned.add(from, &peer, family, vec![(probe, expectation.clone())]);
            }
            Err(reason) => planned.gap(reason.to_owned()),
        }
    }
}

/// Strangers are connected to, and nothing else.
fn visit(target: IpAddr, external: &External, how: How) -> Result<Probe, &'static str> {
    match (how, external.manners) {
        (How::Icmp, Manners::Friend { .. }) => Ok(Probe::new(Protocol::Icmp, target, 0)),
        (How::Echo, Manners::Friend { echo: Some(port) }) => {
            Ok(Probe::new(Protocol::Tcp, target, port))
        }
        (How::Echo | How::Icmp, _) => Err("strangers outside are only connected to"),
        (_, Manners::Friend { .. }) => Ok(Probe::new(Protocol::Http, target, external.port)),
        (_, Manners::Stranger) => {
            Ok(Probe::new(Protocol::Tcp, target, external.port).sized(Size::Payload(0)))
        }
    }
}
