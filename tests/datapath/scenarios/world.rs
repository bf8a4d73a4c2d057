//! The outside: translation, and what may come in.

use skep_bpf::abi::{DropReason, Mode, ct_flags};

use crate::{
    cluster::{Cast, Cluster, IDENTITY_A, IDLE, SNAT_MAX, SNAT_MIN},
    frames::{self, ACK, Frame, SYN},
    rig::{Ran, Rig, Verdict},
};

/// Sends a packet of pod `a` through both programs on its way out.
fn out<R: Rig>(c: &mut Cluster<R>, frame: &[u8]) -> Ran {
    let ran = c.a_sends(frame);
    assert_eq!(ran.verdict, Verdict::Accept);
    assert_eq!(ran.mark, Cluster::<R>::pod_mark(IDENTITY_A));
    c.uplink_sends(&ran.frame, ran.mark)
}

fn packets(cast: &Cast) -> [(Frame, Frame); 3] {
    let (a, w) = (cast.a, cast.world);
    [
        (Frame::tcp((a, 40000), (w, 443), SYN), Frame::tcp((w, 443), (a, 40000), SYN | ACK)),
        (Frame::udp((a, 40000), (w, 53), b"query"), Frame::udp((w, 53), (a, 40000), b"answer")),
        (Frame::echo(a, w, 7, false), Frame::echo(w, a, 7, true)),
    ]
}

pub(crate) fn the_world_sees_the_node<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        for (request, _) in packets(&cast) {
            let ran = out(&mut c, &request.bytes());
            assert_eq!(ran.verdict, Verdict::Accept);
            assert_eq!(frames::addresses(&ran.frame), (cast.node, cast.world));
            assert!(frames::sums_are_valid(&ran.frame), "{:?}", request.proto);
            if request.proto == frames::TCP || request.proto == frames::UDP {
                let (sport, _) = frames::ports(&ran.frame);
                assert!((SNAT_MIN..=SNAT_MAX).contains(&sport));
            }
            let again = out(&mut c, &request.bytes());
            assert_eq!(again.frame, ran.frame, "a connection keeps its translation");
        }
        let unready = Frame::tcp((cast.a, 1), (cast.unready_node, 2), SYN).bytes();
        let ran = out(&mut c, &unready);
        assert_eq!(frames::addresses(&ran.frame), (cast.node, cast.unready_node));
    }
}

/// Makes the answer of the world to what it saw.
fn answer(seen: &[u8], reply: &Frame) -> Vec<u8> {
    let (node, world) = frames::addresses(seen);
    let mut reply = reply.clone();
    (reply.src, reply.dst) = (world, node);
    let body = frames::body(seen);
    if reply.proto == frames::TCP || reply.proto == frames::UDP {
        reply.body[2..4].copy_from_slice(&body[0..2]);
    } else {
        reply.body[4..6].copy_from_slice(&body[4..6]);
    }
    reply.summed().bytes()
}

pub(crate) fn replies_of_the_world_come_back<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        for (request, reply) in packets(&cast) {
            let seen = out(&mut c, &request.bytes());
            let ran = c.uplink_gets(&answer(&seen.frame, &reply));
            assert_eq!(ran.verdict, Verdict::Redirect);
            let mut expected = reply.ttl(63).bytes();
            expected[..12].copy_from_slice(&ran.frame[..12]);
            assert_eq!(ran.frame, expected, "as if the world had answered the pod");
        }
        let unknown = Frame::tcp((cast.world, 1), (cast.node, SNAT_MIN), SYN).bytes();
        assert_eq!(c.uplink_gets(&unknown).verdict, Verdict::Accept, "for the host");
    }
}

pub(crate) fn errors_of_the_world_come_back_translated<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        for (request, _) in packets(&cast) {
            let seen = out(&mut c, &request.bytes());
            let error = Frame::error(cast.other_node, cast.node, &seen.frame).bytes();
            let ran = c.uplink_gets(&error);
            assert_eq!(ran.verdict, Verdict::Redirect);
            assert_eq!(frames::addresses(&ran.frame), (cast.other_node, cast.a));
            assert!(frames::sums_are_valid(&ran.frame));
            let quoted = &frames::body(&ran.frame)[8..];
            let sent = request.bytes();
            let head = if cast.a.is_ipv4() { 28 } else { 48 };
            assert_eq!(quoted[..head], sent[14..14 + head], "it quotes what the pod sent");
        }
        let other = Frame::udp((cast.node, SNAT_MIN), (cast.world, 9), b"x").bytes();
        let error = Frame::error(cast.other_node, cast.node, &other).bytes();
        assert_eq!(c.uplink_gets(&error).verdict, Verdict::Accept, "the host's own");
    }
}

