//! The host as somebody whom policies protect.

use std::net::IpAddr;

use skep_bpf::abi::{
    CellVerdict, Direction, DropReason, HostValue, Mode, Observation, PORT_PREFIX, PolicyCell,
    PolicyCellKey, PolicyPortKey, Zone, event_kind, policy,
};

use crate::{
    cluster::{Cast, Cluster, IDENTITY_A, IDENTITY_REMOTE},
    frames::{ACK, Frame, SYN},
    rig::{Hook, Meta, Ran, Rig, Verdict},
};

const TCP: u8 = 6;
/// Everybody may use port 22, and nobody any other.
const POLICY: u32 = 9;
const ALLOWS: u32 = 81;
const REFUSES: u32 = 82;
const SSH: u16 = 22;

/// A host with [`POLICY`] for what it gets, or for what it sends.
fn protected<R: Rig>(rig: R, mode: Mode, direction: Direction) -> Cluster<R> {
    let mut c = Cluster::new(rig, mode);
    let (ingress_policy, egress_policy) = match direction {
        Direction::Ingress => (POLICY, policy::OPEN),
        _ => (policy::OPEN, POLICY),
    };
    let protected = u32::MAX;
    c.rig.host(HostValue { protected, ingress_policy, egress_policy, ..HostValue::default() });
    let ssh = PolicyPortKey {
        prefix_len: PORT_PREFIX + 16,
        policy: POLICY,
        proto: TCP,
        reserved: 0,
        port_be: SSH.to_be_bytes(),
    };
    c.rig.port_class(ssh, 1);
    for (port, verdict, rule_id) in
        [(0, CellVerdict::Isolated, REFUSES), (1, CellVerdict::Allow, ALLOWS)]
    {
        for identity in 0..4 {
            let key = PolicyCellKey { policy: POLICY, identity, port, ..PolicyCellKey::default() };
            let cell = PolicyCell { verdict: verdict as u8, rule_id, ..PolicyCell::default() };
            c.rig.cell(key, cell);
        }
    }
    c
}

fn syn(from: IpAddr, to: IpAddr, port: u16) -> Vec<u8> {
    Frame::tcp((from, 40000), (to, port), SYN).bytes()
}

fn answer(from: IpAddr, to: IpAddr, port: u16) -> Vec<u8> {
    Frame::tcp((from, port), (to, 40000), SYN | ACK).bytes()
}

#[track_caller]
fn refused<R: Rig>(
    c: &mut Cluster<R>,
    direction: Direction,
    act: impl FnOnce(&mut Cluster<R>) -> Ran,
) {
    let drop = c.expect_drop(DropReason::PolicyDenied, act);
    assert_eq!((drop.rule_id, drop.endpoint_id), (REFUSES, 0));
    assert_eq!(drop.direction, direction as u8);
}

pub(crate) fn a_protected_host_judges_what_comes_in<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        for from in [cast.world, cast.other_node] {
            let mut c = protected(rig(), Mode::Vxlan, Direction::Ingress);
            let node = cast.node;
            let _ = c.rig.events();
            let _ = c.expect_forwarded(Direction::Ingress, Verdict::Accept, |c| {
                c.uplink_gets(&syn(from, node, SSH))
            });
            let events = c.rig.events();
            let kinds: Vec<u8> = events.iter().map(|event| event.kind).collect();
            assert_eq!(kinds, [event_kind::TRACE, event_kind::VERDICT]);
            assert_eq!(events[0].observation, Observation::ToHost as u8);
            assert_eq!((events[1].rule_id, events[1].dst_identity), (ALLOWS, 1));
            let (key, _) = c.rig.connections().into_iter().next().expect("it is tracked");
            assert_eq!(key.zone, Zone::Host as u8);
            let _ = c.expect_forwarded(Direction::Egress, Verdict::Accept, |c| {
                c.uplink_sends(&answer(node, from, SSH), 0)
            });
            refused(&mut c, Direction::Ingress, |c| c.uplink_gets(&syn(from, node, 80)));
            // What the host begins comes back, whatever the port.
            let _ = c.uplink_sends(&Frame::tcp((node, 50000), (from, 443), SYN).bytes(), 0);
            let back = Frame::tcp((from, 443), (node, 50000), SYN | ACK).bytes();
            assert_eq!(c.uplink_gets(&back).verdict, Verdict::Accept);
        }
        let mut open = Cluster::new(rig(), Mode::Vxlan);
        assert_eq!(open.uplink_gets(&syn(cast.world, cast.node, 80)).verdict, Verdict::Accept);
        assert!(open.rig.connections().is_empty(), "nobody tracks a host that is not protected");
    }
}

