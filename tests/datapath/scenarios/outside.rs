//! Services for clients outside.

use std::net::IpAddr;

use skep_bpf::abi::{
    Addr, AdmissionQuota, BackendValue, DropReason, FrontendKey, FrontendValue, HostValue, Mode,
    RANGE_PREFIX, RangeKey, STRANGERS, Zone, frontend_flags, frontend_scope, policy,
};

use crate::{
    cluster::{Cast, Cluster, IDENTITY_REMOTE, SNAT_MAX, SNAT_MIN},
    frames::{self, ACK, Frame, SYN, exchange},
    rig::{Hook, Meta, Ran, Rig, Verdict, assert_like},
};

pub(crate) const PORT: u16 = 30_080;
pub(crate) const TARGET: u16 = 8080;
pub(super) const CLIENT: u16 = 40_000;
pub(crate) const SERVICE: u32 = 700;
/// What programs tell each other about translated packets.
const SNAT_DONE: u32 = 0x300;

/// A frontend that is served at so many places of the list of its number.
pub(crate) fn frontend(service_id: u32, places: u32) -> FrontendValue {
    let backends = places;
    FrontendValue { service_id, list: service_id, places, backends, ..FrontendValue::default() }
}

fn backend<R: Rig>(c: &mut Cluster<R>, id: u32, address: IpAddr, proto: u8) {
    let addr: Addr = address.into();
    let value = BackendValue { addr, port: TARGET, proto, ..BackendValue::default() };
    c.rig.backend(id, Some(value));
}

/// Lets clients of `scope` reach `backends` at `address`, by TCP and UDP.
pub(crate) fn expose<R: Rig>(c: &mut Cluster<R>, address: IpAddr, scope: u8, backends: &[IpAddr]) {
    serve(c, (address, PORT), scope, backends);
}

/// The same at any port. The number of a backend is ten times that of the protocol and its place from 1.
pub(crate) fn serve<R: Rig>(
    c: &mut Cluster<R>,
    (address, port): (IpAddr, u16),
    scope: u8,
    backends: &[IpAddr],
) {
    for proto in [frames::TCP, frames::UDP] {
        let key = FrontendKey { addr: address.into(), port, proto, scope, reserved: 0 };
        let service_id = SERVICE + u32::from(proto);
        let count = u32::try_from(backends.len()).expect("a few");
        let value = frontend(service_id, count);
        let ids: Vec<u32> = (1..=count).map(|n| u32::from(proto) * 10 + n).collect();
        for (id, address) in ids.iter().zip(backends) {
            backend(c, *id, *address, proto);
        }
        c.rig.list(service_id, &ids);
        c.rig.frontend(key, value);
    }
}

pub(crate) fn outside<R: Rig>(c: &mut Cluster<R>, address: IpAddr, backends: &[IpAddr]) {
    expose(c, address, frontend_scope::EXTERNAL, backends);
}

/// Asserts that an error quotes a packet as its sender knows it.
#[track_caller]
fn assert_quotes(frame: &[u8], sent: Frame) {
    let quoted = sent.bytes();
    let body = frames::body(frame);
    let mut wanted = quoted[14..].to_vec();
    wanted.truncate(body.len() - 8);
    assert_eq!(body[8..8 + wanted.len()], wanted[..]);
    assert!(frames::sums_are_valid(frame));
}

/// The overlay brings a packet of the remote pod.
pub(super) fn overlay_gets<R: Rig>(c: &mut Cluster<R>, cast: &Cast, frame: &[u8]) -> Ran {
    let tunnel = Some((IDENTITY_REMOTE, cast.other_node.into()));
    c.overlay_hook(Hook::FromOverlay, frame, Meta { tunnel, ..Meta::default() })
}

pub(crate) fn a_pod_of_this_node_sees_the_client_outside<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        for address in [cast.node, cast.vip] {
            let mut c = Cluster::new(rig(), Mode::Vxlan);
            c.rig.route(9);
            outside(&mut c, address, &[cast.a]);
            for proto in [frames::TCP, frames::UDP] {
                let client = (cast.world, CLIENT);
                let (asked, shown) = exchange(client, (address, PORT), proto);
                let (got, answered) = exchange(client, (cast.a, TARGET), proto);
                for _ in 0..2 {
                    let ran = c.uplink_gets(&asked.bytes());
                    assert_eq!(ran.verdict, Verdict::Redirect);
                    assert_like(&ran, &got);
                    if c.rig.has_routes() {
                        let ran = c.a_sends(&answered.bytes());
                        assert_eq!((ran.verdict, ran.mark), (Verdict::Redirect, SNAT_DONE));
                        assert_like(&ran, &shown);
                        let left = c.uplink_sends(&ran.frame, ran.mark);
                        assert_eq!((left.verdict, left.frame), (Verdict::Accept, ran.frame));
                    }
                }
            }
        }
    }
}

