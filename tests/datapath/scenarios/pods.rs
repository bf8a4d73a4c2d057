//! Pods of one node, and the host.

use skep_bpf::abi::{
    Addr, AdmissionQuota, Approval, Direction, DropReason, Mode, OPENER, RESPONDER, endpoint_flags,
    event_flags,
};

use crate::{
    cluster::{Cast, Cluster, IDENTITY_A, IDENTITY_B, IDLE, endpoint},
    frames::{self, ACK, FIN, Frame, RST, SYN},
    rig::{Meta, Rig, Verdict},
};

fn syn(cast: &Cast) -> Vec<u8> {
    Frame::tcp((cast.a, 40000), (cast.b, 80), SYN).bytes()
}

fn syn_ack(cast: &Cast) -> Vec<u8> {
    Frame::tcp((cast.b, 80), (cast.a, 40000), SYN | ACK).bytes()
}

pub(crate) fn a_packet_to_a_pod_of_this_node_goes_straight_into_it<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        let ran =
            c.expect_forwarded(Direction::Ingress, Verdict::Redirect, |c| c.a_sends(&syn(&cast)));
        assert_eq!(frames::ttl(&ran.frame), 63, "a router takes one hop");
        assert!(frames::sums_are_valid(&ran.frame));
        assert_eq!(ran.frame[..6], endpoint(12, IDENTITY_B).mac);
        assert_eq!(ran.frame[6..12], endpoint(12, IDENTITY_B).host_mac);
        assert_eq!(ran.mark, 0);
        let events = c.rig.events();
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].flags, event_flags::NEW);
        assert_eq!((events[0].src_identity, events[0].dst_identity), (IDENTITY_A, IDENTITY_B));
        assert_eq!((events[0].src, events[0].dst), (cast.a.into(), cast.b.into()));
        assert_eq!((events[0].sport, events[0].dport), (40000, 80));
    }
}

pub(crate) fn both_legs_are_stored_with_their_peers<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        let _ = c.a_sends(&syn(&cast));
        let connections = c.rig.connections();
        assert_eq!(connections.len(), 1);
        let (key, value) = connections.first_key_value().expect("one connection");
        assert_eq!(value.tag, key.tag());
        assert_eq!(value.approval[OPENER], Approval::new(7, IDENTITY_B).0);
        assert_eq!(value.approval[RESPONDER], Approval::new(7, IDENTITY_A).0);
        assert_eq!(value.incarnation, [111, 112]);
        assert_eq!(value.endpoint, [11, 12]);
        assert_eq!(value.packets, [1, 0]);
    }
}

pub(crate) fn replies_pass_and_carry_news<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        let _ = c.a_sends(&syn(&cast));
        let _ = c.rig.events();
        let _ = c.expect_forwarded(Direction::Ingress, Verdict::Redirect, |c| {
            c.b_sends(&syn_ack(&cast))
        });
        let events = c.rig.events();
        assert_eq!(events.len(), 1, "the first SYN of a direction is news");
        assert_eq!(events[0].flags, event_flags::REPLY);
        let ack = Frame::tcp((cast.a, 40000), (cast.b, 80), ACK).bytes();
        let _ = c.a_sends(&ack);
        assert!(c.rig.events().is_empty(), "an ACK is no news");
        let fin = |flags| Frame::tcp((cast.a, 40000), (cast.b, 80), flags).bytes();
        let _ = c.a_sends(&fin(FIN | ACK));
        let _ = c.b_sends(&Frame::tcp((cast.b, 80), (cast.a, 40000), FIN | ACK).bytes());
        let flags: Vec<u8> = c.rig.events().iter().map(|e| e.flags).collect();
        assert_eq!(flags, [0, event_flags::REPLY | event_flags::CLOSE]);
        let _ = c.a_sends(&fin(RST));
        assert_eq!(c.rig.connections().len(), 1);
    }
}

pub(crate) fn a_new_revision_judges_both_legs_again<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        let _ = c.a_sends(&syn(&cast));
        c.rig.revision(8);
        let _ = c.expect_forwarded(Direction::Ingress, Verdict::Redirect, |c| {
            c.b_sends(&syn_ack(&cast))
        });
        let connections = c.rig.connections();
        let value = connections.values().next().expect("one connection");
        assert_eq!(
            value.approval[OPENER],
            Approval::new(8, IDENTITY_B).0,
            "the opener's, by a reply"
        );
        assert_eq!(value.approval[RESPONDER], Approval::new(8, IDENTITY_A).0);
        assert_eq!(value.packets, [1, 1]);
    }
}

pub(crate) fn another_incarnation_makes_the_connection_absent<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        let _ = c.a_sends(&syn(&cast));
        let _ = c.rig.events();
        let successor =
            skep_bpf::abi::EndpointValue { incarnation: 999, ..endpoint(11, IDENTITY_A) };
        c.put_endpoint(Addr::from(cast.a), successor);
        let _ = c.b_sends(&syn_ack(&cast));
        let connections = c.rig.connections();
        let value = connections.values().next().expect("one connection");
        assert_eq!(value.endpoint[OPENER], 12, "it is b's own connection now, not a reply");
        assert_eq!(c.rig.events()[0].flags, event_flags::NEW);
    }
}

pub(crate) fn expired_connections_are_opened_again<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        let _ = c.a_sends(&syn(&cast));
        let (key, mut value) = c.rig.connections().pop_first().expect("one connection");
        value.last_seen = c.rig.now().saturating_sub(IDLE);
        c.rig.put_connection(key, value);
        let _ = c.rig.events();
        let _ = c.b_sends(&syn_ack(&cast));
        assert_eq!(c.rig.events()[0].flags, event_flags::NEW, "not a reply any more");
    }
}