pub(crate) fn a_protected_host_judges_what_it_sends<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let node = cast.node;
        for to in [cast.world, cast.other_node] {
            let mut c = protected(rig(), Mode::Vxlan, Direction::Egress);
            assert_eq!(c.uplink_sends(&syn(node, to, SSH), 0).verdict, Verdict::Accept);
            assert_eq!(c.uplink_gets(&answer(to, node, SSH)).verdict, Verdict::Accept);
            refused(&mut c, Direction::Egress, |c| c.uplink_sends(&syn(node, to, 80), 0));
            // Who was let in gets an answer.
            let _ = c.uplink_gets(&syn(to, node, 80));
            assert_eq!(c.uplink_sends(&answer(node, to, 80), 0).verdict, Verdict::Accept);
        }
        let mut c = protected(rig(), Mode::Native, Direction::Egress);
        refused(&mut c, Direction::Egress, |c| c.uplink_sends(&syn(node, cast.remote, 80), 0));
        // The kernel forwards for others: that is nobody's leg here.
        c.rig.device(Some(c.uplink()));
        let forwarded = Meta { ingress_ifindex: 5, ..Meta::default() };
        let ran = c.rig.run(Hook::ToNetdev, &syn(cast.world, cast.other_node, 80), forwarded);
        assert_eq!(ran.verdict, Verdict::Accept);
    }
}

pub(crate) fn pods_and_their_host_are_judged_on_both_sides<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let (a, node) = (cast.a, cast.node);
        let mut c = protected(rig(), Mode::Vxlan, Direction::Ingress);
        let ran = c.a_sends(&syn(a, node, SSH));
        assert_eq!((ran.verdict, ran.mark), (Verdict::Accept, Cluster::<R>::pod_mark(IDENTITY_A)));
        let (key, _) = c.rig.connections().into_iter().next().expect("it is tracked");
        assert_eq!(key.zone, Zone::Pod as u8);
        assert_eq!(c.a_gets(&answer(node, a, SSH), Meta::default()).verdict, Verdict::Accept);
        refused(&mut c, Direction::Ingress, |c| c.a_sends(&syn(a, node, 80)));
        // Its last hop does not matter: the host is where it ends.
        let last = Frame::tcp((a, 40000), (node, 80), SYN).ttl(1).bytes();
        refused(&mut c, Direction::Ingress, |c| c.a_sends(&last));

        let mut c = protected(rig(), Mode::Vxlan, Direction::Egress);
        assert_eq!(c.a_gets(&syn(node, a, SSH), Meta::default()).verdict, Verdict::Accept);
        assert_eq!(c.a_sends(&answer(a, node, SSH)).verdict, Verdict::Accept);
        refused(&mut c, Direction::Egress, |c| c.a_gets(&syn(node, a, 80), Meta::default()));
    }
}

