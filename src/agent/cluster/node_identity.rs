//! What the identities of nodes mean.

use std::{collections::BTreeMap, sync::Arc};

use super::Cluster;
use crate::{
    kubernetes::NodeObject,
    maps::MapStore,
    model::{Identity, Labels},
};

/// Labels of the identities that addresses of nodes have, but for those that never change.
pub(in crate::agent) type NodeIdentities = BTreeMap<Identity, Arc<Labels>>;

/// Label of nodes where the API server is.
const APISERVER: &str = "reserved:kube-apiserver";

impl<M: MapStore> Cluster<M> {
    /// Returns what policies must know before the maps are written.
    pub(in crate::agent) fn node_identities(&self) -> NodeIdentities {
        let mut host = Identity::HOST.fixed_labels();
        let local = self.nodes.get(&self.local_name);
        if local.is_some_and(|known| self.serves_api(&known.object.addresses)) {
            host.0.insert(APISERVER.to_owned(), String::new());
        }
        NodeIdentities::from([(Identity::HOST, Arc::new(host))])
    }

    /// Returns the identity of a node's addresses.
    pub(super) fn identity_of(&self, object: &NodeObject) -> Identity {
        if object.name == self.local_name {
            Identity::HOST
        } else if self.serves_api(&object.addresses) {
            Identity::KUBE_APISERVER
        } else {
            Identity::REMOTE_NODE
        }
    }
}
