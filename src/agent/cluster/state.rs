//! State of the cluster and the writes that follow from each change.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::IpAddr,
    sync::Arc,
};

use ipnet::IpNet;
use skep_bpf::abi::{
    Addr, IdentityValue, IpcacheKey, NodeValue, identity, identity_flags, node_flags,
};
use tracing::{error, warn};

use super::{
    NodeIds, address_key,
    claims::{Claims, Outcome},
    ipcache::{Claim, Owner},
    prefix_key,
};
use crate::{
    agent::identity::Book,
    kubernetes::{Change, IdentityObject, NodeObject, PublishedEndpoint, SliceObject},
    maps::{
        Deletes, Desired, IdentityTable, IpcacheTable, MapError, MapStore, NodeAddrTable,
        NodeTable, Repaired,
    },
    model::{Identity, Incarnation, NodeId},
};

/// The maps that follow from the cluster.
#[derive(Debug, Default)]
pub(in crate::agent) struct Tables {
    pub(in crate::agent) ipcache: Desired<IpcacheTable>,
    pub(in crate::agent) nodes: Desired<NodeTable>,
    pub(in crate::agent) node_addrs: Desired<NodeAddrTable>,
    pub(in crate::agent) identities: Desired<IdentityTable>,
}

/// An address of a pod of this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::agent) struct LocalAddress {
    /// The address.
    pub(in crate::agent) address: IpAddr,
    /// Identity of the pod.
    pub(in crate::agent) identity: Identity,
    /// Which use of the address this is.
    pub(in crate::agent) incarnation: Incarnation,
}

#[derive(Debug)]
pub(super) struct Known {
    pub(super) id: NodeId,
    pub(super) object: NodeObject,
}

/// A claim on an underlay address; node ids decide between two nodes, the newer one wins.
type AddrClaims = Claims<Addr, String, NodeId>;

/// The cluster as this node sees it.
#[derive(Debug)]
pub(in crate::agent) struct Cluster<M> {
    store: Arc<M>,
    pub(super) local_name: String,
    deletes: Deletes,
    pub(super) nodes: BTreeMap<String, Known>,
    pub(super) slices: BTreeMap<String, SliceObject>,
    pub(super) remote: HashMap<IpAddr, (String, PublishedEndpoint)>,
    pub(super) book: Book,
    local: BTreeMap<IpAddr, LocalAddress>,
    ids: NodeIds,
    prefixes: Claims<IpcacheKey, Owner, Claim>,
    underlay: AddrClaims,
    tables: Tables,
    failed_writes: u64,
}

/// Identities that exist without an object.
const RESERVED: [(u32, u32); 8] = [
    (identity::HOST, identity_flags::NODE),
    (identity::HEALTH, 0),
    (INIT, 0),
    (identity::REMOTE_NODE, identity_flags::NODE),
    (identity::KUBE_APISERVER, identity_flags::NODE),
    (identity::INGRESS, identity_flags::NODE),
    (identity::WORLD_V4, identity_flags::WORLD),
    (identity::WORLD_V6, identity_flags::WORLD),
];

/// Identity of pods whose labels are not known yet.
const INIT: u32 = 5;

impl<M: MapStore> Cluster<M> {
    /// Makes an empty cluster that remembers node numbers. Deletes are held until
    /// [`Cluster::allow_deletes`].
    pub(in crate::agent) fn new(store: Arc<M>, local_name: String, ids: NodeIds) -> Self {
        let mut cluster = Self {
            store,
            local_name,
            deletes: Deletes::Held,
            nodes: BTreeMap::new(),
            slices: BTreeMap::new(),
            remote: HashMap::new(),
            book: Book::default(),
            local: BTreeMap::new(),
            ids,
            prefixes: Claims::default(),
            underlay: Claims::default(),
            tables: Tables::default(),
            failed_writes: 0,
        };
        for (number, flags) in RESERVED {
            cluster.know_identity(number, flags);
        }
        cluster
    }

    /// Takes in news of nodes.
    pub(in crate::agent) fn apply_nodes(&mut self, change: Change<NodeObject>) {
        match change {
            Change::Listed(all) => {
                let names: BTreeSet<_> = all.iter().map(|node| node.name.clone()).collect();
                let gone: Vec<_> =
                    self.nodes.keys().filter(|name| !names.contains(*name)).cloned().collect();
                all.into_iter().for_each(|node| self.put_node(node));
                gone.iter().for_each(|name| self.remove_node(name));
            }
            Change::Changed(node) => self.put_node(node),
            Change::Gone(name) => self.remove_node(&name),
        }
    }

    /// Takes in news of the endpoint slices of other nodes.
    pub(in crate::agent) fn apply_slices(&mut self, change: Change<SliceObject>) {
        match change {
            Change::Listed(all) => {
                let names: BTreeSet<_> = all.iter().map(|slice| slice.name.clone()).collect();
                let gone: Vec<_> =
                    self.slices.keys().filter(|name| !names.contains(*name)).cloned().collect();
                all.into_iter().for_each(|slice| self.put_slice(slice));
                gone.iter().for_each(|name| self.remove_slice(name));
            }
            Change::Changed(slice) => self.put_slice(slice),
            Change::Gone(name) => self.remove_slice(&name),
        }
    }

