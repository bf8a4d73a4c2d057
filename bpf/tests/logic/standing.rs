//! The short way between two pods of a node: what is sent on by it the long way would have sent on alike.

use proptest::{collection::vec, prelude::*};
use skep_bpf::{
    abi::{
        Addr, CtKey, CtValue, DropReason, EndpointValue, Event, Mode, OPENER, RESPONDER, Zone,
        ct_flags, ct_kind, endpoint_flags,
    },
    door::Outcome,
};

use crate::{
    cluster::{Cast, Cluster, Family, IDENTITY_B, IDLE, endpoint},
    frames::{ACK, FIN, Frame, RST, SYN, TCP, UDP},
    rig::Rig as _,
    simulation::Simulation,
};

/// What may have happened since a connection began.
#[derive(Clone, Copy, Debug)]
enum Since {
    Nothing,
    Revision,
    Idle,
    LongSilence,
    NotReady,
    Successor,
    Relabelled,
    Stranger,
    Service,
    Alias,
    Removed,
    NoConfiguration,
}

const SINCE: [Since; 12] = [
    Since::Nothing,
    Since::Revision,
    Since::Idle,
    Since::LongSilence,
    Since::NotReady,
    Since::Successor,
    Since::Relabelled,
    Since::Stranger,
    Since::Service,
    Since::Alias,
    Since::Removed,
    Since::NoConfiguration,
];

/// A packet between `a` and `b`.
#[derive(Clone, Debug)]
struct Sent {
    cast: Cast,
    ports: (u16, u16),
    proto: u8,
    back: bool,
    flags: u8,
    ttl: u8,
    changes: Vec<(usize, u8)>,
    cut: Option<usize>,
    length: usize,
}

impl Sent {
    fn frame(&self) -> Vec<u8> {
        let Self { cast, proto, flags, ttl, .. } = self;
        let (one, other) = ((cast.a, self.ports.0), (cast.b, self.ports.1));
        let (src, dst) = if self.back { (other, one) } else { (one, other) };
        let frame = match *proto {
            TCP => {
                let whole = Frame::tcp(src, dst, *flags);
                let mut body = whole.body[..20].to_vec();
                body.resize(20 + self.length, 7);
                whole.body(&body).summed()
            }
            _ => Frame::udp(src, dst, &vec![7; self.length]),
        };
        let mut bytes = frame.ttl(*ttl).bytes();
        for (at, byte) in &self.changes {
            if let Some(place) = bytes.get_mut(*at) {
                *place = *byte;
            }
        }
        bytes.truncate(self.cut.unwrap_or(usize::MAX));
        bytes
    }
}

fn sent() -> impl Strategy<Value = Sent> {
    let flags = prop_oneof![
        6 => Just(ACK),
        1 => prop::sample::select(vec![0, SYN, SYN | ACK, FIN | ACK, RST, 0x18, 0xc0]),
    ];
    let ttl = prop_oneof![6 => Just(64_u8), 1 => 0..3_u8];
    let length = prop_oneof![6 => 0..64_usize, 1 => 1350..1500_usize];
    let byte = prop_oneof![Just(0), Just(1), Just(0x45), Just(0x46), Just(0xff), any::<u8>()];
    let changes = prop_oneof![2 => Just(Vec::new()), 1 => vec((0..76_usize, byte), 1..3)];
    let cut = prop_oneof![6 => Just(None), 1 => (0..120_usize).prop_map(Some)];
    let ports = prop_oneof![4 => Just((40_000, 8080)), 1 => Just((68, 67)), 1 => Just((546, 547))];
    (any::<(bool, bool, bool)>(), ports, flags, ttl, changes, cut, length).prop_map(
        |((v4, tcp, back), ports, flags, ttl, changes, cut, length)| Sent {
            cast: Cast::of(if v4 { Family::V4 } else { Family::V6 }),
            ports,
            proto: if tcp { TCP } else { UDP },
            back,
            flags,
            ttl,
            changes,
            cut,
            length,
        },
    )
}

/// Opens the connection that a packet is of.
fn begin(c: &mut Cluster<Simulation>, sent: &Sent) {
    let there = Sent { back: false, ttl: 64, changes: Vec::new(), cut: None, length: 30, ..*sent };
    let back = Sent { back: true, ..there.clone() };
    for (flags, of) in [(SYN, &there), (SYN | ACK, &back), (ACK, &there)] {
        let frame = Sent { flags, ..of.clone() }.frame();
        let _ = if of.back { c.b_sends(&frame) } else { c.a_sends(&frame) };
    }
    let _ = c.rig.events();
}

/// Changes the one entry that there is.
fn change(c: &mut Cluster<Simulation>, act: impl FnOnce(&mut CtValue)) {
    let (key, mut value) = c.rig.connections().pop_first().expect("one connection");
    act(&mut value);
    c.rig.put_connection(key, value);
}

