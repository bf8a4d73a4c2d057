//! Services: every address that stands for pods leads to those pods, and to nobody else.

use std::net::IpAddr;

use super::{ONE_NODE, Peer, Planned};
use crate::connectivity::{
    deploy::SERVICE_PORT,
    expect::Expectation,
    probe::{Probe, Protocol, Size},
    services::{Purpose, Service},
    topology::{Actor, FAMILIES, Topology, family_name},
};

/// Both tell which server answers.
pub(in crate::connectivity) const BOTH: [Protocol; 2] = [Protocol::Http, Protocol::Udp];
/// A refusal that takes longer, in milliseconds, is none: programs would have to wait for it.
const AT_ONCE: u32 = 1000;

/// Returns the names of some servers.
pub(in crate::connectivity) fn names<'a>(
    servers: impl IntoIterator<Item = &'a Actor>,
) -> Vec<String> {
    servers.into_iter().map(|server| server.name.clone()).collect()
}

/// Looks for servers by a protocol.
pub(in crate::connectivity) fn seek(
    protocol: Protocol,
    target: IpAddr,
    port: u16,
    servers: usize,
) -> Probe {
    Probe::new(protocol, target, port).seeking(u16::try_from(servers).unwrap_or(u16::MAX))
}

/// Looks for every server.
pub(in crate::connectivity) fn everyone(
    topology: &Topology,
    protocol: Protocol,
    target: IpAddr,
    port: u16,
) -> (Probe, Expectation) {
    let servers = names(&topology.servers);
    (seek(protocol, target, port, servers.len()), Expectation::Servers(servers))
}

/// Returns a service, or notes why there is none.
pub(super) fn service<'a>(
    planned: &mut Planned,
    topology: &'a Topology,
    purpose: Purpose,
) -> Option<&'a Service> {
    let reason = match topology.services.get(&purpose) {
        Some(Ok(service)) => return Some(service),
        Some(Err(reason)) => reason.as_str(),
        None => "it was not made",
    };
    planned.gap(format!("the service {}: {reason}", purpose.service()));
    None
}

/// Plans what sources try at a service's own address, in every family that both have. Those who
/// carry services out learn of them with some delay.
pub(in crate::connectivity) fn visit<'a>(
    topology: &Topology,
    purpose: Purpose,
    sources: impl IntoIterator<Item = &'a Actor>,
    tries: impl Fn(&Actor, IpAddr) -> Vec<(Probe, Expectation)>,
) -> Planned {
    let mut planned = Planned::default();
    let Some(service) = service(&mut planned, topology, purpose) else { return planned };
    for from in sources {
        for family in FAMILIES.into_iter().filter(|family| from.address(*family).is_some()) {
            let name = purpose.service().to_owned();
            let Some(target) = service.address(family) else {
                planned.gap(format!("the service {name} has no {} address", family_name(family)));
                continue;
            };
            let peer = Peer { name, node: None, address: Some(target) };
            planned.add(from, &peer, family, tries(from, target));
        }
    }
    planned.settling()
}

/// Notes that no server is on another node.
pub(in crate::connectivity) fn on_other_nodes(planned: &mut Planned, topology: &Topology) {
    if topology.nodes.len() < 2 {
        planned.gap(ONE_NODE.to_owned());
    }
}

/// Notes that nobody is on the host network.
pub(in crate::connectivity) fn on_hosts(planned: &mut Planned, topology: &Topology) {
    if let Some(reason) = &topology.no_hosts {
        planned.gap(format!("no pods on the host network: {reason}"));
    }
}

pub(in crate::connectivity) fn pod_to_service(topology: &Topology) -> Planned {
    let mut planned = visit(topology, Purpose::Servers, &topology.clients, |_, target| {
        BOTH.map(|protocol| everyone(topology, protocol, target, SERVICE_PORT)).into()
    });
    on_other_nodes(&mut planned, topology);
    planned
}

/// The service's port is that of its servers.
pub(in crate::connectivity) fn pod_to_service_sctp(topology: &Topology) -> Planned {
    let mut planned = visit(topology, Purpose::Sctp, &topology.clients, |_, target| {
        vec![everyone(topology, Protocol::Sctp, target, topology.port)]
    });
    on_other_nodes(&mut planned, topology);
    planned
}

pub(in crate::connectivity) fn node_to_service(topology: &Topology) -> Planned {
    let mut planned = visit(topology, Purpose::Servers, &topology.hosts, |_, target| {
        BOTH.map(|protocol| everyone(topology, protocol, target, SERVICE_PORT)).into()
    });
    on_hosts(&mut planned, topology);
    on_other_nodes(&mut planned, topology);
    planned
}