pub(crate) fn a_pod_elsewhere_sees_this_node<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        for proto in [frames::TCP, frames::UDP] {
            let mut c = Cluster::new(rig(), Mode::Vxlan);
            c.rig.route(9);
            outside(&mut c, cast.node, &[cast.remote]);
            let (asked, shown) = exchange((cast.world, CLIENT), (cast.node, PORT), proto);
            let ran = c.uplink_gets(&asked.bytes());
            let world = if cast.world.is_ipv4() { 9 } else { 10 };
            let mark = Cluster::<R>::pod_mark(world);
            assert_eq!((ran.verdict, ran.mark), (Verdict::Redirect, mark), "over the overlay");
            let (port, _) = frames::ports(&ran.frame);
            assert!((SNAT_MIN..=SNAT_MAX).contains(&port));
            let (got, answered) = exchange((cast.node, port), (cast.remote, TARGET), proto);
            assert_like(&ran, &got);
            assert_eq!(frames::ttl(&ran.frame), 63);
            assert_eq!(c.uplink_gets(&asked.bytes()).frame, ran.frame, "it keeps its translation");
            if c.rig.has_routes() && c.rig.has_tunnels() {
                let ran = overlay_gets(&mut c, &cast, &answered.bytes());
                assert_eq!((ran.verdict, ran.mark), (Verdict::Redirect, SNAT_DONE));
                assert_like(&ran, &shown);
            }
            // The alias and the connection, in zones of their own.
            let zones: Vec<u8> = c.rig.connections().keys().map(|key| key.zone).collect();
            assert_eq!(zones.len(), 2);
            assert!(zones.contains(&(Zone::Service as u8)));
            assert!(zones.contains(&(Zone::NodeSnat as u8)));
        }
    }
}

pub(crate) fn the_underlay_reaches_backends_too<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        for (mode, to) in [(Mode::Native, cast.remote), (Mode::Vxlan, cast.other_node)] {
            let mut c = Cluster::new(rig(), mode);
            c.rig.route(1);
            if !c.rig.has_routes() {
                continue;
            }
            outside(&mut c, cast.node, &[to]);
            let (asked, shown) = exchange((cast.world, CLIENT), (cast.node, PORT), frames::TCP);
            let ran = c.uplink_gets(&asked.bytes());
            assert_eq!((ran.verdict, ran.mark), (Verdict::Redirect, SNAT_DONE));
            let (port, _) = frames::ports(&ran.frame);
            let (got, answered) = exchange((cast.node, port), (to, TARGET), frames::TCP);
            assert_like(&ran, &got);
            let ran = c.uplink_gets(&answered.bytes());
            assert_eq!((ran.verdict, ran.mark), (Verdict::Redirect, SNAT_DONE));
            assert_like(&ran, &shown);
        }
    }
}

pub(crate) fn errors_find_both_ends_of_a_relayed_connection<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        c.rig.route(9);
        outside(&mut c, cast.node, &[cast.remote]);
        let (asked, shown) = exchange((cast.world, CLIENT), (cast.node, PORT), frames::UDP);
        let ran = c.uplink_gets(&asked.bytes());
        let (port, _) = frames::ports(&ran.frame);
        let (_, answered) = exchange((cast.node, port), (cast.remote, TARGET), frames::UDP);
        // Somebody on the way to the client complains about the answer.
        let router: IpAddr = cast.other_node;
        let error = Frame::error(router, cast.node, &shown.clone().ttl(60).bytes());
        let ran = c.uplink_gets(&error.bytes());
        assert_eq!(ran.verdict, Verdict::Redirect);
        assert_eq!(frames::addresses(&ran.frame), (cast.node, cast.remote));
        assert_quotes(&ran.frame, answered.ttl(60));
        if c.rig.has_routes() && c.rig.has_tunnels() {
            // The backend complains about the question.
            let (got, _) = exchange((cast.node, port), (cast.remote, TARGET), frames::UDP);
            let error = Frame::error(cast.remote, cast.node, &got.ttl(61).bytes());
            let ran = overlay_gets(&mut c, &cast, &error.bytes());
            assert_eq!(ran.verdict, Verdict::Redirect);
            assert_eq!(frames::addresses(&ran.frame), (cast.node, cast.world));
            assert_quotes(&ran.frame, asked.ttl(61));
        }
    }
}

