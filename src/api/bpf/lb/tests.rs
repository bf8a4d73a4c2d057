//! The maps of services, decoded.

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use skep_bpf::abi::{
    Addr, AffinityKey, AffinityValue, BackendValue, FrontendKey, FrontendValue, ListBlock, ListKey,
    frontend_flags, frontend_scope,
};

use super::*;
use crate::{
    api::Scope,
    flows::BootClock,
    maps::{AffinityTable, BackendTable, FrontendTable, ListTable, MapStore, MemoryStore},
};

fn addr(text: &str) -> Addr {
    text.parse::<IpAddr>().unwrap().into()
}

fn frontend(store: &MemoryStore, text: &str, scope: u8, value: FrontendValue) {
    let key = FrontendKey { addr: addr(text), port: 80, proto: 6, scope, reserved: 0 };
    store.put::<FrontendTable>(&key, &value).unwrap();
}

fn list(store: &MemoryStore, (list, block): (u32, u32), backends: &[u32]) {
    let mut value = ListBlock::default();
    value.backends[..backends.len()].copy_from_slice(backends);
    store.put::<ListTable>(&ListKey { list, block }, &value).unwrap();
}

#[test]
fn a_frontend_is_read_with_its_list() {
    let store = MemoryStore::default();
    let flags = frontend_flags::DROP_IF_EMPTY | frontend_flags::RANGES | 64;
    let plain = FrontendValue { service_id: 7, list: 14, places: 2, ..FrontendValue::default() };
    frontend(&store, "0.0.0.0", frontend_scope::INTERNAL, plain);
    frontend(&store, "fd00::1", 9, FrontendValue { affinity: 60, flags, ..plain });
    list(&store, (14, 0), &[11, 12, 13]);
    let [everywhere, other] = BpfFrontend::list(&store).unwrap().try_into().unwrap();
    assert_eq!(everywhere.address, "0.0.0.0".parse::<IpAddr>().unwrap());
    assert_eq!((everywhere.id, everywhere.scope), (7, Scope::Internal));
    assert_eq!(everywhere.protocol, "TCP");
    assert_eq!((everywhere.places, everywhere.backends), (2, vec![11, 12]));
    assert!(everywhere.flags.is_empty());
    assert_eq!((other.scope, other.affinity_seconds), (Scope::Unknown, 60));
    assert_eq!(other.flags, ["drop-if-empty", "ranges", "0x40"]);
}

#[test]
fn a_list_with_a_gap_is_shorter_than_its_places() {
    let store = MemoryStore::default();
    let value = FrontendValue { service_id: 1, list: 2, places: 2, ..FrontendValue::default() };
    frontend(&store, "10.96.0.1", frontend_scope::EXTERNAL, value);
    list(&store, (2, 0), &[0, 5]);
    let [told] = BpfFrontend::list(&store).unwrap().try_into().unwrap();
    assert_eq!((told.places, told.backends, told.scope), (2, vec![5], Scope::External));
}

#[test]
fn backends_are_read_in_both_families() {
    let store = MemoryStore::default();
    for (id, text, proto) in [(2, "fd00::9", 17), (1, "10.0.0.1", 132)] {
        let value = BackendValue { addr: addr(text), port: 53, proto, ..BackendValue::default() };
        store.put::<BackendTable>(&id, &value).unwrap();
    }
    let words: Vec<_> = BpfBackend::list(&store)
        .unwrap()
        .iter()
        .map(|one| format!("{} {} {} {}", one.id, one.address, one.port, one.protocol))
        .collect();
    assert_eq!(words, ["1 10.0.0.1 53 SCTP", "2 fd00::9 53 UDP"]);
}

#[test]
fn clients_are_addresses_or_network_namespaces() {
    let store = MemoryStore::default();
    let clients = [addr("10.0.0.1"), addr("fd00::1"), Addr::netns(4242)];
    for client in clients {
        let key = AffinityKey { client, service_id: 3, reserved: 0 };
        let value = AffinityValue { last_used: 9_000_000_000, backend_id: 5, reserved: 0 };
        store.put::<AffinityTable>(&key, &value).unwrap();
    }
    let now: Timestamp = "2026-11-24T12:00:10Z".parse().unwrap();
    let clock = BootClock::at(now, SignedDuration::from_secs(10));
    let told = BpfAffinity::list(&store, &clock).unwrap();
    let mut names: Vec<&str> = told.iter().map(|one| one.client.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["10.0.0.1", "fd00::1", "netns:4242"]);
    assert_eq!((told[0].frontend, told[0].backend), (3, 5));
    assert_eq!(told[0].last_used.to_string(), "2026-11-24T12:00:09Z");
}

#[test]
fn a_table_is_told_with_what_each_backend_has_of_it() {
    let store = MemoryStore::default();
    let flags = frontend_flags::MAGLEV;
    let value = |list, places| FrontendValue {
        service_id: 7,
        flags,
        list,
        places,
        ..FrontendValue::default()
    };
    frontend(&store, "203.0.113.1", frontend_scope::EXTERNAL, value(14, 40));
    frontend(&store, "fd00::1", frontend_scope::EXTERNAL, value(16, 64));
    frontend(
        &store,
        "10.96.0.1",
        frontend_scope::INTERNAL,
        FrontendValue { flags: 0, ..value(20, 2) },
    );
    // What is behind the end of a table is not its own.
    for (number, block, id) in [(14, 0, 2), (14, 1, 1), (16, 1, 1), (99, 0, 5)] {
        list(&store, (number, block), &[id; ListBlock::PLACES]);
    }
    let backend = BackendValue { addr: addr("10.0.0.1"), port: 80, ..BackendValue::default() };
    store.put::<BackendTable>(&1, &backend).unwrap();
    let [whole, torn] = BpfMaglev::list(&store).unwrap().try_into().unwrap();
    assert_eq!((whole.table, whole.frontend, whole.scope), (14, 7, Scope::External));
    assert_eq!((whole.entries, whole.missing), (40, 0));
    let words = |table: &BpfMaglev| -> Vec<String> {
        let word = |one: &MaglevShare| {
            format!("{} {:?} {} {}", one.backend, one.port, one.entries, one.percent)
        };
        table.shares.iter().map(word).collect()
    };
    assert_eq!(words(&whole), ["1 Some(80) 8 20", "2 None 32 80"]);
    assert_eq!((torn.entries, torn.missing), (64, 32));
    assert_eq!(words(&torn), ["1 Some(80) 32 50"]);
}
