//! What the identities of nodes mean.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::Cluster;
use crate::{
    agent::identity::digest,
    kubernetes::NodeObject,
    maps::MapStore,
    model::{CLUSTER_LABEL, Identity, Labels},
};

/// Labels of the identities that addresses of nodes have, but for those that never change.
pub(in crate::agent) type NodeIdentities = BTreeMap<Identity, Arc<Labels>>;

/// Label of nodes where the API server is.
const APISERVER: &str = "reserved:kube-apiserver";

/// How other nodes are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::agent) enum NodeLabels {
    /// Not at all, but for the API server's: no policy asks for their labels.
    Alike,
    /// By their labels.
    ByLabels,
}

/// Numbers of the label sets of other nodes. They follow from the labels, so that they are the same
/// after a restart; of two sets of one number the one that appeared later takes another.
#[derive(Debug)]
pub(super) struct NodeNumbers {
    cluster: String,
    labels: NodeLabels,
    sets: BTreeMap<Labels, (Identity, Arc<Labels>)>,
}

impl NodeNumbers {
    pub(super) fn new(cluster: String, labels: NodeLabels) -> Self {
        Self { cluster, labels, sets: BTreeMap::new() }
    }

    fn number(&self, labels: &Labels) -> Option<Identity> {
        self.sets.get(labels).map(|(number, _)| *number)
    }

    fn assign(&mut self, labels: Labels) {
        if self.sets.contains_key(&labels) {
            return;
        }
        let used: BTreeSet<Identity> = self.sets.values().map(|(number, _)| *number).collect();
        let hash = digest(&labels);
        let first = u32::from_be_bytes([0, hash[0], hash[1], hash[2]]);
        let mut candidates = (0..).map(|round| Identity::node(first.wrapping_add(round)));
        let number = candidates.find(|number| !used.contains(number)).expect("there are millions");
        self.sets.insert(labels.clone(), (number, Arc::new(labels)));
    }
}

impl<M: MapStore> Cluster<M> {
    /// Returns what policies must know before the maps are written.
    pub(in crate::agent) fn node_identities(&self) -> NodeIdentities {
        let others = self.numbers.sets.values().cloned();
        others.chain([(Identity::HOST, Arc::new(self.host_labels()))]).collect()
    }

    /// Returns the labels of an identity that nodes have, or that always means the same.
    pub(in crate::agent) fn node_labels(&self, identity: Identity) -> Labels {
        if identity == Identity::HOST {
            return self.host_labels();
        }
        let own = self.numbers.sets.iter().find(|(_, (number, _))| *number == identity);
        own.map_or_else(|| identity.fixed_labels(), |(labels, _)| labels.clone())
    }

    /// Returns the labels of this node's object, `key=value`; none as long as it was not seen.
    pub(in crate::agent) fn own_labels(&self) -> Vec<String> {
        let labels = self.nodes.get(&self.local_name).map(|known| &known.object.labels);
        labels.into_iter().flatten().map(|(key, value)| format!("{key}={value}")).collect()
    }

    pub(super) fn host_labels(&self) -> Labels {
        let mut labels = Identity::HOST.fixed_labels();
        let local = self.nodes.get(&self.local_name);
        if local.is_some_and(|known| self.serves_api(&known.object.addresses)) {
            labels.0.insert(APISERVER.to_owned(), String::new());
        }
        labels
    }

    /// Changes how other nodes are told apart; tells whether that is new. Nothing is written before
    /// [`Cluster::flush`].
    pub(in crate::agent) fn tell_nodes_apart(&mut self, labels: NodeLabels) -> bool {
        let differs = self.numbers.labels != labels;
        if differs {
            self.numbers.labels = labels;
            self.number_nodes();
            self.claim_nodes();
        }
        differs
    }

    /// Gives the label sets of other nodes numbers, and takes those of others away.
    pub(super) fn number_nodes(&mut self) {
        let others = self.nodes.values().map(|known| &known.object);
        let wanted: BTreeSet<Labels> = match self.numbers.labels {
            NodeLabels::Alike => BTreeSet::new(),
            NodeLabels::ByLabels => others
                .filter(|object| object.name != self.local_name)
                .map(|object| self.labels_of(object))
                .collect(),
        };
        self.numbers.sets.retain(|labels, _| wanted.contains(labels));
        wanted.into_iter().for_each(|labels| self.numbers.assign(labels));
    }

    /// Returns the identity of a node's addresses.
    pub(super) fn identity_of(&self, object: &NodeObject) -> Identity {
        if object.name == self.local_name {
            return Identity::HOST;
        }
        let number = match self.numbers.labels {
            NodeLabels::Alike => None,
            NodeLabels::ByLabels => self.numbers.number(&self.labels_of(object)),
        };
        number.unwrap_or_else(|| self.alike(object))
    }

    /// Returns the identity of another node that is not told apart by its labels.
    fn alike(&self, object: &NodeObject) -> Identity {
        match self.serves_api(&object.addresses) {
            true => Identity::KUBE_APISERVER,
            false => Identity::REMOTE_NODE,
        }
    }

    fn labels_of(&self, object: &NodeObject) -> Labels {
        let mut labels = written_on(object);
        labels.0.insert(CLUSTER_LABEL.to_owned(), self.numbers.cluster.clone());
        labels.0.extend(self.alike(object).fixed_labels().0);
        labels
    }
}

/// Returns the labels of a node's object as policies know them.
pub(super) fn written_on(object: &NodeObject) -> Labels {
    object.labels.iter().map(|(key, value)| (format!("node:{key}"), value.clone())).collect()
}
