use skep_bpf::abi::{Addr, Config};

use super::*;
use crate::maps::MemoryStore;

const SECOND: u64 = NANOS;
const TIMEOUTS: Timeouts =
    Timeouts { tcp_syn: 60, tcp: 8000, tcp_close: 10, udp: 30, other: 20, reserved: [0; 3] };

fn both_families() -> [(Addr, Addr, Addr); 2] {
    [
        (Addr::v4([10, 244, 1, 2]), Addr::v4([198, 51, 100, 10]), Addr::v4([172, 31, 0, 11])),
        (Addr::v6([0xfd; 16]), Addr::v6([0x20; 16]), Addr::v6([0xfc; 16])),
    ]
}

fn key(proto: u8, src: (Addr, u16), dst: (Addr, u16)) -> (CtKey, u8) {
    let (key, end) = CtKey::canonical(Zone::Pod, (proto, 0), src, dst);
    (key, if end == skep_bpf::abi::End::B { ct_flags::OPENED_BY_B } else { 0 })
}

fn tracked(last_seen: u64) -> CtValue {
    CtValue { kind: ct_kind::TRACKED, last_seen, packets: [1, 1], ..CtValue::default() }
}

#[test]
fn idle_time_until_removal_follows_protocol_and_state() {
    let cases = [
        ("udp", UDP, tracked(0), 30),
        ("sctp", SCTP, tracked(0), 30),
        ("icmp", 1, tracked(0), 20),
        ("icmpv6", 58, tracked(0), 20),
        ("tcp established", TCP, tracked(0), 8000),
        ("tcp one way", TCP, CtValue { packets: [1, 0], ..tracked(0) }, 60),
        ("tcp one FIN", TCP, CtValue { tcp_flags: [FIN, 0], ..tracked(0) }, 8000),
        ("tcp both FIN", TCP, CtValue { tcp_flags: [FIN, FIN], ..tracked(0) }, 10),
        ("tcp RST", TCP, CtValue { tcp_flags: [0, RST], ..tracked(0) }, 10),
        (
            "tcp RST at once",
            TCP,
            CtValue { tcp_flags: [0, RST], packets: [0, 1], ..tracked(0) },
            10,
        ),
    ];
    for (name, proto, value, seconds) in cases {
        let key = CtKey { proto, ..CtKey::default() };
        assert_eq!(
            judge(&key, &value, seconds * SECOND, &TIMEOUTS, Room::Ample),
            Fate::Keep,
            "{name}"
        );
        let later = seconds * SECOND + 1;
        assert_eq!(judge(&key, &value, later, &TIMEOUTS, Room::Ample), Fate::Expired, "{name}");
    }
}

#[test]
fn an_entry_written_after_the_clock_was_read_stays() {
    let key = CtKey { proto: UDP, ..CtKey::default() };
    assert_eq!(judge(&key, &tracked(u64::MAX), 5, &TIMEOUTS, Room::Ample), Fate::Keep);
}

#[test]
fn an_expired_connection_goes_with_its_alias_and_an_orphan_goes_alone() {
    for (pod, world, node) in both_families() {
        let store = Arc::new(MemoryStore::default());
        let config = Config { abi_version: 1, timeouts: TIMEOUTS, ..Config::default() };
        store.put::<ConfigTable>(&0, &config).unwrap();
        let (old, flags) = key(UDP, (pod, 4000), (world, 53));
        let value = CtValue {
            flags: flags | ct_flags::SNAT,
            nat_addr: node,
            nat_port: 61000,
            endpoint: [7, 0],
            ..tracked(SECOND)
        };
        let (alias, _) = CtKey::canonical(Zone::NodeSnat, (UDP, 0), (node, 61000), (world, 53));
        let alias_value = CtValue { kind: ct_kind::ALIAS, alias: old, ..CtValue::default() };
        let (orphan, _) = CtKey::canonical(Zone::NodeSnat, (UDP, 0), (node, 61001), (world, 53));
        let (young, _) = key(UDP, (pod, 4001), (world, 53));
        let orphan_value =
            CtValue { kind: ct_kind::ALIAS, alias: CtKey { proto: 99, ..old }, ..alias_value };
        for (key, value) in [
            (old, value),
            (alias, alias_value),
            (orphan, orphan_value),
            (young, CtValue { endpoint: [7, 0], ..tracked(60 * SECOND) }),
        ] {
            store.put::<ConntrackTable>(&key, &value).unwrap();
        }

        let options = CollectorOptions { slice: 1, capacity: 16 };
        let mut collector = ConntrackCollector::new(Arc::clone(&store), options);
        let mut steps = 0;
        let sweep = loop {
            steps += 1;
            if let Some(sweep) = collector.step(61 * SECOND).unwrap() {
                break sweep;
            }
        };
        assert!(steps > 1, "a slice of one entry takes several steps");
        assert!(sweep.removed >= 2);
        let left = store.entries::<ConntrackTable>().unwrap();
        assert_eq!(left.iter().map(|(key, _)| *key).collect::<Vec<_>>(), [young]);
        assert_eq!(store.get::<QuotaTable>(&7).unwrap().unwrap().entries, 1);
    }
}