    /// Takes in news of identities. Returns the numbers that are gone.
    pub(in crate::agent) fn apply_identities(
        &mut self,
        change: Change<IdentityObject>,
    ) -> Vec<Identity> {
        let touched = self.book.apply(change);
        for added in touched.added {
            self.know_identity(added.0, 0);
        }
        for removed in &touched.removed {
            // A number in use by a local pod is created again; until then it stays known.
            if !self.local.values().any(|local| local.identity == *removed) {
                let result =
                    self.tables.identities.unset(&*self.store, &removed.0, self.deletes);
                self.note(result);
            }
        }
        touched.removed
    }

    /// Sets the addresses of this node's pods that have changed, and removes others.
    pub(in crate::agent) fn put_local(&mut self, addresses: &[LocalAddress]) {
        for local in addresses {
            if local.identity.is_cluster() {
                self.know_identity(local.identity.0, 0);
            }
            self.local.insert(local.address, *local);
        }
        self.claim_local();
    }

    /// Removes addresses of this node's pods, each only in the incarnation that is named.
    pub(in crate::agent) fn remove_local(&mut self, addresses: &[LocalAddress]) {
        for local in addresses {
            let current = self.local.get(&local.address).map(|found| found.incarnation);
            if current == Some(local.incarnation) {
                self.local.remove(&local.address);
            }
        }
        self.claim_local();
    }

    /// The first full sync is done: what is not desired goes from now on.
    pub(in crate::agent) fn allow_deletes(&mut self) {
        self.deletes = Deletes::Allowed;
        let live: BTreeSet<_> = self.nodes.values().map(|node| node.object.uid.clone()).collect();
        self.ids.retain(|uid| live.contains(uid));
    }

    /// Compares the maps with what is desired and corrects them.
    pub(in crate::agent) fn repair(&mut self) -> Result<Repaired, MapError> {
        let (store, deletes) = (&*self.store, self.deletes);
        // Identities before the addresses that have them, and the other way round to remove.
        let mut total = self.tables.identities.repair(store, Deletes::Held)?;
        let mut add = |done: Repaired| {
            total.written += done.written;
            total.deleted += done.deleted;
        };
        add(self.tables.nodes.repair(store, Deletes::Held)?);
        add(self.tables.node_addrs.repair(store, deletes)?);
        add(self.tables.ipcache.repair(store, deletes)?);
        add(self.tables.nodes.repair(store, deletes)?);
        add(self.tables.identities.repair(store, deletes)?);
        Ok(total)
    }

    /// Returns the desired contents of the maps.
    pub(in crate::agent) fn tables(&self) -> &Tables {
        &self.tables
    }

    /// Returns the numbers of nodes, to be remembered.
    pub(in crate::agent) fn node_ids(&self) -> &NodeIds {
        &self.ids
    }

    /// Returns the number of this node, once its Node object is known.
    pub(in crate::agent) fn local_node(&self) -> Option<(NodeId, &NodeObject)> {
        self.nodes.get(&self.local_name).map(|known| (known.id, &known.object))
    }

    /// Returns the identities' book.
    pub(in crate::agent) fn book(&self) -> &Book {
        &self.book
    }

    /// Returns how many map writes failed and wait for a repair.
    pub(in crate::agent) fn failed_writes(&self) -> u64 {
        self.failed_writes
    }

    fn put_node(&mut self, object: NodeObject) {
        let before = self.nodes.get(&object.name);
        if before.is_some_and(|known| known.object == object) {
            return;
        }
        let cidrs_before = before.map(|known| known.object.pod_cidrs.clone());
        let id = self.ids.assign(&object.uid, &object.name);
        let old_id = before.map(|known| known.id).filter(|old| *old != id);
        let local = object.name == self.local_name;
        let mut flags = if local { node_flags::LOCAL } else { 0 };
        if object.ready || local {
            flags |= node_flags::READY;
        }
        let value = NodeValue {
            addr_v4: object.addresses.v4.map_or(Addr::ZERO, Addr::from),
            addr_v6: object.addresses.v6.map_or(Addr::ZERO, Addr::from),
            flags,
            ..NodeValue::default()
        };
        let result = self.tables.nodes.set(&*self.store, id.0, value);
        self.note(result);
        let name = object.name.clone();
        let identity = if local { Identity::HOST } else { Identity::REMOTE_NODE };
        let underlay = object.addresses.iter().map(|address| (Addr::from(address), id)).collect();
        let own = object.addresses.iter().map(|a| (address_key(a), Claim::node(identity, id)));
        let pods = object.pod_cidrs.iter().map(|net| (prefix_key(*net), Claim::pod_cidr(id)));
        let claims = own.chain(pods).collect();
        let cidrs_changed = cidrs_before.as_ref() != Some(&object.pod_cidrs) || old_id.is_some();
        self.nodes.insert(name.clone(), Known { id, object });
        let outcome = self.underlay.replace(&name, underlay);
        self.write_underlay(outcome);
        let outcome = self.prefixes.replace(&Owner::Node(name.clone()), claims);
        self.write_prefixes(outcome, self.deletes);
        if cidrs_changed {
            self.claim_slices_of(&name);
            if local {
                self.claim_local();
            }
        }
        if let Some(old) = old_id {
            let result = self.tables.nodes.unset(&*self.store, &old.0, self.deletes);
            self.note(result);
        }
    }

