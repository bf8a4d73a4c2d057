//! Properties: whatever comes in.

use proptest::{collection::vec, prelude::*};
use skep_bpf::{
    abi::{Addr, CtKey, DeviceValue, Event, Mode, OPENER, RESPONDER, Zone},
    door::Outcome,
};

use crate::{
    cluster::{Cast, Cluster, IDENTITY_A, SNAT_MAX, SNAT_MIN},
    frames::{self, Frame, SYN},
    rig::{Hook, Meta, Rig as _, Verdict},
    simulation::Simulation,
};

fn cast() -> impl Strategy<Value = Cast> {
    any::<bool>().prop_map(|v4| Cast::both()[usize::from(!v4)])
}

fn hook() -> impl Strategy<Value = Hook> {
    (0..Hook::ALL.len()).prop_map(|i| Hook::ALL[i])
}

/// A frame of pod `a` with some bytes changed.
fn mangled() -> impl Strategy<Value = Vec<u8>> {
    let kinds = (cast(), 0..5_usize, 0..4_usize);
    let changes = vec((any::<prop::sample::Index>(), any::<u8>()), 0..6);
    (kinds, changes, any::<prop::sample::Index>(), any::<bool>()).prop_map(
        |((cast, kind, target), changes, cut, is_cut)| {
            let dst = [cast.b, cast.remote, cast.world, cast.node][target];
            let quoted = Frame::udp((dst, 9), (cast.a, 7), b"quoted").bytes();
            let mut frame = match kind {
                0 => Frame::tcp((cast.a, 7), (dst, 9), SYN).bytes(),
                1 => Frame::udp((cast.a, 7), (dst, 9), b"data").bytes(),
                2 => Frame::echo(cast.a, dst, 5, false).bytes(),
                3 => Frame::error(cast.a, dst, &quoted).bytes(),
                _ => {
                    let datagram = Frame::udp((cast.a, 7), (dst, 9), &[0; 64]);
                    frames::fragments(&datagram, 32, 3).1
                }
            };
            for (at, byte) in changes {
                let at = at.index(frame.len());
                frame[at] = byte;
            }
            if is_cut {
                frame.truncate(cut.index(frame.len()));
            }
            frame
        },
    )
}

