//! Services, packet by packet.

use std::net::IpAddr;

use skep_bpf::abi::{
    Addr, BackendValue, Counted, Direction, DropReason, FrontendKey, FrontendValue, Mode,
    RANGE_PREFIX, RangeKey, event_flags, frontend_flags, frontend_scope, policy,
};

use super::outside::{self, SERVICE, TARGET, frontend};
use crate::{
    cluster::{Cast, Cluster, IDENTITY_REMOTE},
    frames::{self, ACK, Frame, GATEWAY_MAC, POD_MAC, SYN},
    rig::{Hook, Meta, Rig, Verdict, assert_like},
};

const PORT: u16 = 80;

/// Puts a service for UDP and TCP at `vip`.
fn serve<R: Rig>(c: &mut Cluster<R>, vip: IpAddr, backends: &[IpAddr]) {
    outside::serve(c, (vip, PORT), frontend_scope::INTERNAL, backends);
}

/// The first packet of a connection to `to`, and its answer, as seen by who is spoken with.
fn exchange(from: IpAddr, to: IpAddr, target: u16, proto: u8) -> (Frame, Frame) {
    frames::exchange((from, 40_000), (to, target), proto)
}

pub(crate) fn a_service_is_a_pod_of_this_node<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        serve(&mut c, cast.vip, &[cast.b]);
        for proto in [frames::TCP, frames::UDP] {
            let (asked, shown) = exchange(cast.a, cast.vip, PORT, proto);
            let (got, answered) = exchange(cast.a, cast.b, TARGET, proto);
            c.rig.events();
            for _ in 0..2 {
                let ran = c.a_sends(&asked.bytes());
                assert_eq!(ran.verdict, Verdict::Redirect);
                assert_like(&ran, &got);
                let ran = c.b_sends(&answered.bytes());
                assert_eq!(ran.verdict, Verdict::Redirect);
                assert_like(&ran, &shown);
            }
            let events = c.rig.events();
            assert!(events.iter().any(|event| event.flags & event_flags::NEW != 0));
            for event in events {
                let service = (IpAddr::from(event.service), event.service_port);
                assert_eq!(service, (cast.vip, PORT), "of {event:?}");
            }
        }
    }
}

pub(crate) fn a_connection_keeps_its_backend_until_that_is_gone<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        serve(&mut c, cast.vip, &[cast.b]);
        let (asked, _) = exchange(cast.a, cast.vip, PORT, frames::UDP);
        assert_eq!(frames::addresses(&c.a_sends(&asked.bytes()).frame).1, cast.b);
        // Another backend is in its place, but the connection has the one it had.
        let id = u32::from(frames::UDP) * 10 + 1;
        let service_id = SERVICE + u32::from(frames::UDP);
        let addr: Addr = cast.remote.into();
        let proto = frames::UDP;
        let other = BackendValue { addr, port: TARGET, proto, ..BackendValue::default() };
        c.rig.backend(999, Some(other));
        c.rig.list(service_id, &[999]);
        assert_eq!(frames::addresses(&c.a_sends(&asked.bytes()).frame).1, cast.b);
        c.rig.backend(id, None);
        let ran = c.a_sends(&asked.bytes());
        assert_eq!(frames::addresses(&ran.frame).1, cast.remote, "the old one is gone");
        let again = c.a_sends(&asked.bytes());
        assert_eq!(again.frame, ran.frame);
        // Whoever got the old one's number is not meant.
        let reused = BackendValue { addr: cast.world.into(), ..other };
        c.rig.backend(999, Some(reused));
        c.rig.list(service_id, &[999]);
        let ran = c.a_sends(&asked.bytes());
        assert_eq!(frames::addresses(&ran.frame).1, cast.world, "chosen anew");
    }
}

pub(crate) fn backends_pass_by_a_redirect_that_is_not_about_them<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        serve(&mut c, cast.vip, &[cast.b]);
        for proto in [frames::TCP, frames::UDP] {
            let service_id = SERVICE + u32::from(proto);
            let flags = frontend_flags::PASSED_BY_BACKENDS;
            let key =
                FrontendKey { addr: cast.vip.into(), port: PORT, proto, ..FrontendKey::default() };
            c.rig.frontend(key, FrontendValue { flags, ..frontend(service_id, 1) });
            // What the service itself has: a pod elsewhere.
            let (behind, id) = (service_id + 1000, 900 + u32::from(proto));
            let addr = cast.remote.into();
            let other = BackendValue { addr, port: TARGET, proto, ..BackendValue::default() };
            c.rig.backend(id, Some(other));
            c.rig.list(behind, &[id]);
            let scope = frontend_scope::BEHIND;
            c.rig.frontend(FrontendKey { scope, ..key }, frontend(behind, 1));
            let addr = cast.b.into();
            c.rig.range(RangeKey { prefix_len: RANGE_PREFIX + 128, service_id, addr });
            let (asked, _) = exchange(cast.a, cast.vip, PORT, proto);
            assert_eq!(frames::addresses(&c.a_sends(&asked.bytes()).frame).1, cast.b);
            let (asked, _) = exchange(cast.b, cast.vip, PORT, proto);
            assert_eq!(frames::addresses(&c.b_sends(&asked.bytes()).frame).1, cast.remote);
        }
    }
}