pub(crate) fn errors_from_outside_find_the_pod_behind_a_service<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        outside(&mut c, cast.vip, &[cast.a]);
        let (asked, shown) = exchange((cast.world, CLIENT), (cast.vip, PORT), frames::UDP);
        let _ = c.uplink_gets(&asked.bytes());
        let (_, answered) = exchange((cast.world, CLIENT), (cast.a, TARGET), frames::UDP);
        let error = Frame::error(cast.other_node, cast.vip, &shown.ttl(60).bytes());
        let ran = c.uplink_gets(&error.bytes());
        assert_eq!(ran.verdict, Verdict::Redirect);
        assert_eq!(frames::addresses(&ran.frame), (cast.other_node, cast.a));
        assert_quotes(&ran.frame, answered.ttl(60));
    }
}

pub(crate) fn a_backend_of_the_host_sees_the_client_outside<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        c.rig.host(HostValue { backends: 1, ..HostValue::default() });
        outside(&mut c, cast.node, &[cast.node]);
        for proto in [frames::TCP, frames::UDP] {
            let client = (cast.world, CLIENT);
            let (asked, shown) = exchange(client, (cast.node, PORT), proto);
            let (got, answered) = exchange(client, (cast.node, TARGET), proto);
            for _ in 0..2 {
                let ran = c.uplink_gets(&asked.bytes());
                assert_eq!((ran.verdict, ran.mark), (Verdict::Accept, 0));
                assert_like(&ran, &got);
                let ran = c.uplink_sends(&answered.bytes(), 0);
                assert_eq!(ran.verdict, Verdict::Accept);
                assert_like(&ran, &shown);
            }
            // Who speaks with it directly sees it.
            let (_, direct) = exchange((cast.world, 9), (cast.node, TARGET), proto);
            assert_like(&c.uplink_sends(&direct.bytes(), 0), &direct);
        }
    }
}

pub(crate) fn clients_outside_are_told_that_nobody_serves<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        outside(&mut c, cast.node, &[]);
        for proto in [frames::TCP, frames::UDP] {
            let (asked, _) = exchange((cast.world, CLIENT), (cast.node, PORT), proto);
            let ran = c.uplink_gets(&asked.bytes());
            assert_eq!(ran.verdict, Verdict::Redirect);
            assert_eq!(frames::addresses(&ran.frame), (cast.node, cast.world));
            assert_quotes(&ran.frame, asked.clone());
            let service_id = SERVICE + u32::from(proto);
            let flags = frontend_flags::DROP_IF_EMPTY;
            let value = FrontendValue { service_id, flags, ..FrontendValue::default() };
            let scope = frontend_scope::EXTERNAL;
            let addr = cast.node.into();
            let key = FrontendKey { addr, port: PORT, proto, scope, reserved: 0 };
            c.rig.frontend(key, value);
            c.expect_drop(DropReason::NoBackend, |c| c.uplink_gets(&asked.bytes()));
        }
    }
}

pub(crate) fn what_the_overlay_cannot_carry_is_told<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        outside(&mut c, cast.node, &[cast.remote]);
        let (from, to) = ((cast.world, CLIENT), (cast.node, PORT));
        let mut big = Frame::udp(from, to, &[7; 1440]);
        big.fragment.0 = 0x4000;
        let ran = c.uplink_gets(&big.bytes());
        assert_eq!(ran.verdict, Verdict::Redirect);
        assert_eq!(frames::addresses(&ran.frame), (cast.node, cast.world));
        let body = frames::body(&ran.frame);
        let (head, mtu) = (&body[..2], &body[4..8]);
        let kind = if cast.world.is_ipv4() { [3, 4] } else { [2, 0] };
        assert_eq!((head, mtu), (&kind[..], &1450_u32.to_be_bytes()[..]));
        assert_quotes(&ran.frame, big);
        if cast.world.is_ipv4() {
            let ran = c.uplink_gets(&Frame::udp(from, to, &[7; 1440]).bytes());
            assert_eq!(frames::addresses(&ran.frame), (cast.node, cast.remote), "to be cut");
        } else {
            // Who sends fragments learns from them, too.
            let datagram = Frame::udp(from, to, &[7; 2000]);
            let (first, _) = frames::fragments(&datagram, 1448, 77);
            let ran = c.uplink_gets(&first);
            assert_eq!(frames::body(&ran.frame)[8..], first[14..14 + 56]);
            assert!(frames::sums_are_valid(&ran.frame));
        }
    }
}

