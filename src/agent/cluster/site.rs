//! Where this node is, for services.

use std::{net::IpAddr, sync::Arc};

use super::Cluster;
use crate::{
    kubernetes::NodeObject,
    maps::MapStore,
    service::input::{Place, Site},
};

/// Label of a node with the zone it is in (well-known labels of Kubernetes).
const ZONE: &str = "topology.kubernetes.io/zone";

impl<M: MapStore> Cluster<M> {
    /// Returns where this node is and which addresses belong to nodes and pods; `None` as long as this
    /// node's object was not seen.
    pub(in crate::agent) fn site(&self) -> Option<Site> {
        let own = &self.nodes.get(&self.local_name)?.object;
        let all = self.nodes.values().map(|known| &known.object);
        let mut pods: Vec<_> = all.clone().flat_map(|node| node.pod_cidrs.clone()).collect();
        pods.sort_unstable();
        Some(Site {
            place: place(own),
            node_ports: own.addresses.iter().collect(),
            nodes: all.flat_map(|node| node.addresses.iter()).collect(),
            pods,
        })
    }

    /// Returns where a pod or node on a node is.
    pub(in crate::agent) fn place_of(&self, node: &str) -> Place {
        match self.nodes.get(node) {
            Some(known) => place(&known.object),
            None => Place { node: node.into(), zone: None },
        }
    }

    /// Yields namespace and name of the pods of other nodes, some more than once.
    pub(in crate::agent) fn remote_pods(&self) -> impl Iterator<Item = (&str, &str)> {
        self.remote.values().map(|(_, pod)| (pod.namespace.as_str(), pod.pod.as_str()))
    }

    /// Returns the addresses of a pod of another node, and the name of that node.
    pub(in crate::agent) fn remote_pod(
        &self,
        namespace: &str,
        name: &str,
    ) -> Option<(Vec<IpAddr>, &str)> {
        let all = self.remote.iter();
        let mut found = all
            .filter(|(_, (_, pod))| pod.namespace == namespace && pod.pod == name)
            .map(|(address, (node, _))| (*address, node.as_str()));
        let (first, node) = found.next()?;
        let mut addresses: Vec<IpAddr> = found.map(|(address, _)| address).chain([first]).collect();
        addresses.sort_unstable();
        Some((addresses, node))
    }
}

fn place(node: &NodeObject) -> Place {
    let zone = node.labels.get(ZONE).filter(|zone| !zone.is_empty());
    Place { node: node.name.as_str().into(), zone: zone.map(|zone| Arc::from(zone.as_str())) }
}