pub(crate) fn a_service_is_a_pod_of_another_node<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        for mode in [Mode::Vxlan, Mode::Native] {
            let mut c = Cluster::new(rig(), mode);
            serve(&mut c, cast.vip, &[cast.remote]);
            for proto in [frames::TCP, frames::UDP] {
                let (asked, shown) = exchange(cast.a, cast.vip, PORT, proto);
                let (got, answered) = exchange(cast.a, cast.remote, TARGET, proto);
                let ran = c.a_sends(&asked.bytes());
                assert_ne!(ran.verdict, Verdict::Drop);
                assert_like(&ran, &got);
                // Through the stack, as rigs have no routes: the mark says who sent it.
                let mark = Cluster::<R>::pod_mark(IDENTITY_REMOTE);
                let meta = Meta { mark, ingress_ifindex: 5, ..Meta::default() };
                let ran = c.a_gets(&answered.bytes(), meta);
                assert_eq!(ran.verdict, Verdict::Accept);
                assert_like(&ran, &shown);
                if mode as u32 == Mode::Vxlan as u32 && c.rig.has_tunnels() {
                    let tunnel = Some((IDENTITY_REMOTE, cast.other_node.into()));
                    let meta = Meta { tunnel, ..Meta::default() };
                    let ran = c.overlay_hook(Hook::FromOverlay, &answered.bytes(), meta);
                    assert_eq!(ran.verdict, Verdict::Redirect);
                    assert_like(&ran, &shown);
                }
            }
        }
    }
}

pub(crate) fn a_service_is_outside_of_the_cluster<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        serve(&mut c, cast.vip, &[cast.world]);
        for proto in [frames::TCP, frames::UDP] {
            let (asked, shown) = exchange(cast.a, cast.vip, PORT, proto);
            let ran = c.a_sends(&asked.bytes());
            assert_eq!(ran.verdict, Verdict::Accept);
            let seen = c.uplink_sends(&ran.frame, ran.mark);
            assert_eq!(frames::addresses(&seen.frame), (cast.node, cast.world));
            assert!(frames::sums_are_valid(&seen.frame));
            let (sport, dport) = frames::ports(&seen.frame);
            assert_eq!(dport, TARGET);
            let (from, to) = ((cast.world, TARGET), (cast.node, sport));
            let answer = match proto {
                frames::TCP => Frame::tcp(from, to, SYN | ACK),
                _ => Frame::udp(from, to, b"answer"),
            };
            let ran = c.uplink_gets(&answer.bytes());
            assert_eq!(ran.verdict, Verdict::Redirect);
            assert_like(&ran, &shown);
        }
    }
}

pub(crate) fn fragments_of_a_datagram_go_to_one_backend<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        serve(&mut c, cast.vip, &[cast.b, cast.remote]);
        let datagram = Frame::udp((cast.a, 40_000), (cast.vip, PORT), &[7; 64]);
        let (first, later) = frames::fragments(&datagram, 32, 77);
        c.expect_drop(DropReason::FirstFragmentMissing, |c| c.a_sends(&later));
        let head = c.a_sends(&first);
        let tail = c.a_sends(&later);
        let (_, backend) = frames::addresses(&head.frame);
        assert!([cast.b, cast.remote].contains(&backend));
        assert_eq!(frames::addresses(&tail.frame), (cast.a, backend));
        assert_eq!(head.verdict, tail.verdict);
    }
}

pub(crate) fn complaints_of_a_backend_speak_of_the_service<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        serve(&mut c, cast.vip, &[cast.b]);
        let (asked, _) = exchange(cast.a, cast.vip, PORT, frames::UDP);
        let got = c.a_sends(&asked.bytes());
        let complaint = Frame::error(cast.b, cast.a, &got.frame);
        let ran = c.b_sends(&complaint.bytes());
        assert_eq!(ran.verdict, Verdict::Redirect);
        assert_eq!(frames::addresses(&ran.frame), (cast.vip, cast.a));
        assert!(frames::sums_are_valid(&ran.frame));
        // What is quoted is what the pod sent, but for the hop.
        let mut quoted = asked.ttl(63).bytes();
        quoted.drain(..14);
        let body = frames::body(&ran.frame);
        assert_eq!(&body[8..], &quoted[..body.len() - 8]);
    }
}

pub(crate) fn a_pod_reaches_itself_through_a_service<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        // Whatever policies say.
        c.set_policies(0, (policy::NONE, policy::NONE));
        serve(&mut c, cast.vip, &[cast.a]);
        for proto in [frames::TCP, frames::UDP] {
            let (asked, shown) = exchange(cast.a, cast.vip, PORT, proto);
            let (got, answered) = exchange(cast.hairpin, cast.a, TARGET, proto);
            for _ in 0..2 {
                let ran = c.a_sends(&asked.bytes());
                assert_eq!(ran.verdict, Verdict::Redirect);
                assert_like(&ran, &got);
                let ran = c.a_sends(&answered.bytes());
                assert_eq!(ran.verdict, Verdict::Redirect);
                assert_like(&ran, &shown);
            }
        }
        let strange = Frame::udp((cast.a, 9), (cast.hairpin, 9), b"nobody asked").bytes();
        c.expect_drop(DropReason::CtCannotCreate, |c| c.a_sends(&strange));
    }
}