/// The pod may see another source than itself: Kubernetes leaves open which.
pub(in crate::connectivity) fn pod_to_hairpin_service(topology: &Topology) -> Planned {
    let itself = topology.clients.iter().filter(|client| client.team() == "b");
    visit(topology, Purpose::Itself, itself, |from, target| {
        let own = || Expectation::Servers(names([from]));
        BOTH.map(|protocol| (seek(protocol, target, SERVICE_PORT, 1), own())).into()
    })
}

/// Returns the protocols that have a node port, and notes which have none.
pub(super) fn node_ports(planned: &mut Planned, service: &Service) -> Vec<(Protocol, u16)> {
    let mut ports = Vec::new();
    for protocol in BOTH {
        match service.node_port(protocol) {
            Some(port) => ports.push((protocol, port)),
            None => planned.gap(format!("the service has no node port for {}", protocol.name())),
        }
    }
    ports
}

/// Every node's port leads to every server; each pod asks its own node and one other.
pub(in crate::connectivity) fn pod_to_node_port(topology: &Topology) -> Planned {
    at_node_ports(topology, Purpose::NodePort, &topology.clients, |_, at| {
        vec![everyone(topology, at.protocol, at.target, at.port)]
    })
}

/// The same for nodes. What they send to themselves passes by no device, so that all depends on the socket:
/// that of a datagram need not be connected.
pub(in crate::connectivity) fn node_to_node_port(topology: &Topology) -> Planned {
    at_node_ports(topology, Purpose::NodePort, &topology.hosts, |_, at| {
        let (probe, expected) = everyone(topology, at.protocol, at.target, at.port);
        let stays = at.is_own && at.protocol == Protocol::Udp;
        let loose = stays.then(|| (probe.clone().unconnected(), expected.clone()));
        [(probe, expected)].into_iter().chain(loose).collect()
    })
}

/// A node port, as somebody asks it.
pub(super) struct At {
    pub(super) protocol: Protocol,
    pub(super) target: IpAddr,
    pub(super) port: u16,
    /// Whether it is one of the asking one's node.
    pub(super) is_own: bool,
}

/// Plans what sources try at the node ports of their own node and of one other.
pub(super) fn at_node_ports<'a>(
    topology: &'a Topology,
    purpose: Purpose,
    sources: impl IntoIterator<Item = &'a Actor>,
    tries: impl Fn(&Actor, &At) -> Vec<(Probe, Expectation)>,
) -> Planned {
    let mut planned = Planned::default();
    on_hosts(&mut planned, topology);
    on_other_nodes(&mut planned, topology);
    let Some(service) = service(&mut planned, topology, purpose) else { return planned };
    let ports = node_ports(&mut planned, service);
    for from in sources {
        let (own, others): (Vec<&Actor>, Vec<&Actor>) =
            topology.hosts.iter().partition(|host| host.node == from.node);
        for host in own.into_iter().chain(others.first().copied()) {
            for family in FAMILIES.into_iter().filter(|family| from.address(*family).is_some()) {
                let Some(target) = host.address(family) else { continue };
                let name = purpose.service().to_owned();
                let peer = Peer { name, node: Some(host.node.clone()), address: Some(target) };
                let is_own = host.node == from.node;
                let tries = ports.iter().flat_map(|(protocol, port)| {
                    tries(from, &At { protocol: *protocol, target, port: *port, is_own })
                });
                planned.add(from, &peer, family, tries.collect());
            }
        }
    }
    planned.settling()
}

pub(in crate::connectivity) fn without_endpoints(topology: &Topology) -> Planned {
    let everyone = topology.clients.iter().chain(&topology.hosts);
    let mut planned = visit(topology, Purpose::Nobody, everyone, |_, target| {
        let connection = Probe::new(Protocol::Tcp, target, SERVICE_PORT).sized(Size::Payload(0));
        let datagram = Probe::new(Protocol::Udp, target, SERVICE_PORT);
        [connection, datagram].map(|probe| (probe.within(AT_ONCE), Expectation::Refused)).into()
    });
    on_hosts(&mut planned, topology);
    planned
}

/// A second server is looked for, and must not be found.
pub(in crate::connectivity) fn session_affinity(topology: &Topology) -> Planned {
    let mut planned = Planned::default();
    if topology.servers.len() < 2 {
        on_other_nodes(&mut planned, topology);
        return planned;
    }
    visit(topology, Purpose::Sticky, &topology.clients, |_, target| {
        let same = || Expectation::OneServer(names(&topology.servers));
        BOTH.map(|protocol| (seek(protocol, target, SERVICE_PORT, 2), same())).into()
    })
}