fn devices(cluster: &Cluster<Simulation>) -> [DeviceValue; 2] {
    [cluster.veth_a(), cluster.uplink()]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(hook in hook(), bytes in vec(any::<u8>(), 0..200), mark: u32) {
        let mut c = Cluster::new(Simulation::new(), Mode::Vxlan);
        for device in devices(&c) {
            c.rig.device(Some(device));
            let _ = c.rig.run(hook, &bytes, Meta { mark, ..Meta::default() });
        }
    }

    #[test]
    fn mangled_packets_never_panic_and_are_counted_once(hook in hook(), frame in mangled()) {
        let mut c = Cluster::new(Simulation::new(), Mode::Vxlan);
        for device in devices(&c) {
            c.rig.device(Some(device));
            let tunnel = Some((3000, Addr::from(Cast::both()[0].other_node)));
            let meta = Meta { tunnel, ..Meta::default() };
            let (_, moved) = c.moved(|c| c.rig.run(hook, &frame, meta));
            let packets: u64 = moved.iter().map(|(_, _, packets)| packets).sum();
            prop_assert_eq!(packets, 1, "{:?}", moved);
        }
    }

    #[test]
    fn a_pod_never_gets_out_under_another_name(frame in mangled()) {
        let mut c = Cluster::new(Simulation::new(), Mode::Vxlan);
        let ran = c.a_sends(&frame);
        if ran.verdict != Verdict::Drop && frame[12..14] != [8, 6] {
            let (src, _) = frames::addresses(&frame);
            let own = Cast::both().map(|cast| cast.a);
            // The gateway's answer to a solicitation goes back to the pod only.
            let answered = matches!(c.rig.outcome, Some(Outcome::Peer(1)));
            prop_assert!(own.contains(&src) || answered, "{src} got out");
        }
    }

    #[test]
    fn every_delivered_flow_has_judged_legs(frame in mangled()) {
        let mut c = Cluster::new(Simulation::new(), Mode::Vxlan);
        let ran = c.a_sends(&frame);
        let answered = matches!(c.rig.outcome, Some(Outcome::Peer(1)));
        if ran.verdict != Verdict::Drop && !answered {
            let connections = c.rig.connections();
            prop_assert_eq!(connections.len(), 1, "delivered means tracked");
            for value in connections.values() {
                prop_assert_eq!(value.approval[OPENER] >> 32, 7, "the sender's leg was judged");
                let into_pod = matches!(c.rig.outcome, Some(Outcome::Peer(_)));
                prop_assert!(!into_pod || value.approval[RESPONDER] >> 32 == 7, "the receiver's, too");
            }
        }
    }

    #[test]
    fn translation_comes_back_to_the_same_bytes(
        cast in cast(),
        sport in 1..u16::MAX,
        dport in 1..u16::MAX,
        data in vec(any::<u8>(), 0..64),
        zero_sum: bool,
    ) {
        let mut c = Cluster::new(Simulation::new(), Mode::Vxlan);
        let mut request = Frame::udp((cast.a, sport), (cast.world, dport), &data);
        let zero_sum = zero_sum && cast.a.is_ipv4();
        if zero_sum {
            request.body[6..8].copy_from_slice(&[0, 0]);
        }
        let sent = request.bytes();
        let ran = c.a_sends(&sent);
        let seen = c.uplink_sends(&ran.frame, ran.mark);
        prop_assert_eq!(seen.verdict, Verdict::Accept);
        prop_assert!(frames::sums_are_valid(&seen.frame));
        let (port, _) = frames::ports(&seen.frame);
        prop_assert!((SNAT_MIN..=SNAT_MAX).contains(&port));
        prop_assert_eq!(&frames::body(&seen.frame)[8..], &data[..]);
        prop_assert_eq!(frames::body(&seen.frame)[6..8] == [0, 0], zero_sum);

        let reply = Frame::udp((cast.world, dport), (cast.node, port), &data).bytes();
        let back = c.uplink_gets(&reply);
        prop_assert_eq!(back.verdict, Verdict::Redirect);
        prop_assert!(frames::sums_are_valid(&back.frame));
        prop_assert_eq!(frames::addresses(&back.frame), (cast.world, cast.a));
        prop_assert_eq!(frames::ports(&back.frame), (dport, sport));

        let error = Frame::error(cast.other_node, cast.node, &seen.frame).bytes();
        let back = c.uplink_gets(&error);
        prop_assert_eq!(back.verdict, Verdict::Redirect);
        prop_assert!(frames::sums_are_valid(&back.frame));
        prop_assert_eq!(&frames::body(&back.frame)[8..], &sent[14..], "quotes what was sent");
    }

    #[test]
    fn both_directions_have_one_key(a: [u8; 16], b: [u8; 16], p: u16, q: u16, proto: u8) {
        let (a, b) = ((Addr::v6(a), p), (Addr::v6(b), q));
        let (one, end) = CtKey::canonical(Zone::Pod, (proto, 0), a, b);
        let (two, other) = CtKey::canonical(Zone::Pod, (proto, 0), b, a);
        prop_assert_eq!(one, two);
        prop_assert!(a == b || end != other);
        prop_assert!(one.tag() != 0);
    }
}

#[test]
fn an_event_says_nothing_of_an_earlier_packet() {
    let cast = Cast::both()[0];
    let mut c = Cluster::new(Simulation::new(), Mode::Vxlan);
    let _ = c.a_sends(&Frame::tcp((cast.a, 7), (cast.b, 9), SYN).bytes());
    let _ = c.rig.events();
    let _ = c.a_sends(&[0; 10]);
    let event = c.rig.events()[0];
    let nothing = Event::default();
    assert_eq!((event.src, event.dst, event.proto), (nothing.src, nothing.dst, nothing.proto));
    assert_eq!((event.src_identity, event.tx_packets), (IDENTITY_A, 0));
}