pub(crate) fn fragments_from_outside_go_to_one_backend<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        for backend in [cast.a, cast.remote] {
            let mut c = Cluster::new(rig(), Mode::Vxlan);
            outside(&mut c, cast.node, &[backend]);
            let datagram = Frame::udp((cast.world, CLIENT), (cast.node, PORT), &[7; 64]);
            let (first, later) = frames::fragments(&datagram, 32, 77);
            let head = c.uplink_gets(&first);
            let tail = c.uplink_gets(&later);
            assert_eq!(frames::addresses(&head.frame), frames::addresses(&tail.frame));
            assert_eq!((head.verdict, tail.verdict), (Verdict::Redirect, Verdict::Redirect));
            assert_eq!(frames::addresses(&head.frame).1, backend);
        }
    }
}

pub(crate) fn source_ranges_hold_outside<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        outside(&mut c, cast.vip, &[cast.a]);
        let (proto, scope) = (frames::UDP, frontend_scope::EXTERNAL);
        let service_id = SERVICE + u32::from(proto);
        let key = FrontendKey { addr: cast.vip.into(), port: PORT, proto, scope, reserved: 0 };
        let flags = frontend_flags::RANGES;
        let value = FrontendValue { service_id, backends: 1, flags, ..FrontendValue::default() };
        c.rig.frontend(key, value);
        let (asked, _) = exchange((cast.world, CLIENT), (cast.vip, PORT), proto);
        c.expect_drop(DropReason::NotInSourceRange, |c| c.uplink_gets(&asked.bytes()));
        let addr = cast.world.into();
        c.rig.range(RangeKey { prefix_len: RANGE_PREFIX + 128, service_id, addr });
        assert_eq!(c.uplink_gets(&asked.bytes()).verdict, Verdict::Redirect);
    }
}

pub(crate) fn a_relayed_connection_follows_its_backend<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        outside(&mut c, cast.node, &[cast.remote]);
        let (asked, _) = exchange((cast.world, CLIENT), (cast.node, PORT), frames::UDP);
        let first = c.uplink_gets(&asked.bytes());
        let (id, service_id) = (u32::from(frames::UDP) * 10 + 1, SERVICE + u32::from(frames::UDP));
        backend(&mut c, 999, cast.a, frames::UDP);
        c.rig.list(service_id, &[999]);
        assert_eq!(c.uplink_gets(&asked.bytes()).frame, first.frame, "it keeps its backend");
        c.rig.backend(id, None);
        let ran = c.uplink_gets(&asked.bytes());
        assert_eq!(frames::addresses(&ran.frame), (cast.world, cast.a), "that is gone");
        // What the old one still sends is not the service's.
        if c.rig.has_routes() && c.rig.has_tunnels() {
            let (port, _) = frames::ports(&first.frame);
            let (_, late) = exchange((cast.node, port), (cast.remote, TARGET), frames::UDP);
            let ran = overlay_gets(&mut c, &cast, &late.bytes());
            assert_like(&ran, &late);
        }
    }
}

pub(crate) fn all_nodes_draw_the_same_backend<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        let backends = [cast.a, cast.b, cast.remote];
        outside(&mut c, cast.vip, &backends);
        let (proto, scope) = (frames::UDP, frontend_scope::EXTERNAL);
        let service_id = SERVICE + u32::from(proto);
        // Forty places in two blocks; the numbers of backends come one after the other.
        let ids: Vec<u32> = (171..174).cycle().take(40).collect();
        c.rig.list(service_id, &ids);
        let addr = cast.vip.into();
        let key = FrontendKey { addr, port: PORT, proto, scope, reserved: 0 };
        let value = FrontendValue { backends: 3, ..frontend(service_id, 40) };
        c.rig.frontend(key, value);
        let mut drawn = [0; 3];
        for port in 0..60 {
            let (asked, _) = exchange((cast.world, 1024 + port), (cast.vip, PORT), proto);
            let first = frames::addresses(&c.uplink_gets(&asked.bytes()).frame).1;
            for (key, _) in c.rig.connections() {
                c.rig.forget(key);
            }
            let again = frames::addresses(&c.uplink_gets(&asked.bytes()).frame).1;
            assert_eq!(first, again, "no chance is in it");
            drawn[backends.iter().position(|one| *one == first).expect("a backend")] += 1;
        }
        assert!(drawn.iter().all(|count| *count >= 8), "{drawn:?}");
    }
}

