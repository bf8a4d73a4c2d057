//! Map entries of the pods of this node.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use skep_bpf::abi::{
    Addr, DeviceKind, DeviceValue, EndpointValue, NetnsValue, device_flags, endpoint_flags,
};

use super::near;
use crate::{
    agent::policy::{Assigned, Held, Policies},
    cni::record::EndpointRecord,
    maps::{DeviceTable, EndpointTable, MapError, MapStore, NetnsTable, Table},
    model::Addresses,
};

/// Whether packets may be redirected into a pod's device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::agent) enum Stage {
    /// Its programs are not attached yet.
    Preparing,
    /// Everything is in place.
    Ready,
}

/// Writes the maps of endpoints, devices and network namespaces. What is there follows from the records and
/// the policies that are assigned, so nothing is kept beside them.
#[derive(Debug)]
pub(in crate::agent) struct EndpointTables<M> {
    store: Arc<M>,
    assigned: Arc<Assigned>,
    /// The node's own namespace.
    host: Option<(u64, Mutex<NetnsValue>)>,
}

impl<M: MapStore> EndpointTables<M> {
    pub(in crate::agent) fn new(
        store: Arc<M>,
        assigned: Arc<Assigned>,
        host: Option<(u64, Addresses)>,
    ) -> Self {
        let host = host.map(|(cookie, addresses)| (cookie, netns_value(addresses).into()));
        Self { store, assigned, host }
    }

    /// Changes the addresses of the node's own namespace; the next repair writes them.
    pub(in crate::agent) fn set_host(&self, addresses: Addresses) {
        if let Some((_, value)) = &self.host {
            *value.lock().expect("no panic while holding the lock") = netns_value(addresses);
        }
    }

    /// Writes the entry of a pod's device.
    ///
    /// # Errors
    /// When the map refuses.
    pub(in crate::agent) fn put_device(
        &self,
        record: &EndpointRecord,
        stage: Stage,
    ) -> Result<(), MapError> {
        let held = self.assigned.hold();
        let value = device_value(record, stage, held.of(record.id));
        self.store.put::<DeviceTable>(&record.ifindex.0, &value)
    }

    /// Writes the entries of a pod's addresses; from now on packets reach it.
    ///
    /// # Errors
    /// When the map refuses.
    pub(in crate::agent) fn put_endpoint(&self, record: &EndpointRecord) -> Result<(), MapError> {
        let held = self.assigned.hold();
        let value = endpoint_value(record, held.of(record.id));
        let namespace = netns_value(record.addresses);
        near::put(&*self.store, record)?;
        self.store.put::<NetnsTable>(&record.netns_cookie, &namespace)?;
        let mut addresses = record.addresses.iter().map(Addr::from);
        addresses.try_for_each(|address| self.store.put::<EndpointTable>(&address, &value))
    }

    /// Removes a pod's entries, those by which packets reach it first, each only in the pod's own incarnation.
    ///
    /// # Errors
    /// The first failure, after all were tried.
    pub(in crate::agent) fn remove(&self, record: &EndpointRecord) -> Result<(), MapError> {
        let mut result = {
            let _held = self.assigned.hold();
            near::remove(&*self.store, record)
        };
        for address in record.addresses.iter().map(Addr::from) {
            let removed = match self.store.get::<EndpointTable>(&address) {
                Ok(Some(value)) if value.incarnation == record.incarnation.0 => {
                    self.store.delete::<EndpointTable>(&address)
                }
                other => other.map(drop),
            };
            result = result.and(removed);
        }
        result
            .and(self.store.delete::<NetnsTable>(&record.netns_cookie))
            .and(self.store.delete::<DeviceTable>(&record.ifindex.0))
    }

