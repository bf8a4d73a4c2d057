//! Between nodes.

use skep_bpf::abi::{Addr, Counted, Direction, DropReason, Mode, Note};

use crate::{
    cluster::{Cast, Cluster, IDENTITY_A, IDENTITY_REMOTE},
    frames::{self, ACK, Frame, SYN},
    rig::{Hook, Meta, Rig, Verdict},
};

pub(crate) fn remote_pods_are_reached_over_the_overlay<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        let frame = Frame::tcp((cast.a, 1), (cast.remote, 2), SYN).bytes();
        let ran = c.expect_forwarded(Direction::Egress, Verdict::Redirect, |c| c.a_sends(&frame));
        assert_eq!(ran.mark, Cluster::<R>::pod_mark(IDENTITY_A));
        assert_eq!(frames::ttl(&ran.frame), 63);
        assert!(frames::sums_are_valid(&ran.frame));
        let node = Frame::tcp((cast.a, 1), (cast.other_node, 2), SYN).bytes();
        assert_eq!(c.a_sends(&node).verdict, Verdict::Redirect, "a ready node accepts pods");
        let unready = Frame::tcp((cast.a, 1), (cast.unready_node, 2), SYN).bytes();
        assert_eq!(c.a_sends(&unready).verdict, Verdict::Accept, "another gets node addresses");
        let mut native = Cluster::new(rig(), Mode::Native);
        let ran = native.a_sends(&frame);
        assert_eq!(ran.verdict, Verdict::Accept, "the stack routes");
        assert_eq!(frames::ttl(&ran.frame), 64, "and takes the hop");
    }
}

pub(crate) fn the_overlay_takes_the_identity_from_the_mark<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        let frame = Frame::tcp((cast.a, 1), (cast.remote, 2), SYN).bytes();
        let meta = Meta { mark: Cluster::<R>::pod_mark(IDENTITY_A), ..Meta::default() };
        let ran = c.expect_forwarded(Direction::Egress, Verdict::Accept, |c| {
            c.overlay_hook(Hook::ToOverlay, &frame, meta)
        });
        assert_eq!(ran.mark, 0x400, "the outer packet is the overlay's");
        let nowhere = Frame::tcp((cast.a, 1), (cast.world, 2), SYN).bytes();
        c.expect_drop(DropReason::NoTunnelEndpoint, |c| {
            c.overlay_hook(Hook::ToOverlay, &nowhere, meta)
        });
        let outer = Frame::udp((cast.node, 5), (cast.other_node, 8472), b"outer").bytes();
        let before = c.rig.connections().len();
        assert_eq!(c.uplink_sends(&outer, ran.mark).verdict, Verdict::Accept);
        assert_eq!(c.rig.connections().len(), before, "the overlay's packets are not tracked");
    }
}

pub(crate) fn the_host_uses_the_overlay_as_a_node<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        let frame = Frame::tcp((cast.node, 1), (cast.remote, 2), SYN).bytes();
        let ran = c.overlay_hook(Hook::ToOverlay, &frame, Meta::default());
        assert_eq!(ran.verdict, Verdict::Accept);
        let forged = Frame::tcp((cast.world, 1), (cast.remote, 2), SYN).bytes();
        c.expect_drop(DropReason::InvalidSourceIp, |c| {
            c.overlay_hook(Hook::ToOverlay, &forged, Meta::default())
        });
        let routed = Meta { ingress_ifindex: 3, ..Meta::default() };
        c.expect_drop(DropReason::InvalidSourceIp, |c| {
            c.overlay_hook(Hook::ToOverlay, &frame, routed)
        });
    }
}

/// Where a packet with VNI and outer source comes from.
fn tunnel(vni: u32, outer: std::net::IpAddr) -> Meta {
    Meta { tunnel: Some((vni, Addr::from(outer))), ingress_ifindex: 1, mark: 0 }
}

pub(crate) fn the_overlay_believes_only_the_right_node<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        let frame = Frame::tcp((cast.remote, 1), (cast.a, 2), SYN).bytes();
        if !c.rig.has_tunnels() {
            c.expect_drop(DropReason::NoTunnelKey, |c| {
                c.overlay_hook(Hook::FromOverlay, &frame, Meta::default())
            });
            continue;
        }
        let from = |src| Frame::tcp((src, 1), (cast.a, 2), SYN).bytes();
        for (src, vni, outer, reason) in [
            (cast.remote, IDENTITY_REMOTE, cast.world, DropReason::UnknownSender),
            (cast.remote, IDENTITY_REMOTE, cast.node, DropReason::UnknownSender),
            (cast.remote, IDENTITY_REMOTE, cast.unready_node, DropReason::UnknownSender),
            (cast.world, IDENTITY_REMOTE, cast.other_node, DropReason::InvalidSourceIp),
            (cast.b, IDENTITY_REMOTE, cast.other_node, DropReason::UnknownSender),
            (cast.node, 6, cast.other_node, DropReason::UnknownSender),
            (cast.remote, 1, cast.other_node, DropReason::InvalidVni),
            (cast.remote, 6, cast.other_node, DropReason::InvalidVni),
            (cast.remote, 9, cast.other_node, DropReason::InvalidVni),
            (cast.remote, 1 << 20, cast.other_node, DropReason::InvalidVni),
            (cast.other_node, 1, cast.other_node, DropReason::InvalidVni),
            (cast.other_node, IDENTITY_REMOTE, cast.other_node, DropReason::InvalidVni),
        ] {
            c.expect_drop(reason, |c| {
                c.overlay_hook(Hook::FromOverlay, &from(src), tunnel(vni, outer))
            });
        }
    }
}

pub(crate) fn what_comes_over_the_overlay_is_delivered<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        if !c.rig.has_tunnels() {
            continue;
        }
        let good = tunnel(IDENTITY_REMOTE, cast.other_node);
        let frame = Frame::tcp((cast.remote, 1), (cast.a, 2), SYN).bytes();
        let ran = c.expect_forwarded(Direction::Ingress, Verdict::Redirect, |c| {
            c.overlay_hook(Hook::FromOverlay, &frame, good)
        });
        assert_eq!(frames::ttl(&ran.frame), 63);
        assert!(frames::sums_are_valid(&ran.frame));
        let reply = Frame::tcp((cast.a, 2), (cast.remote, 1), SYN | ACK).bytes();
        assert_eq!(c.a_sends(&reply).verdict, Verdict::Redirect);
        assert_eq!(c.rig.connections().len(), 1);
        let to_host = Frame::tcp((cast.remote, 1), (cast.node, 2), SYN).bytes();
        let ran = c.overlay_hook(Hook::FromOverlay, &to_host, good);
        assert_eq!(ran.verdict, Verdict::Accept);
        let differs = tunnel(IDENTITY_REMOTE + 1, cast.other_node);
        let (ran, moved) = c.moved(|c| c.overlay_hook(Hook::FromOverlay, &frame, differs));
        assert_eq!(ran.verdict, Verdict::Redirect, "on one node the VNI is fresher");
        assert!(moved.iter().any(|(what, ..)| *what == Counted::Note(Note::IdentityDiffers)));
        let stale = Frame::tcp((cast.remote, 1), (cast.gone, 2), SYN).bytes();
        c.expect_drop(DropReason::StaleAddress, |c| {
            c.overlay_hook(Hook::FromOverlay, &stale, good)
        });
        let beyond = Frame::tcp((cast.remote, 1), (cast.world, 2), SYN).bytes();
        c.expect_drop(DropReason::UnknownTarget, |c| {
            c.overlay_hook(Hook::FromOverlay, &beyond, good)
        });
    }
}