pub(crate) fn what_the_kernel_looked_at_shows_the_service<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        c.rig.route(9);
        outside(&mut c, cast.node, &[cast.a]);
        let client = (cast.world, CLIENT);
        let (asked, shown) = exchange(client, (cast.node, PORT), frames::UDP);
        let (got, answered) = exchange(client, (cast.a, TARGET), frames::UDP);
        let _ = c.uplink_gets(&asked.bytes());
        // The last hop: the kernel tells the pod, and what it forwards all the same is shown on its way out.
        let last = answered.clone().ttl(1);
        let ran = c.a_sends(&last.bytes());
        assert_eq!(ran.verdict, Verdict::Accept);
        assert_like(&ran, &last);
        let ran = c.uplink_sends(&answered.bytes(), ran.mark);
        assert_eq!((ran.verdict, ran.mark), (Verdict::Accept, SNAT_DONE));
        assert_like(&ran, &shown);
        // The kernel complains about what it could not deliver to the pod.
        let error = Frame::error(cast.node, cast.world, &got.ttl(1).bytes());
        let ran = c.uplink_sends(&error.bytes(), 0);
        assert_eq!(ran.verdict, Verdict::Accept);
        assert_eq!(frames::addresses(&ran.frame), (cast.node, cast.world));
        assert_quotes(&ran.frame, asked.ttl(1));
    }
}

pub(crate) fn a_protected_host_judges_node_ports_before_translation<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        for backend in [cast.a, cast.remote, cast.node] {
            let mut c = Cluster::new(rig(), Mode::Vxlan);
            let ingress_policy = policy::NONE;
            let egress_policy = policy::OPEN;
            let host = HostValue {
                protected: u32::MAX,
                ingress_policy,
                egress_policy,
                backends: 1,
                yields: 0,
            };
            c.rig.host(host);
            outside(&mut c, cast.node, &[backend]);
            let (asked, _) = exchange((cast.world, CLIENT), (cast.node, PORT), frames::UDP);
            let event =
                c.expect_drop(DropReason::EndpointNotReady, |c| c.uplink_gets(&asked.bytes()));
            assert_eq!((IpAddr::from(event.dst), event.dport), (cast.node, PORT));
            c.rig.host(HostValue { ingress_policy: policy::OPEN, ..host });
            let ran = c.uplink_gets(&asked.bytes());
            assert_ne!(ran.verdict, Verdict::Drop);
            assert_eq!(frames::addresses(&ran.frame).1, backend);
        }
    }
}

pub(crate) fn connections_of_somebody_else_stay_theirs<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        outside(&mut c, cast.node, &[cast.a]);
        let (client, to) = ((cast.world, CLIENT), (cast.node, PORT));
        let later = Frame::tcp(client, to, ACK);
        // Nobody else is there: all nodes choose alike, so that the backend may know the connection.
        assert_like(&c.uplink_gets(&later.bytes()), &Frame::tcp(client, (cast.a, TARGET), ACK));
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        c.rig.host(HostValue { yields: 1, ..HostValue::default() });
        outside(&mut c, cast.node, &[cast.a]);
        let ran = c.uplink_gets(&later.bytes());
        assert_eq!((ran.verdict, &ran.frame), (Verdict::Accept, &later.bytes()));
        // What begins now is skep's.
        let got = Frame::tcp(client, (cast.a, TARGET), SYN);
        assert_like(&c.uplink_gets(&Frame::tcp(client, to, SYN).bytes()), &got);
        assert_like(&c.uplink_gets(&later.bytes()), &Frame::tcp(client, (cast.a, TARGET), ACK));
    }
}

pub(crate) fn strangers_leave_room_for_others<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        for backend in [cast.a, cast.remote] {
            let mut c = Cluster::new(rig(), Mode::Vxlan);
            outside(&mut c, cast.node, &[backend]);
            let from = |client, port| Frame::tcp((client, port), (cast.node, PORT), SYN).bytes();
            assert_eq!(c.uplink_gets(&from(cast.world, 1)).verdict, Verdict::Redirect);
            c.rig.quota(STRANGERS, AdmissionQuota { exhausted: 1, entries: 1 });
            c.expect_drop(DropReason::RateLimited, |c| c.uplink_gets(&from(cast.world, 2)));
            for (client, port) in [(cast.world, 1), (cast.other_node, 3)] {
                assert_eq!(c.uplink_gets(&from(client, port)).verdict, Verdict::Redirect);
            }
            let own = Frame::tcp((cast.a, 4), (cast.world, 80), SYN).bytes();
            assert_ne!(c.a_sends(&own).verdict, Verdict::Drop, "a pod is no stranger");
        }
    }
}
