//! Where this node is, for services.

use std::sync::Arc;

use super::Cluster;
use crate::{
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
        let zone = own.labels.get(ZONE).filter(|zone| !zone.is_empty());
        let mut pods: Vec<_> = all.clone().flat_map(|node| node.pod_cidrs.clone()).collect();
        pods.sort_unstable();
        Some(Site {
            place: Place { node: own.name.as_str().into(), zone: zone.map(|z| Arc::from(&**z)) },
            node_ports: own.addresses.iter().collect(),
            nodes: all.flat_map(|node| node.addresses.iter()).collect(),
            pods,
        })
    }
}
