//! Nodes and the API server: policies know an identity before an address has it.

use super::{
    cluster::{Cluster, NodeLabels},
    policy::Duties,
    shared::Agent,
};
use crate::{
    kernel::KernelMaps,
    kubernetes::{ApiServerSlice, Change, NodeObject},
};

impl Agent {
    /// Lets the host's own packets be looked at if services have backends at the host, and leaves kube-proxy
    /// its connections if it runs here, too.
    pub(super) fn follow_duties(&self) {
        if let Some(serves) = self.balancer.serves_here() {
            let yields = self.pods.kube_proxy().is_some();
            self.policy.set_duties(Duties { serves, yields });
        }
    }

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
        self.tell_peers();
        self.nodes_changed.notify_one();
    }

    /// Takes in news of where the API server is.
    pub(super) fn apiserver_changed(&self, change: Change<ApiServerSlice>) {
        let mut cluster = self.cluster();
        cluster.apply_apiserver(change);
        self.write_nodes(&mut cluster);
    }

    /// Makes policies follow the cluster: a policy that asks for labels of nodes comes after the
    /// identities that it asks for, and goes before them.
    pub(super) fn enforce(&self) {
        self.tell_nodes_apart(self.policy.node_labels().filter(|l| *l == NodeLabels::ByLabels));
        self.policy.refresh_ports(|| self.cluster().named_ports());
        self.policy.settle();
        self.tell_nodes_apart(self.policy.node_labels());
    }

    /// The cluster was seen: all endpoints get their policies.
    pub(super) fn enforce_all(&self) {
        self.tell_nodes_apart(self.policy.node_labels());
        self.policy.refresh_ports(|| self.cluster().named_ports());
        self.policy.set_synced();
        self.tell_nodes_apart(self.policy.node_labels());
    }

    /// Changes how nodes are told apart, if that is known.
    pub(super) fn tell_nodes_apart(&self, labels: Option<NodeLabels>) {
        let mut cluster = self.cluster();
        if labels.is_some_and(|labels| cluster.tell_nodes_apart(labels)) {
            self.write_nodes(&mut cluster);
        }
    }

    fn write_nodes(&self, cluster: &mut Cluster<KernelMaps>) {
        let identities = cluster.node_identities();
        self.policy.learn_nodes(&identities);
        if let Some(facts) = cluster.host_facts() {
            self.policy.set_host(facts);
        }
        if let Some(site) = cluster.site() {
            self.balancer.set_site(site);
            self.follow_duties();
        }
        cluster.flush();
        // Before, addresses of nodes that are not known any more may still be in the maps.
        if self.progress.synced() {
            self.policy.keep_nodes(&identities);
        }
    }
}