/// The alias of a client outside is what its backend sees, not what the client sent.
#[test]
fn an_expired_connection_with_a_service_goes_with_what_its_backend_sees() {
    for (backend, client, node) in both_families() {
        let store = Arc::new(MemoryStore::default());
        let config = Config { abi_version: 1, timeouts: TIMEOUTS, ..Config::default() };
        store.put::<ConfigTable>(&0, &config).unwrap();
        let (own, flags) = key(UDP, (client, 4000), (node, 30_080));
        let old = CtKey { zone: Zone::Service as u8, ..own };
        let value = CtValue {
            flags: flags | ct_flags::SNAT | ct_flags::SERVICE,
            nat_addr: node,
            nat_port: 61000,
            service_addr: backend,
            service_port: 8080,
            ..tracked(SECOND)
        };
        let seen = ((node, 61000), (backend, 8080));
        let (alias, _) = CtKey::canonical(Zone::NodeSnat, (UDP, 0), seen.0, seen.1);
        let alias_value = CtValue { kind: ct_kind::ALIAS, alias: old, ..CtValue::default() };
        store.put::<ConntrackTable>(&old, &value).unwrap();
        store.put::<ConntrackTable>(&alias, &alias_value).unwrap();
        let options = CollectorOptions { slice: 100, capacity: 16 };
        let mut collector = ConntrackCollector::new(Arc::clone(&store), options);
        assert!(collector.step(61 * SECOND).unwrap().is_some());
        assert!(store.entries::<ConntrackTable>().unwrap().is_empty());
    }
}

#[test]
fn an_endpoint_with_a_quarter_of_the_table_is_exhausted_until_its_entries_are_gone() {
    for (pod, world, _) in both_families() {
        let store = Arc::new(MemoryStore::default());
        for port in 0..4 {
            let (key, flags) = key(TCP, (pod, port), (world, 443));
            let value = CtValue { flags, endpoint: [3, 0], ..tracked(SECOND) };
            store.put::<ConntrackTable>(&key, &value).unwrap();
        }
        let options = CollectorOptions { slice: 100, capacity: 16 };
        let mut collector = ConntrackCollector::new(Arc::clone(&store), options);
        assert_eq!(collector.step(2 * SECOND).unwrap(), Some(Sweep { seen: 4, removed: 0 }));
        let quota = store.get::<QuotaTable>(&3).unwrap();
        assert_eq!(quota, Some(AdmissionQuota { exhausted: 1, entries: 4 }));
        let sweep = collector.step(9000 * SECOND).unwrap();
        assert_eq!(sweep, Some(Sweep { seen: 4, removed: 4 }));
        assert_eq!(store.get::<QuotaTable>(&3).unwrap(), None);
    }
}

/// What a stranger opened to a pod, and what this node relays for one.
fn strange(port: u16, proto: u8, relayed: bool) -> (CtKey, CtValue) {
    let (pod, world, _) = both_families()[0];
    let (key, flags) = key(proto, (world, port), (pod, 80));
    let approval = [0, Approval::new(7, identity::WORLD_V4).0];
    if relayed {
        let flags = flags | ct_flags::SERVICE | ct_flags::INBOUND;
        let key = CtKey { zone: Zone::Service as u8, ..key };
        return (key, CtValue { flags, ..tracked(SECOND) });
    }
    (key, CtValue { flags: flags | ct_flags::INBOUND, approval, ..tracked(SECOND) })
}

