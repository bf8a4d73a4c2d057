//! State of the cluster, and the map entries that follow from each change.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::IpAddr,
    sync::Arc,
};

use skep_bpf::abi::{Addr, IpcacheKey};

use super::{
    NodeIds, NodeLabels, address_key,
    claims::{Claims, Outcome},
    ipcache::{Claim, Owner},
    node_identity::NodeNumbers,
    tables::{Deletes, Flushed, Tables},
};
use crate::{
    agent::identity::{Book, Touched},
    api::hubble::AgentEvents,
    kubernetes::{Change, IdentityObject, NodeObject, PublishedEndpoint, SliceObject},
    maps::{IpcacheTable, MapError, MapStore},
    model::{Identity, Incarnation, NodeId, PodRef},
};

/// An address of a pod of this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::agent) struct LocalAddress {
    /// The address.
    pub(in crate::agent) address: IpAddr,
    /// Identity of the pod.
    pub(in crate::agent) identity: Identity,
    /// Which use of the address this is.
    pub(in crate::agent) incarnation: Incarnation,
    /// The pod, when the runtime said so.
    pub(in crate::agent) pod: Option<PodRef>,
}

/// Where an agent runs.
#[derive(Clone, Debug)]
pub(in crate::agent) struct Place {
    /// Name of the cluster.
    pub(in crate::agent) cluster: String,
    /// Name of the node.
    pub(in crate::agent) node: String,
}

#[derive(Debug)]
pub(super) struct Known {
    pub(super) id: NodeId,
    pub(super) object: NodeObject,
    /// Identity of its addresses.
    pub(super) identity: Identity,
}

/// The cluster as this node sees it.
#[derive(Debug)]
pub(in crate::agent) struct Cluster<M> {
    store: Arc<M>,
    pub(super) local_name: String,
    pub(super) deletes: Deletes,
    pub(super) nodes: BTreeMap<String, Known>,
    pub(super) slices: BTreeMap<String, SliceObject>,
    pub(super) remote: HashMap<IpAddr, (String, PublishedEndpoint)>,
    pub(super) book: Book,
    pub(super) local: BTreeMap<IpAddr, LocalAddress>,
    pub(super) numbers: NodeNumbers,
    /// Addresses of the API server, by slice.
    pub(super) apiserver: BTreeMap<String, BTreeSet<IpAddr>>,
    pub(super) ids: NodeIds,
    pub(super) prefixes: Claims<IpcacheKey, Owner, Claim>,
    // Of two nodes that claim an underlay address the one that appeared later wins.
    pub(super) underlay: Claims<Addr, String, NodeId>,
    pub(super) tables: Tables,
    pub(super) events: Arc<AgentEvents>,
    failures: u64,
}

impl<M: MapStore> Cluster<M> {
    /// Makes a cluster that knows nothing but the numbers of nodes. What an earlier process left
    /// in the maps stays until [`Cluster::allow_deletes`].
    ///
    /// # Errors
    /// When the maps cannot be read.
    pub(in crate::agent) fn new(
        store: Arc<M>,
        Place { cluster, node }: Place,
        ids: NodeIds,
        events: Arc<AgentEvents>,
    ) -> Result<Self, MapError> {
        let mut tables = Tables::default();
        tables.adopt(&*store)?;
        // Policies of an earlier process may tell nodes apart: so does this one, until it knows better.
        let earlier = store.entries::<IpcacheTable>()?.into_iter();
        let labels = match earlier.map(|(_, v)| Identity(v.identity)).any(Identity::is_node) {
            true => NodeLabels::ByLabels,
            false => NodeLabels::Alike,
        };
        Ok(Self {
            store,
            local_name: node,
            deletes: Deletes::Held,
            nodes: BTreeMap::new(),
            slices: BTreeMap::new(),
            remote: HashMap::new(),
            book: Book::default(),
            local: BTreeMap::new(),
            numbers: NodeNumbers::new(cluster, labels),
            apiserver: BTreeMap::new(),
            ids,
            prefixes: Claims::default(),
            underlay: Claims::default(),
            tables,
            events,
            failures: 0,
        })
    }

    /// Takes in news of nodes. Nothing is written before [`Cluster::flush`]: policies must know the
    /// identities of nodes first.
    pub(in crate::agent) fn apply_nodes(&mut self, change: Change<NodeObject>) {
        match change {
            Change::Listed(all) => {
                let names: BTreeSet<_> = all.iter().map(|node| node.name.clone()).collect();
                let gone = absent(self.nodes.keys(), &names);
                all.into_iter().for_each(|node| self.put_node(node));
                gone.iter().for_each(|name| self.remove_node(name));
            }
            // Nodes say often that they live, and seldom anything else.
            Change::Changed(node) if self.is_known(&node) => return,
            Change::Changed(node) => self.put_node(node),
            Change::Gone(name) => self.remove_node(&name),
        }
        self.number_nodes();
        self.claim_nodes();
    }