fn pass_time(c: &mut Cluster<Simulation>, cast: &Cast, since: Since) {
    let then = c.rig.now() - IDLE;
    let mut pod = endpoint(12, IDENTITY_B);
    match since {
        Since::Nothing => {}
        Since::Revision => c.rig.revision(8),
        Since::Idle => change(c, |value| value.last_seen = then),
        Since::LongSilence => change(c, |value| value.last_report = then),
        Since::Service => change(c, |value| {
            value.flags |= ct_flags::SERVICE;
            (value.service_addr, value.service_port) = (Addr::from(cast.vip), 80);
        }),
        Since::Alias => change(c, |value| value.kind = ct_kind::ALIAS),
        Since::Removed => {
            let (key, _) = c.rig.connections().pop_first().expect("one connection");
            c.rig.forget(key);
        }
        Since::NoConfiguration => {
            c.config.abi_version = 0;
            c.rig.config(c.config);
        }
        Since::NotReady => pod.flags &= !endpoint_flags::READY,
        Since::Successor => pod.incarnation += 50,
        Since::Relabelled => pod.identity += 50,
        Since::Stranger => pod.ifindex = 99,
    }
    c.put_endpoint(Addr::from(cast.b), pod);
}

type Seen = (Outcome, Vec<u8>, u32, Vec<(u32, u64)>, Vec<Event>, Vec<CtValue>);

fn send(mut c: Cluster<Simulation>, sent: &Sent, since: Since) -> Seen {
    begin(&mut c, sent);
    pass_time(&mut c, &sent.cast, since);
    let frame = sent.frame();
    let ran = if sent.back { c.b_sends(&frame) } else { c.a_sends(&frame) };
    let outcome = c.rig.outcome.expect("a packet has an outcome");
    let counters = c.rig.counters().into_iter().collect();
    let connections = c.rig.connections().into_values().collect();
    (outcome, ran.frame, ran.mark, counters, c.rig.events(), connections)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn both_ways_do_the_same(sent in sent(), since in prop::sample::select(&SINCE[..])) {
        let near = Cluster::new(Simulation::new(), Mode::Vxlan);
        let far = Cluster::new(Simulation::new(), Mode::Vxlan).without_near_pods();
        prop_assert_eq!(send(near, &sent, since), send(far, &sent, since));
    }
}

/// Tells whether a packet of `a` is sent on without a state.
fn is_short(c: &mut Cluster<Simulation>, frame: &[u8]) -> bool {
    const UNTOUCHED: u8 = 99;
    c.rig.state().packet.version = UNTOUCHED;
    let _ = c.a_sends(frame);
    c.rig.state().packet.version == UNTOUCHED
}

fn plain(cast: Cast, proto: u8) -> Sent {
    let ports = (40_000, 8080);
    let (flags, changes) = (ACK, Vec::new());
    Sent { cast, ports, proto, back: false, flags, ttl: 64, changes, cut: None, length: 30 }
}

#[test]
fn plain_packets_of_a_connection_take_the_short_way() {
    for (cast, proto) in Cast::both().into_iter().flat_map(|cast| [(cast, TCP), (cast, UDP)]) {
        let sent = plain(cast, proto);
        let mut c = Cluster::new(Simulation::new(), Mode::Vxlan);
        assert!(!is_short(&mut c, &sent.frame()), "nothing is known of the first packet");
        begin(&mut c, &sent);
        let before = *c.rig.connections().values().next().expect("one connection");
        assert!(is_short(&mut c, &sent.frame()));
        assert_eq!(c.rig.outcome, Some(Outcome::Peer(12)));
        let after = *c.rig.connections().values().next().expect("one connection");
        assert_eq!(after.packets, [before.packets[OPENER] + 1, before.packets[RESPONDER]]);
        let mut far = c.without_near_pods();
        assert!(!is_short(&mut far, &sent.frame()), "pods that are not near are searched for");
    }
}

#[test]
fn who_is_not_the_pod_that_it_was_takes_the_long_way() {
    for cast in Cast::both() {
        let (sent, own) = (plain(cast, UDP), endpoint(12, IDENTITY_B));
        let mut c = Cluster::new(Simulation::new(), Mode::Vxlan);
        begin(&mut c, &sent);
        for other in [
            EndpointValue { flags: 0, ..own },
            EndpointValue { incarnation: 7, ..own },
            EndpointValue { identity: 7, ..own },
        ] {
            assert!(is_short(&mut c, &sent.frame()));
            c.put_endpoint(Addr::from(cast.b), other);
            assert!(!is_short(&mut c, &sent.frame()));
            c.put_endpoint(Addr::from(cast.b), own);
            begin(&mut c, &sent);
        }
    }
}

#[test]
fn a_shared_slot_is_no_address() {
    for (cast, other) in Cast::both().into_iter().zip(["10.244.9.10", "fd00:10:244:9::a"]) {
        let mut c = Cluster::new(Simulation::new(), Mode::Vxlan);
        begin(&mut c, &plain(cast, UDP));
        let other = Cast { a: other.parse().expect("an address"), ..cast };
        assert_eq!(Addr::from(other.a).near_slot(), Addr::from(cast.a).near_slot());
        // As if the other one had this very connection.
        let sent = plain(other, UDP);
        let (from, to) = ((other.a.into(), sent.ports.0), (other.b.into(), sent.ports.1));
        let (key, end) = CtKey::canonical(Zone::Pod, (UDP, 0), from, to);
        change(&mut c, |value| {
            value.tag = key.tag();
            value.flags = end.bit() as u8;
        });
        let (_, value) = c.rig.connections().pop_first().expect("one connection");
        c.rig.put_connection(key, value);
        c.expect_drop(DropReason::InvalidSourceIp, |c| c.a_sends(&sent.frame()));
    }
}
