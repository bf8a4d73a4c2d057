//! Connections, decoded, chosen and removed.

use std::net::IpAddr;

use jiff::SignedDuration;
use skep_bpf::abi::{self, CtKey, CtValue, ct_flags, ct_kind};

use super::*;
use crate::{
    flows::BootClock,
    maps::{ConntrackTable, FrontendTable, MapStore, MemoryStore},
};

type Text = (&'static str, u16);

const CLIENT: Text = ("10.244.1.9", 41_000);
const FRONTEND: Text = ("10.96.0.1", 53);
const BACKEND: Text = ("10.244.1.2", 5353);
const NAT: Text = ("172.31.0.11", 32_768);

fn addr((text, port): Text) -> (abi::Addr, u16) {
    (text.parse::<IpAddr>().unwrap().into(), port)
}

fn end((text, port): Text) -> End {
    End { address: text.parse().unwrap(), port }
}

fn clock() -> BootClock {
    let now = "2026-11-24T12:00:10Z".parse().unwrap();
    BootClock::at(now, SignedDuration::from_secs(10))
}

/// Names one service.
fn name(frontend: End, protocol: u8) -> Option<String> {
    (frontend == end(FRONTEND) && protocol == 17).then(|| "kube-system/dns".to_owned())
}

/// Adds a connection of UDP from one to another; `other` is the end that is not in the key.
fn track(
    store: &MemoryStore,
    zone: abi::Zone,
    (from, to): (Text, Text),
    (other, nat): (Option<Text>, Option<Text>),
) -> CtKey {
    let (key, opener) = CtKey::canonical(zone, (17, 0), addr(from), addr(to));
    let opened_by_b = if opener == abi::End::B { ct_flags::OPENED_BY_B } else { 0 };
    let mut value = CtValue { kind: ct_kind::TRACKED, flags: opened_by_b, ..CtValue::default() };
    if let Some(other) = other {
        value.flags |= ct_flags::SERVICE;
        (value.service_addr, value.service_port) = addr(other);
    }
    if let Some(nat) = nat {
        value.flags |= ct_flags::SNAT;
        (value.nat_addr, value.nat_port) = addr(nat);
    }
    store.put::<ConntrackTable>(&key, &value).unwrap();
    key
}

fn alias(store: &MemoryStore, zone: abi::Zone, (from, to): (Text, Text), of: CtKey) -> CtKey {
    let (key, _) = CtKey::canonical(zone, (17, 0), addr(from), addr(to));
    let value = CtValue { kind: ct_kind::ALIAS, alias: of, ..CtValue::default() };
    store.put::<ConntrackTable>(&key, &value).unwrap();
    key
}

fn list(store: &MemoryStore) -> Vec<Connection> {
    Connection::list(store, &clock(), &name).unwrap()
}

#[test]
fn a_connection_with_a_service_has_both_its_ends_whichever_is_in_the_key() {
    let v6 = (("fd00::9", 41_000), ("fd00::2", 5353), ("fd00:96::1", 53));
    for (client, backend, frontend) in [(CLIENT, BACKEND, FRONTEND), v6] {
        for (zone, to, other) in
            [(abi::Zone::Pod, backend, frontend), (abi::Zone::Service, frontend, backend)]
        {
            let store = MemoryStore::default();
            track(&store, zone, (client, to), (Some(other), None));
            let [one] = list(&store).try_into().unwrap();
            assert_eq!((one.source, one.destination), (end(client), end(to)));
            assert_eq!((one.service, one.backend), (Some(end(frontend)), Some(end(backend))));
            let named = client == CLIENT;
            assert_eq!(one.service_name.is_some(), named, "{zone:?}");
        }
    }
    let store = MemoryStore::default();
    track(&store, abi::Zone::Pod, (CLIENT, BACKEND), (None, None));
    let [one] = list(&store).try_into().unwrap();
    assert_eq!((one.service, one.service_name, one.backend), (None, None, None));
}

#[test]
fn a_translation_tells_whom_the_opener_speaks_with() {
    let store = MemoryStore::default();
    track(&store, abi::Zone::Pod, (CLIENT, ("203.0.113.9", 443)), (None, Some(NAT)));
    track(&store, abi::Zone::Pod, (CLIENT, BACKEND), (Some(FRONTEND), None));
    track(&store, abi::Zone::Service, (CLIENT, FRONTEND), (Some(BACKEND), Some(NAT)));
    let mut told = Translation::list(list(&store));
    told.sort_by_key(|one| one.destination);
    let [served, world] = told.try_into().unwrap();
    assert_eq!((served.source, served.translated), (end(CLIENT), end(NAT)));
    assert_eq!((served.destination, served.backend), (end(FRONTEND), Some(end(BACKEND))));
    assert_eq!(served.service_name.as_deref(), Some("kube-system/dns"));
    assert_eq!((world.destination, world.backend), (end(("203.0.113.9", 443)), None));
}

#[test]
fn answers_come_from_the_frontends_of_their_connections() {
    let store = MemoryStore::default();
    let node_port = (("192.168.0.1", 30_053), ("192.168.0.2", 30_054));
    let frontend = |(text, port): Text, scope, service_id| {
        let addr = addr((text, port)).0;
        let key = abi::FrontendKey { addr, port, proto: 17, scope, reserved: 0 };
        let value = abi::FrontendValue { service_id, ..abi::FrontendValue::default() };
        store.put::<FrontendTable>(&key, &value).unwrap();
    };
    frontend(FRONTEND, abi::frontend_scope::EXTERNAL, 4);
    frontend(FRONTEND, abi::frontend_scope::INTERNAL, 2);
    frontend(("0.0.0.0", 30_053), abi::frontend_scope::INTERNAL, 5);
    track(&store, abi::Zone::Pod, (CLIENT, BACKEND), (Some(FRONTEND), None));
    track(&store, abi::Zone::Service, (CLIENT, node_port.0), (Some(BACKEND), Some(NAT)));
    track(&store, abi::Zone::Service, (CLIENT, node_port.1), (Some(BACKEND), Some(NAT)));
    track(&store, abi::Zone::Pod, (CLIENT, ("203.0.113.9", 443)), (None, Some(NAT)));
    let told = BpfRevNat::list(&store, &list(&store)).unwrap();
    let rows: Vec<_> =
        told.iter().map(|one| (one.port, one.numbers.as_slice(), one.connections)).collect();
    let expected: [(u16, &[u32], u64); 4] =
        [(30_053, &[5], 0), (FRONTEND.1, &[2, 4], 1), (30_053, &[5], 1), (30_054, &[], 1)];
    assert_eq!(rows, expected, "the last one's frontend is gone");
    assert!(told.iter().all(|one| one.protocol == "UDP"));
}

#[test]
fn a_filter_means_those_for_whom_all_holds() {
    let store = MemoryStore::default();
    track(&store, abi::Zone::Service, (CLIENT, FRONTEND), (Some(BACKEND), Some(NAT)));
    let [one] = list(&store).try_into().unwrap();
    let none = ConnectionFilter::default();
    let address = |text: &str| ConnectionFilter {
        address: Some(text.parse().unwrap()),
        ..ConnectionFilter::default()
    };
    let port = |port, protocol: &str| ConnectionFilter {
        port: Some(port),
        protocol: Some(protocol.into()),
        ..ConnectionFilter::default()
    };
    let service = |text: &str| ConnectionFilter {
        service: Some(text.parse().unwrap()),
        ..ConnectionFilter::default()
    };
    let table = [
        (none, true),
        (address(CLIENT.0), true),
        (address(FRONTEND.0), true),
        (address(BACKEND.0), true),
        (address(NAT.0), true),
        (address("10.244.1.1"), false),
        (port(53, "UDP"), true),
        (port(5353, "udp"), true),
        (port(53, "TCP"), false),
        (port(54, "UDP"), false),
        (service("kube-system/dns"), true),
        (service("kube-system/other"), false),
        (ConnectionFilter { translated: true, ..address(CLIENT.0) }, true),
        (ConnectionFilter { translated: true, ..address("10.244.1.1") }, false),
    ];
    for (filter, expected) in table {
        assert_eq!(filter.matches(&one), expected, "{filter:?}");
    }
}

#[test]
fn a_connection_goes_with_its_aliases_and_others_stay() {
    let store = MemoryStore::default();
    let other = ("10.244.1.8", 41_000);
    let pair = (Some(FRONTEND), None);
    let gone = track(&store, abi::Zone::Pod, (CLIENT, BACKEND), pair);
    let theirs = alias(&store, abi::Zone::Service, (CLIENT, FRONTEND), gone);
    let kept = track(&store, abi::Zone::Pod, (other, BACKEND), pair);
    let kept_alias = alias(&store, abi::Zone::Service, (other, FRONTEND), kept);
    let filter = ConnectionFilter {
        address: Some(CLIENT.0.parse().unwrap()),
        ..ConnectionFilter::default()
    };
    let flush = |filter: &ConnectionFilter| Flushed::flush(&store, &clock(), &name, filter);
    assert_eq!(flush(&filter).unwrap(), Flushed { connections: 1, aliases: 1 });
    for (key, is_there) in [(gone, false), (theirs, false), (kept, true), (kept_alias, true)] {
        assert_eq!(store.get::<ConntrackTable>(&key).unwrap().is_some(), is_there);
    }
    let translated = ConnectionFilter { translated: true, ..ConnectionFilter::default() };
    assert_eq!(flush(&translated).unwrap(), Flushed::default());
    let all = ConnectionFilter::default();
    assert_eq!(flush(&all).unwrap(), Flushed { connections: 1, aliases: 1 });
    assert_eq!(store.entries::<ConntrackTable>().unwrap().len(), 0);
}