    fn remove_node(&mut self, name: &str) {
        let Some(known) = self.nodes.remove(name) else { return };
        self.claim_slices_of(name);
        let outcome = self.prefixes.replace(&Owner::Node(name.to_owned()), BTreeMap::new());
        self.write_prefixes(outcome, self.deletes);
        let outcome = self.underlay.replace(&name.to_owned(), BTreeMap::new());
        self.write_underlay(outcome);
        let result = self.tables.nodes.unset(&*self.store, &known.id.0, self.deletes);
        self.note(result);
    }

    fn put_slice(&mut self, slice: SliceObject) {
        if slice.node == self.local_name {
            return;
        }
        let before = self.slices.insert(slice.name.clone(), slice.clone());
        if before.as_ref() != Some(&slice) {
            self.claim_slice(&slice);
        }
    }

    fn remove_slice(&mut self, name: &str) {
        if let Some(slice) = self.slices.remove(name) {
            self.claim_slice(&SliceObject { endpoints: Vec::new(), ..slice });
        }
    }

    fn claim_slices_of(&mut self, node: &str) {
        let slices: Vec<_> =
            self.slices.values().filter(|slice| slice.node == node).cloned().collect();
        slices.iter().for_each(|slice| self.claim_slice(slice));
    }

    /// An address counts only inside the pod CIDRs of the slice's node: nobody can claim another
    /// node's pods, nodes or the outside by writing a slice.
    fn claim_slice(&mut self, slice: &SliceObject) {
        let mut claims: BTreeMap<_, Claim> = BTreeMap::new();
        let node = self.nodes.get(&slice.node);
        if let Some((id, cidrs)) = node.map(|node| (node.id, node.object.pod_cidrs.clone())) {
            for endpoint in &slice.endpoints {
                for address in &endpoint.addresses {
                    if !inside(&cidrs, *address) {
                        warn!(%address, slice = slice.name, "address outside of the node's pod CIDRs");
                        continue;
                    }
                    let claim = Claim::pod(endpoint.identity, id, endpoint.incarnation);
                    let best = claims.entry(address_key(*address)).or_insert(claim);
                    *best = claim.max(*best);
                    self.remember(*address, &slice.node, endpoint);
                }
            }
        }
        let outcome = self.prefixes.replace(&Owner::Slice(slice.name.clone()), claims);
        for key in &outcome.lost {
            self.remote.remove(&IpAddr::from(key.addr));
        }
        self.write_prefixes(outcome, self.deletes);
    }

    fn remember(&mut self, address: IpAddr, node: &str, endpoint: &PublishedEndpoint) {
        let newer = self
            .remote
            .get(&address)
            .is_none_or(|(_, known)| known.incarnation <= endpoint.incarnation);
        if newer {
            self.remote.insert(address, (node.to_owned(), endpoint.clone()));
        }
    }

    fn claim_local(&mut self) {
        let Some(id) = self.nodes.get(&self.local_name).map(|known| known.id) else { return };
        let claims = self
            .local
            .values()
            .map(|local| {
                let claim = Claim::pod(local.identity, id, local.incarnation);
                (address_key(local.address), claim)
            })
            .collect();
        let outcome = self.prefixes.replace(&Owner::Local, claims);
        // What this node says of its own pods is never incomplete.
        self.write_prefixes(outcome, Deletes::Allowed);
    }

    fn know_identity(&mut self, number: u32, flags: u32) {
        let value = IdentityValue { scope: 0, flags };
        let result = self.tables.identities.set(&*self.store, number, value);
        self.note(result);
    }

    fn write_prefixes(&mut self, outcome: Outcome<IpcacheKey, Claim>, deletes: Deletes) {
        for (key, claim) in outcome.won {
            let result = self.tables.ipcache.set(&*self.store, key, claim.value);
            self.note(result);
        }
        for key in outcome.lost {
            let result = self.tables.ipcache.unset(&*self.store, &key, deletes);
            self.note(result);
        }
    }

    fn write_underlay(&mut self, outcome: Outcome<Addr, NodeId>) {
        for (address, id) in outcome.won {
            let result = self.tables.node_addrs.set(&*self.store, address, id.0);
            self.note(result);
        }
        for address in outcome.lost {
            let result = self.tables.node_addrs.unset(&*self.store, &address, self.deletes);
            self.note(result);
        }
    }

    /// A failed write is made good by the next repair; it must not stop the others.
    fn note(&mut self, result: Result<(), MapError>) {
        if let Err(problem) = result {
            self.failed_writes += 1;
            error!(map = problem.map, source = %problem.source, "map write failed");
        }
    }
}

fn inside(cidrs: &[IpNet], address: IpAddr) -> bool {
    cidrs.iter().any(|net| net.contains(&address))
}