pub(crate) fn the_last_hop_is_left_to_the_kernel<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        let frame = Frame::tcp((cast.a, 1), (cast.b, 2), SYN).ttl(1).bytes();
        let ran = c.expect_forwarded(Direction::Ingress, Verdict::Accept, |c| c.a_sends(&frame));
        assert_eq!(ran.mark, Cluster::<R>::pod_mark(IDENTITY_A));
        assert_eq!(frames::ttl(&ran.frame), 1, "the kernel sees it as it came");
    }
}

pub(crate) fn packets_too_big_are_left_to_the_kernel<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        for dst in [cast.b, cast.remote] {
            let frame = Frame::udp((cast.a, 1), (dst, 2), &[0; 1440]).bytes();
            let ran = c.a_sends(&frame);
            assert_eq!(ran.verdict, Verdict::Accept);
            assert_eq!(ran.mark, Cluster::<R>::pod_mark(IDENTITY_A));
        }
    }
}

pub(crate) fn echo_is_tracked_by_its_identifier<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        let _ = c.a_sends(&Frame::echo(cast.a, cast.b, 5, false).bytes());
        let _ = c.rig.events();
        let _ = c.b_sends(&Frame::echo(cast.b, cast.a, 5, true).bytes());
        assert!(c.rig.events().is_empty(), "the reply belongs to the request");
        let _ = c.b_sends(&Frame::echo(cast.b, cast.a, 6, true).bytes());
        assert_eq!(c.rig.events()[0].flags, event_flags::NEW, "another identifier does not");
        assert_eq!(c.rig.connections().len(), 2);
    }
}

pub(crate) fn fragments_follow_their_first<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        let datagram = Frame::udp((cast.a, 7), (cast.b, 9), &[1; 64]);
        let (first, second) = frames::fragments(&datagram, 32, 77);
        c.expect_drop(DropReason::FirstFragmentMissing, |c| c.a_sends(&second));
        for frame in [&first, &second] {
            let _ = c.expect_forwarded(Direction::Ingress, Verdict::Redirect, |c| c.a_sends(frame));
        }
        assert_eq!(c.rig.connections().len(), 1);
    }
}

pub(crate) fn errors_pass_only_for_known_connections<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        let quoted = Frame::udp((cast.a, 7), (cast.b, 9), b"x").bytes();
        let error = Frame::error(cast.b, cast.a, &quoted).bytes();
        c.expect_drop(DropReason::CtCannotCreate, |c| c.b_sends(&error));
        let _ = c.a_sends(&quoted);
        let _ = c.expect_forwarded(Direction::Ingress, Verdict::Redirect, |c| c.b_sends(&error));
        let other = Frame::udp((cast.b, 9), (cast.a, 7), b"x").bytes();
        let forged = Frame::error(cast.b, cast.a, &other).bytes();
        c.expect_drop(DropReason::CtCannotCreate, |c| c.b_sends(&forged));
    }
}

pub(crate) fn a_pod_that_is_not_ready_gets_nothing<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        let mut value = endpoint(12, IDENTITY_B);
        value.flags &= !endpoint_flags::READY;
        c.put_endpoint(cast.b.into(), value);
        c.expect_drop(DropReason::EndpointNotReady, |c| c.a_sends(&syn(&cast)));
    }
}

pub(crate) fn the_host_reaches_a_pod_as_host<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        let probe = Frame::tcp((cast.node, 50000), (cast.a, 8080), SYN).bytes();
        let ran = c.expect_forwarded(Direction::Ingress, Verdict::Accept, |c| {
            c.a_gets(&probe, Meta::default())
        });
        assert_eq!(ran.frame, probe, "the stack already did the forwarding");
        assert_eq!(c.rig.events()[0].src_identity, 1);
        let reply = Frame::tcp((cast.a, 8080), (cast.node, 50000), SYN | ACK).bytes();
        let _ = c.expect_forwarded(Direction::Egress, Verdict::Accept, |c| c.a_sends(&reply));
        assert_eq!(c.rig.events()[0].flags, event_flags::REPLY);
        let forwarded = Meta { ingress_ifindex: 5, ..Meta::default() };
        c.expect_drop(DropReason::InvalidSourceIp, |c| c.a_gets(&probe, forwarded));
        let outside = Frame::tcp((cast.world, 1), (cast.a, 8080), SYN).bytes();
        let _ = c.a_gets(&outside, forwarded);
        assert!(matches!(c.rig.events()[0].src_identity, 9 | 10), "not the host's identity");
    }
}

pub(crate) fn an_exhausted_quota_opens_nothing<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        let _ = c.a_sends(&syn(&cast));
        let exhausted = AdmissionQuota { exhausted: 1, entries: 1 };
        c.rig.quota(11, exhausted);
        let again = Frame::tcp((cast.a, 40001), (cast.b, 80), SYN).bytes();
        c.expect_drop(DropReason::RateLimited, |c| c.a_sends(&again));
        let _ =
            c.expect_forwarded(Direction::Ingress, Verdict::Redirect, |c| c.a_sends(&syn(&cast)));
        c.rig.quota(11, AdmissionQuota::default());
        c.config.admission_rate = 1;
        c.rig.config(c.config);
        let verdicts: Vec<_> = (0..4)
            .map(|i| {
                c.a_sends(&Frame::udp((cast.a, 50000 + i), (cast.b, 53), b"?").bytes()).verdict
            })
            .collect();
        assert_eq!(verdicts[0], Verdict::Redirect);
        assert_eq!(verdicts[3], Verdict::Drop, "a rate of one a second allows a burst of two");
    }
}