    pub(super) fn is_known(&self, node: &NodeObject) -> bool {
        self.nodes.get(&node.name).is_some_and(|known| known.object == *node)
    }

    /// Takes in news of the endpoint slices of other nodes.
    pub(in crate::agent) fn apply_slices(&mut self, change: Change<SliceObject>) {
        match change {
            Change::Listed(all) => {
                let names: BTreeSet<_> = all.iter().map(|slice| slice.name.clone()).collect();
                let gone = absent(self.slices.keys(), &names);
                all.into_iter().for_each(|slice| self.put_slice(slice));
                gone.iter().for_each(|name| self.remove_slice(name));
            }
            Change::Changed(slice) => self.put_slice(slice),
            Change::Gone(name) => self.remove_slice(&name),
        }
        self.flush();
    }

    /// Takes in news of identities. Returns which are new and which are gone.
    pub(in crate::agent) fn apply_identities(&mut self, change: Change<IdentityObject>) -> Touched {
        self.book.apply(change)
    }

    /// Sets addresses of this node's pods.
    pub(in crate::agent) fn put_local(&mut self, addresses: &[LocalAddress]) {
        for local in addresses {
            self.local.insert(local.address, local.clone());
        }
        self.claim_local();
        self.flush();
    }

    /// Removes addresses of this node's pods, each only in the incarnation that is named.
    pub(in crate::agent) fn remove_local(&mut self, addresses: &[LocalAddress]) {
        let current = |local: &&LocalAddress| {
            let found = self.local.get(&local.address);
            found.is_some_and(|found| found.incarnation == local.incarnation)
        };
        let leaving = addresses.iter().filter(current).map(|local| local.address).collect();
        self.claim_local_but(&leaving);
        self.local.retain(|address, _| !leaving.contains(address));
        self.flush();
        if self.deletes == Deletes::Held && !leaving.is_empty() {
            let keys: Vec<_> = leaving.into_iter().map(address_key).collect();
            self.remove_now(&keys);
        }
    }

    /// The first full sync is done: what is not desired goes from now on.
    pub(in crate::agent) fn allow_deletes(&mut self) {
        self.deletes = Deletes::Allowed;
        let live: BTreeSet<_> = self.nodes.values().map(|node| node.object.uid.clone()).collect();
        self.ids.retain(|uid| live.contains(uid));
        self.flush();
    }

    /// Reads the maps again and corrects what differs.
    ///
    /// # Errors
    /// When a map cannot be read.
    pub(in crate::agent) fn repair(&mut self) -> Result<Flushed, MapError> {
        self.tables.adopt(&*self.store)?;
        Ok(self.flush())
    }

    /// Returns the desired contents of the maps.
    pub(in crate::agent) fn tables(&self) -> &Tables {
        &self.tables
    }

    /// Returns the numbers of nodes, to be remembered.
    pub(in crate::agent) fn node_ids(&self) -> &NodeIds {
        &self.ids
    }

    /// Returns this node and its number, once its Node object is known.
    pub(in crate::agent) fn local_node(&self) -> Option<(NodeId, &NodeObject)> {
        self.nodes.get(&self.local_name).map(|known| (known.id, &known.object))
    }

    /// Returns the identities' book.
    pub(in crate::agent) fn book(&self) -> &Book {
        &self.book
    }

    /// Returns how many flushes a map has refused so far.
    pub(in crate::agent) fn failures(&self) -> u64 {
        self.failures
    }

    pub(super) fn take(&mut self, outcome: Outcome<IpcacheKey, Claim>) {
        for (key, claim) in outcome.won {
            self.tell_owner(&key, Some(&claim.value));
            self.tables.ipcache.set(key, claim.value);
        }
        for key in outcome.lost {
            self.tell_owner(&key, None);
            self.tables.ipcache.unset(&key);
        }
    }

    /// Writes the maps.
    pub(in crate::agent) fn flush(&mut self) -> Flushed {
        let flushed = self.tables.flush(&*self.store, self.deletes);
        self.failures += flushed.failed as u64;
        flushed
    }

    /// What this node says of its own pods is never incomplete: it goes even before the sync.
    fn remove_now(&mut self, keys: &[IpcacheKey]) {
        let gone = keys.iter().filter(|key| !self.tables.ipcache.desired().contains_key(key));
        let failed = gone.filter(|key| self.store.delete::<IpcacheTable>(key).is_err()).count();
        let adopted = self.tables.ipcache.adopt(&*self.store);
        self.failures += failed as u64 + u64::from(adopted.is_err());
    }
}

fn absent<'a>(known: impl Iterator<Item = &'a String>, listed: &BTreeSet<String>) -> Vec<String> {
    known.filter(|name| !listed.contains(*name)).cloned().collect()
}
