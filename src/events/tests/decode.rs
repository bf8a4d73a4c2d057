use std::net::IpAddr;

use proptest::prelude::*;
use skep_bpf::abi;

use super::*;
use crate::model::{DropReason, Note};

fn families() -> [(u8, IpAddr, IpAddr, u8); 2] {
    [
        (4, IpAddr::from([10, 0, 0, 1]), IpAddr::from([198, 51, 100, 10]), ICMP),
        (6, IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, 1]), IpAddr::from([0x2001; 8]), ICMPV6),
    ]
}

fn record(version: u8, source: IpAddr, destination: IpAddr) -> abi::Event {
    abi::Event {
        time: 1_500_000_000,
        kind: event_kind::TRACE,
        observation: Observation::FromEndpoint as u8,
        direction: Direction::Egress as u8,
        ip_version: version,
        proto: TCP,
        tcp_flags: 0x12,
        flags: event_flags::NEW,
        src: source.into(),
        dst: destination.into(),
        sport: 40_000,
        dport: 443,
        src_identity: 300,
        dst_identity: 9,
        endpoint_id: 7,
        ifindex: 12,
        length: 74,
        src_mac: [2, 0, 0, 0, 0, 1],
        ether_type: if version == 4 { 0x0800 } else { 0x86dd },
        ..abi::Event::default()
    }
}

#[test]
fn the_first_packet_of_a_connection_is_an_open() {
    for (version, source, destination, _) in families() {
        let event = Event::decode(&record(version, source, destination)).unwrap();
        assert_eq!(event.kind, EventKind::Open);
        assert_eq!(event.time, Duration::from_millis(1500));
        assert_eq!((event.source.address, event.source.port), (Some(source), Some(40_000)));
        assert_eq!(
            (event.destination.address, event.destination.port),
            (Some(destination), Some(443))
        );
        assert_eq!(event.source.identity, Identity(300));
        let Some(L4::Tcp(flags)) = event.l4 else { panic!("{:?}", event.l4) };
        assert_eq!(flags.to_string(), "SYN, ACK");
        assert_eq!((event.reply, event.endpoint), (Some(false), Some(EndpointId(7))));
        assert_eq!((event.rule, event.vni, event.translated_source), (None, None, None));
    }
}

#[test]
fn kind_and_flags_say_what_happened() {
    for (version, source, destination, _) in families() {
        let base = record(version, source, destination);
        let denied = DropReason::PolicyDenied;
        let cases = [
            (event_kind::TRACE, 0, event_flags::CLOSE | event_flags::NEW, EventKind::Close),
            (event_kind::TRACE, 0, event_flags::REPORT, EventKind::Report),
            (event_kind::TRACE, 0, 0, EventKind::News),
            (event_kind::DROP, denied.code(), 0, EventKind::Drop(denied)),
            (event_kind::VERDICT, denied.code(), 0, EventKind::Denied(denied)),
            (event_kind::VERDICT, 0, 0, EventKind::Allowed),
            (event_kind::VERDICT, 0, event_flags::AUDIT, EventKind::Audited),
            (
                event_kind::DROP,
                Note::LinkNoise.code(),
                event_flags::BENIGN,
                EventKind::Benign(Note::LinkNoise),
            ),
        ];
        for (kind, reason, flags, wanted) in cases {
            let event = Event::decode(&abi::Event { kind, reason, flags, ..base }).unwrap();
            assert_eq!(event.kind, wanted);
        }
        let reply = abi::Event { flags: event_flags::REPLY, ..base };
        assert_eq!(Event::decode(&reply).unwrap().reply, Some(true));
        let dropped = abi::Event { kind: event_kind::DROP, reason: denied.code(), ..base };
        assert_eq!(Event::decode(&dropped).unwrap().reply, None, "nobody knows");
    }
}

