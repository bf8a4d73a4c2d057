//! Host ports: a port of a node that leads to one pod of that node.

use super::{
    Peer, Planned,
    services::{BOTH, names, on_hosts, on_other_nodes, seek},
};
use crate::connectivity::{
    expect::Expectation,
    serve,
    topology::{Actor, FAMILIES, Topology},
};

/// Pods of the same node and of others ask at the node's own addresses.
pub(in crate::connectivity) fn pod_to_host_port(topology: &Topology) -> Planned {
    let mut planned = Planned::default();
    on_hosts(&mut planned, topology);
    on_other_nodes(&mut planned, topology);
    let Some((pod, node)) = host_port(&mut planned, topology) else { return planned };
    for from in &topology.clients {
        for family in FAMILIES.into_iter().filter(|family| from.address(*family).is_some()) {
            // A node may have families that pods lack.
            let (Some(target), Some(_)) = (node.address(family), pod.address(family)) else {
                continue;
            };
            let (name, at) = (pod.name.clone(), Some(node.node.clone()));
            let peer = Peer { name, node: at, address: Some(target) };
            let own = || Expectation::Servers(names([pod]));
            let tries = BOTH.map(|protocol| (seek(protocol, target, serve::HOST_PORT, 1), own()));
            planned.add(from, &peer, family, tries.into());
        }
    }
    planned.settling()
}

/// Returns the pod that has a port of its node, and that node; or notes why there is none.
pub(super) fn host_port<'a>(
    planned: &mut Planned,
    topology: &'a Topology,
) -> Option<(&'a Actor, &'a Actor)> {
    let missing = |reason| format!("a pod with port {} of its node: {reason}", serve::HOST_PORT);
    let pod = topology.host_port.as_ref().map_err(|reason| planned.gap(missing(reason))).ok()?;
    let node = topology.hosts.iter().find(|host| host.node == pod.node)?;
    Some((pod, node))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectivity::Profile;

    #[test]
    fn every_client_asks_the_pods_node_by_both_protocols() {
        let topology = Topology::example(Profile::Standard, 3, &FAMILIES);
        let planned = pod_to_host_port(&topology);
        assert_eq!(planned.checks.len(), 4 * 2 * 2, "clients, families, protocols");
        for check in &planned.checks {
            assert_eq!(check.to.node.as_deref(), Some("node-1"));
            let address = topology.hosts[0].address(check.family.unwrap());
            assert_eq!(check.to.address, address, "the node's, not the pod's");
        }
    }

    #[test]
    fn a_port_that_is_taken_is_told() {
        let mut topology = Topology::example(Profile::Standard, 2, &FAMILIES);
        topology.host_port = Err("0/2 nodes are available".into());
        let planned = pod_to_host_port(&topology);
        let told = "a pod with port 24245 of its node: 0/2 nodes are available";
        assert_eq!((planned.checks.len(), &planned.gaps[..]), (0, &[told.to_owned()][..]));
    }
}