/// A UDP sum that comes out as zero is sent as all ones, in what errors quote, too (RFC 768).
pub(crate) fn a_quoted_sum_of_all_ones_comes_back_as_such<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        let datagram = |data: &[u8]| Frame::udp((cast.a, 4000), (cast.world, 53), data).bytes();
        // The sum of a datagram with two zero bytes, put in their place, makes the sum zero.
        let sum = frames::body(&datagram(&[0, 0]))[6..8].to_vec();
        let sent = datagram(&sum);
        assert_eq!(frames::body(&sent)[6..8], [0xff, 0xff]);
        let seen = out(&mut c, &sent);
        let error = Frame::error(cast.other_node, cast.node, &seen.frame).bytes();
        let ran = c.uplink_gets(&error);
        assert_eq!(frames::body(&ran.frame)[8..], sent[14..], "it quotes what the pod sent");
    }
}

pub(crate) fn ports_run_out_with_a_reason_and_come_back<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        let range = SNAT_MAX - SNAT_MIN + 1;
        let query =
            |i: u16, port| Frame::udp((cast.a, 20000 + i), (cast.world, port), b"?").bytes();
        for i in 0..range {
            assert_eq!(out(&mut c, &query(i, 53)).verdict, Verdict::Accept, "flow {i}");
        }
        let last = c.a_sends(&query(range, 53));
        c.expect_drop(DropReason::NoNatMapping, |c| c.uplink_sends(&last.frame, last.mark));
        assert_eq!(out(&mut c, &query(range, 54)).verdict, Verdict::Accept, "another destination");
        let (key, mut value) = c
            .rig
            .connections()
            .into_iter()
            .find(|(key, value)| {
                value.flags & ct_flags::SNAT != 0 && (key.port_a == 53 || key.port_b == 53)
            })
            .expect("a translated connection");
        value.last_seen = c.rig.now().saturating_sub(IDLE);
        c.rig.put_connection(key, value);
        assert_eq!(out(&mut c, &query(range, 53)).verdict, Verdict::Accept, "a port came free");
    }
}

pub(crate) fn inbound_connections_are_never_translated<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Native);
        let inbound = Frame::tcp((cast.world, 5000), (cast.a, 80), SYN).bytes();
        let ran = c.uplink_gets(&inbound);
        assert_eq!(ran.verdict, Verdict::Redirect);
        assert_eq!(frames::ttl(&ran.frame), 63);
        let reply = Frame::tcp((cast.a, 80), (cast.world, 5000), SYN | ACK).bytes();
        let ran = out(&mut c, &reply);
        assert_eq!(ran.frame, reply, "the reply keeps the pod's address");
        let to_pod = Frame::tcp((cast.a, 1), (cast.remote, 2), SYN).bytes();
        assert_eq!(out(&mut c, &to_pod).frame, to_pod, "and so do packets to pods");
    }
}

pub(crate) fn the_host_keeps_its_own_traffic<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        let sent = Frame::tcp((cast.node, 22), (cast.world, 5000), SYN | ACK).bytes();
        let ran = c.uplink_sends(&sent, 0);
        assert_eq!((ran.verdict, &ran.frame), (Verdict::Accept, &sent));
        let got = Frame::tcp((cast.world, 5000), (cast.node, 22), SYN).bytes();
        let ran = c.uplink_gets(&got);
        assert_eq!((ran.verdict, &ran.frame), (Verdict::Accept, &got));
        assert!(c.rig.connections().is_empty());
        let arp = [&[0xff; 12][..], &[8, 6], &[0; 28]].concat();
        assert_eq!(c.uplink_gets(&arp).verdict, Verdict::Accept);
        assert_eq!(c.uplink_sends(&arp, 0).verdict, Verdict::Accept);
        let late = Frame::tcp((cast.gone, 1), (cast.world, 2), SYN).bytes();
        let mark = Cluster::<R>::pod_mark(IDENTITY_A);
        c.expect_drop(DropReason::StaleAddress, |c| c.uplink_sends(&late, mark));
    }
}

pub(crate) fn the_underlay_may_not_speak_for_pods<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        for src in [cast.remote, cast.b, cast.gone, cast.node] {
            for dst in [cast.a, cast.node] {
                let frame = Frame::tcp((src, 1), (dst, 2), SYN).bytes();
                c.expect_drop(DropReason::InvalidSourceIp, |c| c.uplink_gets(&frame));
            }
        }
        let node = Frame::tcp((cast.other_node, 1), (cast.a, 2), SYN).bytes();
        assert_eq!(c.uplink_gets(&node).verdict, Verdict::Redirect);
        assert_eq!(c.rig.events().last().map(|e| e.src_identity), Some(6));
    }
}
