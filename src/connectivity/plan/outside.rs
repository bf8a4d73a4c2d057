//! Clients outside: what nodes serve to others than those of the cluster.

use std::net::IpAddr;

use super::{
    Peer, Planned,
    host_port::host_port,
    services::{BOTH, everyone, names, node_ports, on_hosts, seek, service},
};
use crate::connectivity::{
    expect::Expectation,
    probe::{Probe, Protocol},
    serve,
    services::Purpose,
    topology::{Actor, FAMILIES, Topology},
};

/// Every node's port leads to every server.
pub(in crate::connectivity) fn to_node_port(topology: &Topology) -> Planned {
    at_node_ports(topology, Purpose::NodePort, |_, protocol, target, port| {
        everyone(topology, protocol, target, port)
    })
}

/// A node's port leads to the node's own server, which sees who asks. One more is looked for, and
/// must not be found.
pub(in crate::connectivity) fn external_traffic_policy(topology: &Topology) -> Planned {
    let nodes: Vec<IpAddr> =
        topology.hosts.iter().flat_map(|host| host.addresses.iter().copied()).collect();
    at_node_ports(topology, Purpose::External, |node, protocol, target, port| {
        let own = names(topology.servers.iter().filter(|server| server.node == node));
        let probe = seek(protocol, target, port, 2.min(topology.servers.len()));
        (probe, Expectation::ServersBehindNone(own, nodes.clone()))
    })
}

/// A pod answers at the port that it has of its node, and sees who asks.
pub(in crate::connectivity) fn to_host_port(topology: &Topology) -> Planned {
    let mut planned = Planned::default();
    on_hosts(&mut planned, topology);
    let Some(from) = stranger(&mut planned, topology) else { return planned };
    let Some((pod, node)) = host_port(&mut planned, topology) else { return planned };
    each_family(&mut planned, from, (&pod.name, node), |_, target| {
        let own = || Expectation::ServersBehindNone(names([pod]), node.addresses.clone());
        BOTH.map(|protocol| (seek(protocol, target, serve::HOST_PORT, 1), own())).into()
    });
    planned.settling()
}

/// Plans what the client tries at the ports of a service on every node.
fn at_node_ports(
    topology: &Topology,
    purpose: Purpose,
    tries: impl Fn(&str, Protocol, IpAddr, u16) -> (Probe, Expectation),
) -> Planned {
    let mut planned = Planned::default();
    on_hosts(&mut planned, topology);
    let Some(from) = stranger(&mut planned, topology) else { return planned };
    let Some(service) = service(&mut planned, topology, purpose) else { return planned };
    let ports = node_ports(&mut planned, service);
    for host in &topology.hosts {
        each_family(&mut planned, from, (purpose.service(), host), |node, target| {
            let each = ports.iter();
            each.map(|(protocol, port)| tries(node, *protocol, target, *port)).collect()
        });
    }
    planned.settling()
}

/// Returns the client, or notes why there is none.
fn stranger<'a>(planned: &mut Planned, topology: &'a Topology) -> Option<&'a Actor> {
    let told = topology.outside.as_ref();
    told.map_err(|reason| planned.gap(format!("no client outside: {reason}"))).ok()
}

/// Adds what is tried at a node, in every family that both have.
fn each_family(
    planned: &mut Planned,
    from: &Actor,
    (name, host): (&str, &Actor),
    tries: impl Fn(&str, IpAddr) -> Vec<(Probe, Expectation)>,
) {
    for family in FAMILIES.into_iter().filter(|family| from.address(*family).is_some()) {
        let Some(target) = host.address(family) else { continue };
        let peer =
            Peer { name: name.to_owned(), node: Some(host.node.clone()), address: Some(target) };
        planned.add(from, &peer, family, tries(&host.node, target));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectivity::Profile;

    #[test]
    fn every_node_is_asked_in_both_families_by_both_protocols() {
        let topology = Topology::example(Profile::Standard, 3, &FAMILIES);
        for planned in [to_node_port(&topology), external_traffic_policy(&topology)] {
            assert_eq!(planned.checks.len(), 3 * 2 * 2, "nodes, families, protocols");
            assert!(planned.checks.iter().all(|check| check.from.name == "stranger"));
        }
        assert_eq!(to_host_port(&topology).checks.len(), 2 * 2, "families, protocols");
    }

    #[test]
    fn a_node_answers_by_its_own_server_when_it_should() {
        let topology = Topology::example(Profile::Standard, 2, &FAMILIES[..1]);
        for check in external_traffic_policy(&topology).checks {
            let own = check.to.node.unwrap().replace("node", "server");
            let nodes: Vec<IpAddr> = topology.hosts.iter().map(|host| host.addresses[0]).collect();
            assert_eq!(check.expectation, Expectation::ServersBehindNone(vec![own], nodes));
        }
    }

    #[test]
    fn without_a_client_the_reason_is_told() {
        let mut topology = Topology::example(Profile::Standard, 2, &FAMILIES);
        topology.outside = Err("nobody is there".into());
        for planned in
            [to_node_port(&topology), external_traffic_policy(&topology), to_host_port(&topology)]
        {
            assert!(planned.checks.is_empty());
            assert_eq!(planned.gaps, ["no client outside: nobody is there"]);
        }
    }
}