#[test]
fn echoes_have_type_and_code_and_no_ports() {
    for (version, source, destination, proto) in families() {
        let base = record(version, source, destination);
        let echo = abi::Event { proto, sport: 8, dport: 0, ..base };
        let event = Event::decode(&echo).unwrap();
        let wanted = match version {
            4 => L4::Icmp { kind: 8, code: 0 },
            _ => L4::Icmpv6 { kind: 8, code: 0 },
        };
        assert_eq!((event.l4, event.source.port), (Some(wanted), None));
        let wrong = abi::Event { sport: 256, ..echo };
        assert!(matches!(Event::decode(&wrong), Err(Malformed::Contradiction(_))));
    }
}

#[test]
fn without_an_ip_header_there_are_no_addresses() {
    let arp = abi::Event {
        kind: event_kind::DROP,
        reason: DropReason::UnsupportedL2.code(),
        ip_version: 0,
        ether_type: 0x0806,
        ..record(4, IpAddr::from([0; 4]), IpAddr::from([0; 4]))
    };
    let event = Event::decode(&arp).unwrap();
    assert_eq!((event.source.address, event.l4, event.ether_type), (None, None, 0x0806));
    assert_eq!(event.source.mac, MacAddr([2, 0, 0, 0, 0, 1]));
}

#[test]
fn numbers_without_a_meaning_are_refused() {
    let (version, source, destination, _) = families()[0];
    let base = record(version, source, destination);
    for wrong in [
        abi::Event { kind: 99, ..base },
        abi::Event { reason: 120, ..base },
        abi::Event { observation: 250, ..base },
        abi::Event { direction: 3, ..base },
        abi::Event { ip_version: 5, ..base },
        abi::Event { kind: event_kind::TRACE, reason: DropReason::PolicyDenied.code(), ..base },
    ] {
        assert!(Event::decode(&wrong).is_err(), "{wrong:?}");
    }
}

proptest! {
    #[test]
    fn no_record_makes_the_decoder_panic(
        bytes in any::<[u8; 8]>(), ports in any::<[u16; 2]>(), words in any::<[u32; 5]>(),
        addr in any::<[u8; 16]>(), time in any::<u64>(),
    ) {
        let [kind, reason, direction, observation, proto, tcp_flags, flags, ip_version] = bytes;
        // Half of the records get past the first check.
        let ip_version = if ip_version & 1 == 0 { ip_version } else { 4 + (ip_version & 2) };
        let record = abi::Event {
            time, kind, reason, direction, observation, proto, tcp_flags, flags, ip_version,
            sport: ports[0], dport: ports[1], src: Addr::v6(addr), dst: Addr::v6(addr),
            src_identity: words[0], vni: words[1], rule_id: words[2], ifindex: words[3],
            length: words[4], ..abi::Event::default()
        };
        if let Ok(event) = Event::decode(&record) {
            prop_assert_eq!(event.ip_version.is_some(), event.source.address.is_some());
            if event.source.port.is_some() {
                prop_assert!(matches!(event.l4, Some(L4::Tcp(_) | L4::Udp | L4::Sctp)));
            }
        }
    }
}

#[test]
fn places_and_directions_are_read_by_their_numbers() {
    use Observation::*;
    let places = [
        ToEndpoint,
        ToHost,
        ToStack,
        ToOverlay,
        FromEndpoint,
        FromHost,
        FromOverlay,
        FromNetwork,
        ToNetwork,
    ];
    let known = |code| places.into_iter().find(|place| *place as u8 == code);
    for code in 0..=u8::MAX {
        let record =
            abi::Event { observation: code, kind: event_kind::TRACE, ..abi::Event::default() };
        assert_eq!(Event::decode(&record).ok().map(|event| event.observation), known(code));
        let record =
            abi::Event { direction: code, kind: event_kind::TRACE, ..abi::Event::default() };
        let read = Event::decode(&record).ok().map(|event| event.direction as u32);
        assert_eq!(read, Some(u32::from(code)).filter(|code| *code < 3));
    }
}
