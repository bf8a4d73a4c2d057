//! What the cluster says of this node as somebody whom policies protect.

use std::net::IpAddr;

use super::{Cluster, node_identity::written_on};
use crate::{
    agent::policy::{HostFacts, host_actor},
    maps::MapStore,
    model::Identity,
    policy::cluster::{Actor, Role},
};

impl<M: MapStore> Cluster<M> {
    /// Returns what policies for hosts depend on; `None` as long as this node's object was not seen.
    pub(in crate::agent) fn host_facts(&self) -> Option<HostFacts> {
        let object = &self.nodes.get(&self.local_name)?.object;
        let mut labels = written_on(object);
        labels.0.extend(self.host_labels().0);
        let elsewhere = |address: &IpAddr| !object.addresses.iter().any(|own| own == *address);
        let apiservers = self.apiserver_addresses().into_iter().filter(elsewhere);
        Some(HostFacts {
            actor: host_actor(labels),
            kubelet_port: object.kubelet_port,
            apiservers: apiservers.map(|address| self.apiserver_at(address)).collect(),
        })
    }

    /// Returns who the API server at an address is to policies.
    fn apiserver_at(&self, address: IpAddr) -> Actor {
        let mut nodes = self.nodes.values().map(|known| &known.object);
        if let Some(node) = nodes.find(|node| node.addresses.iter().any(|own| own == address)) {
            let labels = self.node_labels(self.identity_of(node));
            return Actor::new(address.to_string(), Role::Peer, labels);
        }
        let identity = match address {
            IpAddr::V4(_) => Identity::OUTSIDE_APISERVER_V4,
            IpAddr::V6(_) => Identity::OUTSIDE_APISERVER_V6,
        };
        let labels = identity.fixed_labels();
        Actor::new(address.to_string(), Role::World, labels).with_addr(address)
    }
}