fn collector(store: &Arc<MemoryStore>, capacity: u32) -> ConntrackCollector<MemoryStore> {
    let config = Config { abi_version: 1, timeouts: TIMEOUTS, ..Config::default() };
    store.put::<ConfigTable>(&0, &config).unwrap();
    ConntrackCollector::new(Arc::clone(store), CollectorOptions { slice: 100, capacity })
}

#[test]
fn strangers_share_half_of_the_table_and_others_are_not_counted_with_them() {
    let store = Arc::new(MemoryStore::default());
    for port in 0..4 {
        let (key, value) = strange(port, TCP, port % 2 == 0);
        store.put::<ConntrackTable>(&key, &value).unwrap();
        // Another node's pod, and the node itself.
        let (key, value) = strange(100 + port, TCP, false);
        let approval = [0, Approval::new(7, 300 + u32::from(port)).0];
        store.put::<ConntrackTable>(&key, &CtValue { approval, ..value }).unwrap();
        let (key, value) = strange(200 + port, UDP, true);
        let flags = value.flags | ct_flags::HOST;
        store.put::<ConntrackTable>(&key, &CtValue { flags, ..value }).unwrap();
    }
    let quota = || store.get::<QuotaTable>(&STRANGERS).unwrap();
    collector(&store, 10).step(2 * SECOND).unwrap();
    assert_eq!(quota(), Some(AdmissionQuota { exhausted: 0, entries: 4 }));
    collector(&store, 8).step(2 * SECOND).unwrap();
    assert_eq!(quota(), Some(AdmissionQuota { exhausted: 1, entries: 4 }));
}

#[test]
fn scarce_room_is_first_made_where_it_hurts_least() {
    let unanswered = |value| CtValue { packets: [1, 0], ..value };
    let (pod, world, _) = both_families()[0];
    let (own, flags) = key(UDP, (pod, 4000), (world, 53));
    let own = (own, CtValue { flags, endpoint: [7, 0], ..tracked(SECOND) });
    let ((udp, of_udp), (tcp, of_tcp)) = (strange(1, UDP, false), strange(2, TCP, true));
    for (name, (key, value), goes) in [
        ("a stranger's datagrams", (udp, of_udp), true),
        ("a stranger's connection", (tcp, of_tcp), false),
        ("a stranger that nobody answers", (tcp, unanswered(of_tcp)), true),
        ("a pod's datagrams", own, false),
        ("a pod that nobody answers", (own.0, unanswered(own.1)), true),
    ] {
        let fate = |room| judge(&key, &value, 7 * SECOND, &TIMEOUTS, room);
        assert_eq!(fate(Room::Ample), Fate::Keep, "{name}");
        assert_eq!(fate(Room::Scarce) == Fate::Expired, goes, "{name}");
        let soon = judge(&key, &value, 6 * SECOND, &TIMEOUTS, Room::Scarce);
        assert_eq!(soon, Fate::Keep, "{name} was busy a moment ago");
    }
}

#[test]
fn strangers_that_stay_busy_fall_back_to_their_share_when_room_is_scarce() {
    let store = Arc::new(MemoryStore::default());
    for port in 0..8 {
        let (key, value) = strange(port, UDP, true);
        store.put::<ConntrackTable>(&key, &value).unwrap();
    }
    let (standing, value) = strange(9, TCP, true);
    store.put::<ConntrackTable>(&standing, &value).unwrap();
    let mut collector = collector(&store, 8);
    assert_eq!(collector.step(2 * SECOND).unwrap(), Some(Sweep { seen: 9, removed: 0 }));
    let sweep = collector.step(3 * SECOND).unwrap().expect("one pass");
    let left = store.entries::<ConntrackTable>().unwrap();
    assert_eq!(left.len() as u64, sweep.seen - sweep.removed);
    assert!(left.len() == 4 || left.len() == 5, "half, and the connection: {}", left.len());
    assert!(left.iter().any(|(key, _)| *key == standing), "none that stands is cut");
    assert_eq!(store.get::<QuotaTable>(&STRANGERS).unwrap().unwrap().exhausted, 1);
    collector.step(60 * SECOND).unwrap();
    let quota = store.get::<QuotaTable>(&STRANGERS).unwrap();
    assert_eq!(quota, Some(AdmissionQuota { exhausted: 0, entries: 1 }));
}
