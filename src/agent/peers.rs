//! Nodes and the API server: policies know an identity before an address has it.

use super::{cluster::Cluster, shared::Agent};
use crate::{
    kernel::KernelMaps,
    kubernetes::{ApiServerSlice, Change, NodeObject},
};

impl Agent {
    /// Takes in news of nodes; those of this node set the pod CIDRs.
    pub(super) fn nodes_changed(&self, change: Change<NodeObject>) {
        let cidrs = {
            let mut cluster = self.cluster();
            cluster.apply_nodes(change);
            self.write_nodes(&mut cluster);
            cluster.local_node().map(|(_, node)| node.pod_cidrs.clone())
        };
        if let Some(cidrs) = cidrs {
            self.endpoints.set_ranges(&cidrs);
        }
    }

    /// Takes in news of where the API server is.
    pub(super) fn apiserver_changed(&self, change: Change<ApiServerSlice>) {
        let mut cluster = self.cluster();
        cluster.apply_apiserver(change);
        self.write_nodes(&mut cluster);
    }

    fn write_nodes(&self, cluster: &mut Cluster<KernelMaps>) {
        self.policy.learn_nodes(&cluster.node_identities());
        cluster.flush();
    }
}