pub(crate) fn the_network_of_a_protected_host_lives<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let (node, peer) = (cast.node, cast.other_node);
        for direction in [Direction::Ingress, Direction::Egress] {
            let mut c = protected(rig(), Mode::Vxlan, direction);
            let dhcp = if cast.node.is_ipv4() { (67, 68) } else { (547, 546) };
            let ports = [dhcp, (dhcp.1, dhcp.0)];
            for (sport, dport) in ports {
                let came = Frame::udp((peer, sport), (node, dport), b"lease").bytes();
                assert_eq!(c.uplink_gets(&came).verdict, Verdict::Accept);
                let goes = Frame::udp((node, sport), (peer, dport), b"lease").bytes();
                assert_eq!(c.uplink_sends(&goes, 0).verdict, Verdict::Accept);
            }
            if !cast.node.is_ipv4() {
                // Solicitations and advertisements of neighbours and routers.
                for icmp_type in [133, 134, 135, 136] {
                    let body = [&[icmp_type, 0, 0, 0][..], &[0; 28]].concat();
                    let frame = Frame::new(peer, node, 58, body).summed().bytes();
                    assert_eq!(c.uplink_gets(&frame).verdict, Verdict::Accept, "{icmp_type}");
                }
            }
        }
        let mut c = protected(rig(), Mode::Vxlan, Direction::Ingress);
        let tunnel = Frame::udp((peer, 50000), (node, 8472), &[0; 64]).bytes();
        assert_eq!(c.uplink_gets(&tunnel).verdict, Verdict::Accept, "from a node");
        let forged = Frame::udp((cast.world, 50000), (node, 8472), &[0; 64]).bytes();
        refused(&mut c, Direction::Ingress, |c| c.uplink_gets(&forged));
        let mut c = protected(rig(), Mode::Native, Direction::Ingress);
        refused(&mut c, Direction::Ingress, |c| c.uplink_gets(&tunnel));
    }
}

pub(crate) fn errors_reach_a_protected_host_only_about_its_own<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let (node, world) = (cast.node, cast.world);
        let mut c = protected(rig(), Mode::Vxlan, Direction::Ingress);
        let sent = Frame::udp((node, 50000), (world, 53), b"query").bytes();
        let error = Frame::error(cast.other_node, node, &sent).bytes();
        let _ = c.expect_drop(DropReason::CtCannotCreate, |c| c.uplink_gets(&error));
        let _ = c.uplink_sends(&sent, 0);
        assert_eq!(c.uplink_gets(&error).verdict, Verdict::Accept);
        // The host may complain about what it got.
        let mut c = protected(rig(), Mode::Vxlan, Direction::Egress);
        let came = Frame::udp((world, 50000), (node, 53), b"query").bytes();
        let complaint = Frame::error(node, world, &came).bytes();
        assert_eq!(c.uplink_sends(&complaint, 0).verdict, Verdict::Accept);
    }
}

pub(crate) fn the_overlay_ends_at_a_protected_host<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let (node, remote) = (cast.node, cast.remote);
        let mut c = protected(rig(), Mode::Vxlan, Direction::Egress);
        refused(&mut c, Direction::Egress, |c| {
            c.overlay_hook(Hook::ToOverlay, &syn(node, remote, 80), Meta::default())
        });
        if !c.rig.has_tunnels() {
            continue;
        }
        let ran = c.overlay_hook(Hook::ToOverlay, &syn(node, remote, SSH), Meta::default());
        assert_eq!(ran.verdict, Verdict::Accept);
        let mut c = protected(rig(), Mode::Vxlan, Direction::Ingress);
        let tunnel = Some((IDENTITY_REMOTE, cast_node(&cast)));
        let meta = Meta { tunnel, ..Meta::default() };
        let ran = c.overlay_hook(Hook::FromOverlay, &syn(remote, node, SSH), meta);
        assert_eq!(ran.verdict, Verdict::Accept);
        refused(&mut c, Direction::Ingress, |c| {
            c.overlay_hook(Hook::FromOverlay, &syn(remote, node, 80), meta)
        });
    }
}

fn cast_node(cast: &Cast) -> skep_bpf::abi::Addr {
    cast.other_node.into()
}
