//! Answers for people and flows.

use std::{collections::BTreeMap, net::IpAddr};

use crate::{
    agent::policy::named_port,
    kubernetes::{IdentityObject, NodeObject, PublishedEndpoint, SliceObject},
    maps::MapStore,
    model::{Identity, NodeId},
    policy::cluster::NamedPort,
};

use super::{Cluster, state::Known};

/// A node with its number.
#[derive(Clone, Debug)]
pub(in crate::agent) struct NodeView {
    /// Number on this node.
    pub(in crate::agent) id: NodeId,
    /// Whether it is this node.
    pub(in crate::agent) local: bool,
    /// Identity of its addresses.
    pub(in crate::agent) identity: Identity,
    /// The node.
    pub(in crate::agent) node: NodeObject,
}

/// Who has an address.
#[derive(Clone, Debug)]
pub(in crate::agent) enum PeerView {
    /// A pod of another node.
    Pod(PublishedEndpoint, String),
    /// A node.
    Node(NodeView),
}

impl<M: MapStore> Cluster<M> {
    /// Returns the known nodes.
    pub(in crate::agent) fn nodes(&self) -> Vec<NodeView> {
        self.nodes.values().map(|known| self.view(known)).collect()
    }

    /// Returns the identity objects of the cluster.
    pub(in crate::agent) fn identities(&self) -> Vec<IdentityObject> {
        self.book.objects().cloned().collect()
    }

    /// Returns the endpoint slices of other nodes.
    pub(in crate::agent) fn slices(&self) -> Vec<SliceObject> {
        self.slices.values().cloned().collect()
    }

    /// Returns the ports that pods of other nodes name, by identity.
    pub(in crate::agent) fn named_ports(&self) -> BTreeMap<Identity, Vec<NamedPort>> {
        let mut named: BTreeMap<Identity, Vec<NamedPort>> = BTreeMap::new();
        for endpoint in self.slices.values().flat_map(|slice| &slice.endpoints) {
            for port in endpoint.named_ports.iter().filter_map(named_port) {
                let known = named.entry(endpoint.identity).or_default();
                if !known.contains(&port) {
                    known.push(port);
                }
            }
        }
        named
    }

    /// Counts the endpoints of other nodes that have an identity.
    pub(in crate::agent) fn remote_users(&self, identity: Identity) -> usize {
        let endpoints = self.slices.values().flat_map(|slice| &slice.endpoints);
        endpoints.filter(|endpoint| endpoint.identity == identity).count()
    }

    /// Returns who has an address, local pods left out.
    pub(in crate::agent) fn peer(&self, address: IpAddr) -> Option<PeerView> {
        let node = self
            .nodes
            .values()
            .find(|known| known.object.addresses.iter().any(|own| own == address));
        if let Some(known) = node {
            return Some(PeerView::Node(self.view(known)));
        }
        let (name, endpoint) = self.remote.get(&address)?;
        Some(PeerView::Pod(endpoint.clone(), name.clone()))
    }

    fn view(&self, known: &Known) -> NodeView {
        NodeView {
            id: known.id,
            local: known.object.name == self.local_name,
            identity: known.identity,
            node: known.object.clone(),
        }
    }
}