/// A second server is looked for here, too.
pub(in crate::connectivity) fn internal_traffic_policy(topology: &Topology) -> Planned {
    let mut planned = visit(topology, Purpose::Local, &topology.clients, |from, target| {
        let on_node = topology.servers.iter().filter(|server| server.node == from.node);
        let own = Expectation::Servers(names(on_node));
        BOTH.map(|protocol| (seek(protocol, target, SERVICE_PORT, 2), own.clone())).into()
    });
    on_other_nodes(&mut planned, topology);
    planned
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectivity::{Profile, plan::Action};
    use crate::model::Family;

    fn example(nodes: usize) -> Topology {
        Topology::example(Profile::Standard, nodes, &FAMILIES)
    }

    #[test]
    fn every_client_looks_for_every_server_by_both_protocols() {
        let planned = pod_to_service(&example(3));
        assert_eq!(planned.checks.len(), 4 * 2 * 2, "clients, families, protocols");
        for check in &planned.checks {
            assert_eq!(check.to.place(), "service");
            let expected = ["server-1", "server-2", "server-3"].map(str::to_owned).to_vec();
            assert_eq!(check.expectation, Expectation::Servers(expected));
            let Action::Probe(probe) = &check.action else { panic!("{check:?}") };
            assert_eq!(probe.servers, Some(3));
            assert!(check.may_settle, "whoever carries services out may be late");
        }
    }

    #[test]
    fn node_ports_are_asked_at_the_own_node_and_at_one_other() {
        let planned = pod_to_node_port(&example(3));
        assert_eq!(planned.checks.len(), 4 * 2 * 2 * 2, "clients, nodes, families, protocols");
        let nodes = |client: &str| {
            let of_client = planned.checks.iter().filter(|check| check.from.name == client);
            let mut nodes: Vec<_> = of_client.map(|check| check.to.node.clone().unwrap()).collect();
            nodes.sort();
            nodes.dedup();
            nodes
        };
        assert_eq!(nodes("client-1"), ["node-1", "node-2"]);
        assert_eq!(nodes("client-3"), ["node-1", "node-3"]);
    }

    #[test]
    fn nodes_send_datagrams_to_themselves_by_both_kinds_of_sockets() {
        let planned = node_to_node_port(&example(2));
        let all = 2 * 2 * 2 * 2;
        assert_eq!(planned.checks.len(), all + 2 * 2, "nodes, families, protocols, targets");
        let loose = planned.checks.iter().filter_map(|check| match &check.action {
            Action::Probe(probe) => Some(probe).filter(|probe| !probe.connects),
            _ => None,
        });
        let loose: Vec<_> = loose.collect();
        assert_eq!(loose.len(), 2 * 2, "nodes, families");
        assert!(loose.iter().all(|probe| probe.protocol == Protocol::Udp));
    }

    #[test]
    fn only_servers_of_the_own_node_are_expected_of_a_local_service() {
        for check in internal_traffic_policy(&example(2)).checks {
            let own = check.from.node.replace("node", "server");
            assert_eq!(check.expectation, Expectation::Servers(vec![own]));
        }
    }

    #[test]
    fn one_client_asks_itself() {
        let planned = pod_to_hairpin_service(&example(2));
        assert_eq!(planned.checks.len(), 4);
        for check in &planned.checks {
            let own = Expectation::Servers(vec![check.from.name.clone()]);
            assert_eq!((check.from.name.as_str(), &check.expectation), ("client-1b", &own));
        }
    }

    #[test]
    fn what_cannot_be_tried_is_told() {
        let mut topology = example(2);
        topology.services.insert(Purpose::NodePort, Err("exceeded quota".into()));
        let planned = pod_to_node_port(&topology);
        assert_eq!(planned.gaps, ["the service echo-node-port: exceeded quota"]);
        assert!(planned.checks.is_empty());

        topology.services.insert(Purpose::NodePort, Ok(Service::default()));
        let planned = pod_to_node_port(&topology);
        assert_eq!((planned.checks.len(), planned.gaps.len()), (0, 2), "{:?}", planned.gaps);

        topology.services = crate::connectivity::services::example(&[Family::V4]);
        let planned = pod_to_service(&topology);
        assert_eq!(planned.gaps, ["the service echo has no ipv6 address"]);
        assert!(planned.checks.iter().all(|check| check.family == Some(Family::V4)));

        let planned = session_affinity(&example(1));
        assert_eq!((planned.checks.len(), &planned.gaps[..]), (0, &[ONE_NODE.to_owned()][..]));
    }
}
