//! Maps against what is desired.

use std::collections::BTreeMap;

use skep_bpf::abi::{DeviceValue, HostValue, NetnsValue};

use super::finding;
use crate::{
    agent::{
        endpoint::{Difference, near_differences, wanted},
        policy::{Assigned, Entries},
        shared::Agent,
    },
    api::Finding,
    cni::record::EndpointRecord,
    maps::{
        ConfigTable, DeviceTable, EndpointTable, HostTable, IdentityTable, IpcacheTable, MapError,
        MapStore, NearTable, NetnsTable, NodeAddrTable, NodeTable, PolicyAddrTable,
        PolicyCellTable, PolicyIdentityTable, PolicyPortTable, RevisionTable, Table,
    },
};

/// Returns every entry of a map that is missing, different or too many.
///
/// # Errors
/// When the map cannot be read.
fn compare<T: Table>(
    store: &impl MapStore,
    wanted: &BTreeMap<T::Key, T::Value>,
) -> Result<Vec<Finding>, MapError> {
    let mut actual: BTreeMap<_, _> = store.entries::<T>()?.into_iter().collect();
    let mut findings = Vec::new();
    for (key, value) in wanted {
        match actual.remove(key) {
            Some(found) if found == *value => {}
            Some(found) => findings.push(finding(
                T::NAME,
                format!("entry {key:?} is {found:?} and should be {value:?}"),
            )),
            None => findings.push(finding(T::NAME, format!("entry {key:?} is missing"))),
        }
    }
    let extra = actual.keys().map(|key| finding(T::NAME, format!("entry {key:?} is too many")));
    findings.extend(extra);
    Ok(findings)
}

/// Compares the maps that follow from the cluster, and the configuration.
pub(super) fn cluster(agent: &Agent) -> Result<Vec<Finding>, MapError> {
    let store = &*agent.maps;
    let mut findings = Vec::new();
    let id = {
        // Nothing is written while the lock is held.
        let cluster = agent.cluster();
        let tables = cluster.tables();
        findings.extend(compare::<NodeTable>(store, tables.nodes.desired())?);
        findings.extend(compare::<NodeAddrTable>(store, tables.node_addrs.desired())?);
        findings.extend(compare::<IpcacheTable>(store, tables.ipcache.desired())?);
        cluster.local_node().map(|(id, _)| id)
    };
    findings.extend(agent.policy.with_entries(|entries| policies(store, entries))?);
    let host = |wanted: &HostValue| compare::<HostTable>(store, &BTreeMap::from([(0, *wanted)]));
    findings.extend(agent.policy.with_host(host)?);
    if let Some(id) = id
        && store.get::<ConfigTable>(&0)? != Some(agent.configuration(id))
    {
        findings.push(finding(ConfigTable::NAME, "the configuration differs"));
    }
    if store.get::<RevisionTable>(&0)?.unwrap_or(0) == 0 {
        findings.push(finding(RevisionTable::NAME, "there is no policy revision"));
    }
    Ok(findings)
}

/// Compares the maps that follow from policies and identities.
fn policies(store: &impl MapStore, entries: &Entries) -> Result<Vec<Finding>, MapError> {
    let mut findings = compare::<IdentityTable>(store, entries.known.desired())?;
    findings.extend(compare::<PolicyIdentityTable>(store, entries.identities.desired())?);
    findings.extend(compare::<PolicyAddrTable>(store, entries.addresses.desired())?);
    findings.extend(compare::<PolicyPortTable>(store, entries.ports.desired())?);
    findings.extend(compare::<PolicyCellTable>(store, entries.cells.desired())?);
    Ok(findings)
}

/// Compares the maps that follow from the records and devices.
pub(super) fn endpoints(
    store: &impl MapStore,
    records: &[EndpointRecord],
    devices: &[(u32, DeviceValue)],
    namespaces: &BTreeMap<u64, NetnsValue>,
    assigned: &Assigned,
) -> Result<Vec<Finding>, MapError> {
    let held = assigned.hold();
    let (addresses, devices) = wanted(records, devices, &held);
    let mut findings = compare::<EndpointTable>(store, &addresses)?;
    findings.extend(compare::<DeviceTable>(store, &devices)?);
    findings.extend(compare::<NetnsTable>(store, namespaces)?);
    let near = near_differences(store, records, &[])?;
    findings.extend(near.iter().map(|Difference { slot, held, wanted }| {
        finding(NearTable::NAME, format!("slot {slot} has {held:?} and should have {wanted:?}"))
    }));
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use skep_bpf::abi::Addr;

    use super::*;
    use crate::maps::MemoryStore;

    #[test]
    fn missing_different_and_extra_entries_are_named() {
        let store = MemoryStore::default();
        let key = |n| Addr::v4([192, 0, 2, n]);
        for (n, id) in [(1, 1), (2, 9), (4, 4)] {
            store.put::<NodeAddrTable>(&key(n), &id).unwrap();
        }
        let wanted = BTreeMap::from([(key(1), 1), (key(2), 2), (key(3), 3)]);
        let findings = compare::<NodeAddrTable>(&store, &wanted).unwrap();
        let messages: Vec<_> = findings.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(messages.len(), 3);
        assert!(messages[0].contains("is 9 and should be 2"));
        assert!(messages[1].ends_with("is missing"));
        assert!(messages[2].ends_with("is too many"));
    }
}
