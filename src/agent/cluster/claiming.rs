//! What nodes, slices and local pods claim.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ipnet::IpNet;
use skep_bpf::abi::{Addr, NodeValue, node_flags};
use tracing::warn;

use super::{
    Cluster, address_key,
    ipcache::{Claim, Owner},
    prefix_key,
    state::Known,
};
use crate::{
    kubernetes::{NodeObject, PublishedEndpoint, SliceObject},
    maps::MapStore,
    model::{Identity, NodeId},
};

impl<M: MapStore> Cluster<M> {
    pub(super) fn put_node(&mut self, object: NodeObject) {
        if self.is_known(&object) {
            return;
        }
        let before = self.nodes.get(&object.name);
        let name = object.name.clone();
        let local = name == self.local_name;
        let id = self.ids.assign(&object.uid, &name);
        let replaced = before.map(|known| known.id).filter(|old| *old != id);
        let moved = before.is_none_or(|known| known.object.pod_cidrs != object.pod_cidrs)
            || replaced.is_some();
        self.tables.nodes.set(id.0, node_value(&object, local));
        let underlay = object.addresses.iter().map(|address| (Addr::from(address), id)).collect();
        self.nodes.insert(name.clone(), Known { id, object, identity: Identity::UNKNOWN });
        self.claim_underlay(&name, underlay);
        self.claim_node(&name);
        if moved {
            self.claim_slices_of(&name);
            self.claim_apiserver();
        }
        if moved && local {
            self.claim_local();
        }
        if let Some(old) = replaced {
            self.tables.nodes.unset(&old.0);
        }
    }

    pub(super) fn remove_node(&mut self, name: &str) {
        let Some(known) = self.nodes.remove(name) else { return };
        self.claim_slices_of(name);
        let outcome = self.prefixes.replace(&Owner::Node(name.to_owned()), BTreeMap::new());
        self.take(outcome);
        self.claim_underlay(name, BTreeMap::new());
        self.tables.nodes.unset(&known.id.0);
        self.claim_apiserver();
    }

    /// Claims a node's addresses, with the identity that they have now, and its pod CIDRs.
    fn claim_node(&mut self, name: &str) {
        let Some(known) = self.nodes.get(name) else { return };
        let (id, identity) = (known.id, self.identity_of(&known.object));
        let object = &known.object;
        let own = object.addresses.iter().map(|a| (address_key(a), Claim::node(identity, id)));
        let pods = object.pod_cidrs.iter().map(|net| (prefix_key(*net), Claim::pod_cidr(id)));
        let claims = own.chain(pods).collect();
        let outcome = self.prefixes.replace(&Owner::Node(name.to_owned()), claims);
        self.take(outcome);
        if let Some(known) = self.nodes.get_mut(name) {
            known.identity = identity;
        }
    }

    /// Claims the addresses of the nodes whose identity is another one now.
    pub(super) fn claim_nodes(&mut self) {
        let differs = |known: &&Known| known.identity != self.identity_of(&known.object);
        let changed = self.nodes.values().filter(differs);
        let names: Vec<String> = changed.map(|known| known.object.name.clone()).collect();
        names.iter().for_each(|name| self.claim_node(name));
    }

    pub(super) fn put_slice(&mut self, slice: SliceObject) {
        // What this node has published is what it knows itself.
        if slice.node == self.local_name {
            return;
        }
        let before = self.slices.insert(slice.name.clone(), slice.clone());
        if before.as_ref() != Some(&slice) {
            self.claim_slice(&slice);
        }
    }

    pub(super) fn remove_slice(&mut self, name: &str) {
        if let Some(slice) = self.slices.remove(name) {
            self.claim_slice(&SliceObject { endpoints: Vec::new(), ..slice });
        }
    }

    pub(super) fn claim_local(&mut self) {
        self.claim_local_but(&BTreeSet::new());
    }

    /// Claims the addresses of this node's pods, but for those that leave.
    pub(super) fn claim_local_but(&mut self, leaving: &BTreeSet<IpAddr>) {
        let Some(id) = self.nodes.get(&self.local_name).map(|known| known.id) else { return };
        let staying = self.local.values().filter(|local| !leaving.contains(&local.address));
        let claims = staying.map(|local| {
            (address_key(local.address), Claim::pod(local.identity, id, local.incarnation))
        });
        let claims = claims.collect();
        let outcome = self.prefixes.replace(&Owner::Local, claims);
        self.take(outcome);
    }

    fn claim_underlay(&mut self, name: &str, claims: BTreeMap<Addr, NodeId>) {
        let outcome = self.underlay.replace(&name.to_owned(), claims);
        for (address, id) in outcome.won {
            self.tables.node_addrs.set(address, id.0);
        }
        for address in outcome.lost {
            self.tables.node_addrs.unset(&address);
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
            for (endpoint, address) in addresses(slice) {
                if !inside(&cidrs, address) {
                    warn!(%address, slice = slice.name, "address outside of the node's pod CIDRs");
                    continue;
                }
                let claim = Claim::pod(endpoint.identity, id, endpoint.incarnation);
                let best = claims.entry(address_key(address)).or_insert(claim);
                *best = claim.max(*best);
                self.remember(address, &slice.node, endpoint);
            }
        }
        let outcome = self.prefixes.replace(&Owner::Slice(slice.name.clone()), claims);
        let lost = outcome.lost.clone();
        self.take(outcome);
        for key in lost {
            self.remote.remove(&IpAddr::from(key.addr));
        }
    }

    fn remember(&mut self, address: IpAddr, node: &str, endpoint: &PublishedEndpoint) {
        let known = self.remote.get(&address);
        if known.is_none_or(|(_, known)| known.incarnation <= endpoint.incarnation) {
            self.remote.insert(address, (node.to_owned(), endpoint.clone()));
        }
    }
}

fn node_value(object: &NodeObject, local: bool) -> NodeValue {
    let own = if local { node_flags::LOCAL } else { 0 };
    let ready = if local || object.ready { node_flags::READY } else { 0 };
    NodeValue {
        addr_v4: object.addresses.v4.map_or(Addr::ZERO, Addr::from),
        addr_v6: object.addresses.v6.map_or(Addr::ZERO, Addr::from),
        flags: own | ready,
        ..NodeValue::default()
    }
}

fn addresses(slice: &SliceObject) -> impl Iterator<Item = (&PublishedEndpoint, IpAddr)> {
    slice
        .endpoints
        .iter()
        .flat_map(|endpoint| endpoint.addresses.iter().map(move |address| (endpoint, *address)))
}

fn inside(cidrs: &[IpNet], address: IpAddr) -> bool {
    cidrs.iter().any(|net| net.contains(&address))
}