    /// Makes the maps hold these pods and, in the device map, these other devices, and nothing
    /// else but what `pending` pods may have already. Returns how many entries differed.
    ///
    /// # Errors
    /// When a map refuses.
    pub(in crate::agent) fn repair(
        &self,
        records: &[EndpointRecord],
        pending: &[EndpointRecord],
        devices: &[(u32, DeviceValue)],
    ) -> Result<usize, MapError> {
        let mut differing = 0;
        // Nobody may change a policy between the look and the correction.
        let held = self.assigned.hold();
        let (spared, spared_devices) = wanted(pending, &[], &held);
        let (addresses, all_devices) = wanted(records, devices, &held);
        let namespaces = self.namespaces(records);
        let spared_namespaces: BTreeMap<_, _> = pending.iter().map(namespace).collect();
        let store = &*self.store;
        differing += put_differing::<DeviceTable>(store, &all_devices)?;
        differing += put_differing::<EndpointTable>(store, &addresses)?;
        differing += put_differing::<NetnsTable>(store, &namespaces)?;
        differing += near::repair(store, records, pending)?;
        differing += delete_strays::<NetnsTable>(store, [&namespaces, &spared_namespaces])?;
        differing += delete_strays::<EndpointTable>(store, [&addresses, &spared])?;
        differing += delete_strays::<DeviceTable>(store, [&all_devices, &spared_devices])?;
        Ok(differing)
    }

    /// Returns the entries that the map of network namespaces should have.
    pub(in crate::agent) fn namespaces(
        &self,
        records: &[EndpointRecord],
    ) -> BTreeMap<u64, NetnsValue> {
        let host = self.host.as_ref().map(|(cookie, value)| {
            (*cookie, *value.lock().expect("no panic while holding the lock"))
        });
        records.iter().map(namespace).chain(host).collect()
    }
}

/// Writes what is missing or different; returns how many entries that were.
fn put_differing<T: Table>(
    store: &impl MapStore,
    wanted: &BTreeMap<T::Key, T::Value>,
) -> Result<usize, MapError> {
    let mut differing = 0;
    for (key, value) in wanted {
        if store.get::<T>(key)? != Some(*value) {
            store.put::<T>(key, value)?;
            differing += 1;
        }
    }
    Ok(differing)
}

/// Removes what is neither wanted nor spared; returns how many entries that were.
fn delete_strays<T: Table>(
    store: &impl MapStore,
    kept: [&BTreeMap<T::Key, T::Value>; 2],
) -> Result<usize, MapError> {
    let mut strays = 0;
    for (key, _) in store.entries::<T>()? {
        if kept.iter().all(|kept| !kept.contains_key(&key)) {
            store.delete::<T>(&key)?;
            strays += 1;
        }
    }
    Ok(strays)
}

/// Entries that the endpoint and device maps should have.
pub(in crate::agent) fn wanted(
    records: &[EndpointRecord],
    devices: &[(u32, DeviceValue)],
    held: &Held<'_>,
) -> (BTreeMap<Addr, EndpointValue>, BTreeMap<u32, DeviceValue>) {
    let addresses = records.iter().flat_map(|record| {
        let value = endpoint_value(record, held.of(record.id));
        record.addresses.iter().map(move |address| (address.into(), value))
    });
    let pods = records
        .iter()
        .map(|record| (record.ifindex.0, device_value(record, Stage::Ready, held.of(record.id))));
    (addresses.collect(), pods.chain(devices.iter().copied()).collect())
}

fn namespace(record: &EndpointRecord) -> (u64, NetnsValue) {
    (record.netns_cookie, netns_value(record.addresses))
}

fn netns_value(addresses: Addresses) -> NetnsValue {
    NetnsValue {
        addr_v4: addresses.v4.map_or(Addr::ZERO, Addr::from),
        addr_v6: addresses.v6.map_or(Addr::ZERO, Addr::from),
    }
}

fn device_value(record: &EndpointRecord, stage: Stage, policies: Policies) -> DeviceValue {
    DeviceValue {
        kind: DeviceKind::Pod as u32,
        flags: if stage == Stage::Ready { device_flags::READY } else { 0 },
        endpoint_id: record.id.0,
        identity: record.identity.0,
        incarnation: record.incarnation.0,
        ingress_policy: policies.ingress,
        egress_policy: policies.egress,
        mtu: record.mtu,
        addr_v4: record.addresses.v4.map_or(Addr::ZERO, Addr::from),
        addr_v6: record.addresses.v6.map_or(Addr::ZERO, Addr::from),
        mac: record.host_mac.0,
        peer_mac: record.mac.0,
        ..DeviceValue::default()
    }
}