pub(crate) fn node_ports_are_services_and_answers_to_nodes_are_not<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        let anywhere: Addr = Addr::from(cast.vip).unspecified();
        serve(&mut c, anywhere.into(), &[cast.b]);
        for node in [cast.node, cast.other_node, cast.unready_node] {
            let (asked, shown) = exchange(cast.a, node, PORT, frames::UDP);
            let (got, answered) = exchange(cast.a, cast.b, TARGET, frames::UDP);
            assert_like(&c.a_sends(&asked.bytes()), &got);
            assert_like(&c.b_sends(&answered.bytes()), &shown);
        }
        let (asked, _) = exchange(cast.a, cast.world, PORT, frames::UDP);
        let ran = c.a_sends(&asked.bytes());
        assert_eq!(frames::addresses(&ran.frame).1, cast.world, "not a node");
        // A client on the node has a node port's number.
        let probe = Frame::udp((cast.node, PORT), (cast.a, 53), b"question").bytes();
        assert_eq!(c.a_gets(&probe, Meta::default()).verdict, Verdict::Accept);
        let answer = Frame::udp((cast.a, 53), (cast.node, PORT), b"answer");
        assert_like(&c.a_sends(&answer.bytes()), &answer);
    }
}

pub(crate) fn who_speaks_with_a_backend_directly_sees_the_backend<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        serve(&mut c, cast.vip, &[cast.b]);
        let (asked, shown) = exchange(cast.a, cast.vip, PORT, frames::UDP);
        let (direct, answered) = exchange(cast.a, cast.b, TARGET, frames::UDP);
        for _ in 0..2 {
            let _ = c.a_sends(&asked.bytes());
            assert_like(&c.b_sends(&answered.bytes()), &shown);
            let _ = c.a_sends(&direct.bytes());
            assert_like(&c.b_sends(&answered.bytes()), &answered);
        }
    }
}

pub(crate) fn nobody_serves_a_service_without_backends<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        serve(&mut c, cast.vip, &[]);
        for proto in [frames::TCP, frames::UDP] {
            let (asked, _) = exchange(cast.a, cast.vip, PORT, proto);
            let _ = c.rig.events();
            let (ran, moved) = c.moved(|c| c.a_sends(&asked.bytes()));
            let reason = DropReason::NoBackend;
            assert_eq!(moved, [(Counted::Drop(reason), Direction::Egress, 1)]);
            assert_eq!(c.rig.events()[0].reason, reason.code());
            assert_eq!(ran.verdict, Verdict::Redirect, "the pod is told");
            assert_eq!(frames::addresses(&ran.frame), (cast.vip, cast.a));
            assert_eq!(ran.frame[..12], [POD_MAC, GATEWAY_MAC].concat());
            assert!(frames::sums_are_valid(&ran.frame));
            let body = frames::body(&ran.frame);
            let unreachable = if cast.vip.is_ipv4() { [3, 3] } else { [1, 4] };
            assert_eq!(body[..2], unreachable);
            let sent = asked.bytes();
            assert_eq!(body[8..], sent[14..14 + body.len() - 8]);
        }
        assert!(c.rig.connections().is_empty());
    }
}

pub(crate) fn source_ranges_admit_whom_they_name<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        serve(&mut c, cast.vip, &[cast.remote]);
        let (proto, service_id) = (frames::UDP, SERVICE + u32::from(frames::UDP));
        let key = FrontendKey { addr: cast.vip.into(), port: PORT, proto, ..Default::default() };
        let flags = frontend_flags::RANGES;
        let value = FrontendValue { flags, ..frontend(service_id, 1) };
        c.rig.frontend(key, value);
        let own = RangeKey { prefix_len: RANGE_PREFIX + 128, service_id, addr: cast.b.into() };
        c.rig.range(own);
        // The same prefix of another service is nothing to this one.
        c.rig.range(RangeKey { service_id: 1, addr: cast.a.into(), ..own });
        let (asked, _) = exchange(cast.a, cast.vip, PORT, proto);
        c.expect_drop(DropReason::NotInSourceRange, |c| c.a_sends(&asked.bytes()));
        let (asked, _) = exchange(cast.b, cast.vip, PORT, proto);
        assert_eq!(frames::addresses(&c.b_sends(&asked.bytes()).frame).1, cast.remote);
    }
}

pub(crate) fn policies_see_the_backend<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        serve(&mut c, cast.vip, &[cast.b]);
        c.set_policies(1, (policy::NONE, policy::OPEN));
        let (asked, _) = exchange(cast.a, cast.vip, PORT, frames::UDP);
        let event = c.expect_drop(DropReason::EndpointNotReady, |c| c.a_sends(&asked.bytes()));
        assert_eq!((IpAddr::from(event.dst), event.dport), (cast.b, TARGET));
    }
}
