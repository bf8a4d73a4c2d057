//! What Hubble's clients hear of the ipcache: who is behind an address now.

use std::net::IpAddr;

use skep_bpf::abi::{IpcacheKey, IpcacheValue};

use super::{Cluster, tables::Deletes};
use crate::{
    agent::told,
    api::IpcacheEntry,
    hubble::flow::{AgentEventType, IpCacheNotification},
    maps::MapStore,
};

impl<M: MapStore> Cluster<M> {
    /// Tells who has an address from now on, if that is another one than before. What goes is told of as it was.
    /// What is there when the agent starts is no news.
    pub(super) fn tell_owner(&self, key: &IpcacheKey, now: Option<&IpcacheValue>) {
        let before = self.tables.ipcache.desired().get(key);
        let changed = now != before && self.deletes == Deletes::Allowed;
        let Some(value) = now.or(before).filter(|_| changed) else { return };
        let (namespace, pod_name) = self.pod_at(key.addr.into());
        let old = before.filter(|_| now.is_some());
        let update = IpCacheNotification {
            cidr: IpcacheEntry::from(&(*key, *value)).prefix.to_string(),
            identity: value.identity,
            old_identity: old.map(|old| old.identity),
            host_ip: self.host_of(value),
            old_host_ip: old.map(|old| self.host_of(old)).unwrap_or_default(),
            encrypt_key: value.key_index,
            namespace,
            pod_name,
        };
        let kind = match now {
            Some(_) => AgentEventType::IpcacheUpserted,
            None => AgentEventType::IpcacheDeleted,
        };
        told::address(&self.events, update, kind);
    }

    /// Returns namespace and name of the pod that has an address, empty for what is no pod.
    fn pod_at(&self, address: IpAddr) -> (String, String) {
        if let Some(local) = self.local.get(&address) {
            let pod = local.pod.as_ref();
            return pod.map(|pod| (pod.namespace.clone(), pod.name.clone())).unwrap_or_default();
        }
        let remote = self.remote.get(&address);
        remote.map(|(_, pod)| (pod.namespace.clone(), pod.pod.clone())).unwrap_or_default()
    }

    /// Returns the address of the node that an entry leads to, empty for what is no node's.
    fn host_of(&self, value: &IpcacheValue) -> String {
        let node = self.nodes.values().find(|known| known.id.0 == value.node_id);
        let address = node.and_then(|known| known.object.addresses.iter().next());
        address.map(|address| address.to_string()).unwrap_or_default()
    }
}