fn endpoint_value(record: &EndpointRecord, policies: Policies) -> EndpointValue {
    EndpointValue {
        ifindex: record.ifindex.0,
        endpoint_id: record.id.0,
        identity: record.identity.0,
        incarnation: record.incarnation.0,
        flags: endpoint_flags::READY,
        ingress_policy: policies.ingress,
        egress_policy: policies.egress,
        mac: record.mac.0,
        host_mac: record.host_mac.0,
        ..EndpointValue::default()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::{
        cni::wire::AttachmentKey,
        maps::MemoryStore,
        model::{EndpointId, Identity, IfIndex, Incarnation, Labels, MacAddr},
    };

    pub(in super::super) fn record(n: u8, incarnation: u32) -> EndpointRecord {
        EndpointRecord {
            id: EndpointId(incarnation),
            incarnation: Incarnation(incarnation),
            attachment: AttachmentKey { container_id: format!("c{n}"), ifname: "eth0".into() },
            pod: None,
            addresses: Addresses {
                v4: Some([10, 244, 1, n].into()),
                v6: Some(format!("fd00::{n}").parse().unwrap()),
            },
            host_ifname: format!("skep{n:010}"),
            ifindex: IfIndex(100 + incarnation),
            mac: MacAddr([2, 0, 0, 0, 0, n]),
            host_mac: MacAddr([2, 0, 0, 0, 1, n]),
            mtu: 1500,
            netns: String::new(),
            netns_inode: 0,
            netns_cookie: 1000 + u64::from(n),
            boot_id: String::new(),
            identity: Identity(300),
            labels: Labels::default(),
            created: 0,
        }
    }

    fn put(tables: &EndpointTables<MemoryStore>, record: &EndpointRecord) {
        tables.put_device(record, Stage::Ready).unwrap();
        tables.put_endpoint(record).unwrap();
    }

    fn incarnations(store: &MemoryStore) -> Vec<u32> {
        let entries = store.entries::<EndpointTable>().unwrap();
        entries.into_iter().map(|(_, value)| value.incarnation).collect()
    }

    #[test]
    fn a_device_is_ready_only_when_said_so() {
        let store = Arc::new(MemoryStore::default());
        let tables = EndpointTables::new(Arc::clone(&store), Arc::default(), None);
        tables.put_device(&record(1, 1), Stage::Preparing).unwrap();
        assert_eq!(store.get::<DeviceTable>(&101).unwrap().unwrap().flags, 0);
        tables.put_device(&record(1, 1), Stage::Ready).unwrap();
        let ready = store.get::<DeviceTable>(&101).unwrap().unwrap();
        assert_eq!(ready.flags, device_flags::READY);
        assert_eq!(ready.peer_mac, record(1, 1).mac.0);
    }

    #[test]
    fn a_late_removal_spares_the_next_owner_of_the_address() {
        let store = Arc::new(MemoryStore::default());
        let tables = EndpointTables::new(Arc::clone(&store), Arc::default(), None);
        put(&tables, &record(1, 1));
        put(&tables, &record(1, 2));
        tables.remove(&record(1, 1)).unwrap();
        assert_eq!(incarnations(&store), [2, 2]);
        tables.remove(&record(1, 2)).unwrap();
        assert!(incarnations(&store).is_empty());
        assert!(store.entries::<DeviceTable>().unwrap().is_empty());
    }

    #[test]
    fn a_repair_removes_strays_and_spares_what_is_being_connected() {
        let store = Arc::new(MemoryStore::default());
        let tables = EndpointTables::new(
            Arc::clone(&store),
            Arc::default(),
            Some((9, record(9, 9).addresses)),
        );
        let node = (7, DeviceValue { kind: DeviceKind::Node as u32, ..DeviceValue::default() });
        let (kept, pending) = ([record(1, 1)], [record(2, 2)]);
        put(&tables, &pending[0]);
        put(&tables, &record(3, 3));
        let differing = tables.repair(&kept, &pending, &[node]).unwrap();
        assert_eq!(differing, 14, "the pod's six and the node's two written, six strays gone");
        let namespaces = store.entries::<NetnsTable>().unwrap();
        let cookies: Vec<u64> = namespaces.iter().map(|(cookie, _)| *cookie).collect();
        assert_eq!(cookies, [9, 1001, 1002], "the node's and the pods'");
        let mut left = incarnations(&store);
        left.sort_unstable();
        assert_eq!(left, [1, 1, 2, 2]);
        assert_eq!(tables.repair(&kept, &pending, &[node]).unwrap(), 0);
    }
}
