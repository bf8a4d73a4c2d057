//! Services for the node itself.

use std::net::IpAddr;

use skep_bpf::abi::{CtKey, CtValue, HostValue, Mode, Zone, event_kind, frontend_scope};

use super::outside::{CLIENT, PORT, TARGET, expose, overlay_gets};
use crate::{
    cluster::{Cast, Cluster},
    frames::{self, Frame, exchange},
    rig::{Hook, Meta, Rig, Verdict, assert_like},
};

/// What programs tell each other about what comes back to the host.
const RETURNED: u32 = 0x600;

/// Returns an address of the node that the cluster does not know it by.
fn other_address(cast: &Cast) -> IpAddr {
    let other = if cast.node.is_ipv4() { "10.0.2.15" } else { "fd99::15" };
    other.parse().expect("an address")
}

/// Lets the node ask a pod of its own twice: what it sends and what the pod gets, and the same of the answer.
fn pod_answers<R: Rig>(
    c: &mut Cluster<R>,
    [asked, got]: [&Frame; 2],
    [answered, shown]: [&Frame; 2],
) {
    for _ in 0..2 {
        let ran = c.uplink_sends(&asked.bytes(), 0);
        assert_eq!(ran.verdict, Verdict::Redirect, "to the pod");
        assert_like(&ran, got);
        assert_eq!(c.a_gets(&ran.frame, Meta::default()).verdict, Verdict::Accept);
        let ran = c.a_sends(&answered.bytes());
        assert_eq!(ran.verdict, Verdict::Accept, "to the host");
        assert_like(&ran, shown);
    }
    // The pod's connection and the node's were used twice in both directions.
    for zone in [Zone::Pod, Zone::Service] {
        let packets = |value: &CtValue| value.packets.iter().sum::<u64>();
        let all = c.rig.connections().into_iter();
        let of = |(key, _): &(CtKey, CtValue)| key.zone == zone as u8;
        let counted: Vec<u64> = all.filter(of).map(|(_, value)| packets(&value)).collect();
        assert!(!counted.is_empty() && counted.iter().all(|packets| *packets == 4), "{counted:?}");
    }
}

/// Lets the node ask a pod of another node over the overlay: what it sends, and what it gets.
fn far_pod_answers<R: Rig>(c: &mut Cluster<R>, cast: &Cast, [asked, shown]: [&Frame; 2]) {
    let own = (cast.node, CLIENT);
    let (got, answered) = exchange(own, (cast.remote, TARGET), frames::UDP);
    let ran = c.uplink_sends(&asked.bytes(), 0);
    assert_eq!((ran.verdict, ran.mark), (Verdict::Redirect, 0), "over the overlay, as host");
    assert_like(&ran, &got);
    if c.rig.has_tunnels() {
        let ran = overlay_gets(c, cast, &answered.bytes());
        assert_eq!(ran.verdict, Verdict::Accept);
        assert_like(&ran, shown);
    }
}

pub(crate) fn the_node_reaches_services_packet_by_packet<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        let own = (cast.node, CLIENT);
        expose(&mut c, cast.vip, frontend_scope::INTERNAL, &[cast.a]);
        let (asked, shown) = exchange(own, (cast.vip, PORT), frames::UDP);
        let (got, answered) = exchange(own, (cast.a, TARGET), frames::UDP);
        pod_answers(&mut c, [&asked, &got], [&answered, &shown]);
        // Sockets of TCP were connected to a backend.
        let (tcp, _) = exchange(own, (cast.vip, PORT), frames::TCP);
        assert_like(&c.uplink_sends(&tcp.bytes(), 0), &tcp);

        let mut c = Cluster::new(rig(), Mode::Vxlan);
        expose(&mut c, cast.vip, frontend_scope::INTERNAL, &[cast.remote]);
        far_pod_answers(&mut c, &cast, [&asked, &shown]);
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        expose(&mut c, cast.vip, frontend_scope::INTERNAL, &[]);
        let ran = c.uplink_sends(&asked.bytes(), 0);
        assert_eq!(ran.verdict, Verdict::Redirect, "it is told");
        assert_eq!(frames::addresses(&ran.frame), (cast.vip, cast.node));
    }
}

pub(crate) fn the_node_reaches_itself_through_a_service<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        c.rig.host(HostValue { backends: 1, ..HostValue::default() });
        expose(&mut c, cast.vip, frontend_scope::INTERNAL, &[cast.node]);
        let (asked, shown) = exchange((cast.node, CLIENT), (cast.vip, PORT), frames::UDP);
        let ran = c.uplink_sends(&asked.bytes(), 0);
        assert_eq!((ran.verdict, ran.mark), (Verdict::Redirect, RETURNED));
        let (port, _) = frames::ports(&ran.frame);
        let (got, answered) = exchange((cast.hairpin, port), (cast.node, TARGET), frames::UDP);
        assert_like(&ran, &got);
        let meta = Meta { mark: RETURNED, ingress_ifindex: 1, ..Meta::default() };
        let taken = c.rig.run(Hook::FromNetdev, &ran.frame, meta);
        assert_eq!((taken.verdict, taken.mark), (Verdict::Accept, 0), "nobody is asked again");
        assert_eq!(taken.frame, ran.frame);
        let ran = c.uplink_sends(&answered.bytes(), 0);
        assert_eq!((ran.verdict, ran.mark), (Verdict::Redirect, RETURNED));
        assert_like(&ran, &shown);
    }
}

pub(crate) fn a_port_of_the_node_asks_one_service_after_another<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        let own = (cast.node, CLIENT);
        for vip in [cast.vip, cast.other_vip] {
            expose(&mut c, vip, frontend_scope::INTERNAL, &[cast.a]);
        }
        // Sockets that are gone: nobody tells when one of UDP is closed, and its port is free at once.
        for vip in [cast.vip, cast.other_vip, cast.vip] {
            let (asked, shown) = exchange(own, (vip, PORT), frames::UDP);
            let (got, answered) = exchange(own, (cast.a, TARGET), frames::UDP);
            let ran = c.uplink_sends(&asked.bytes(), 0);
            assert_eq!(ran.verdict, Verdict::Redirect, "to the pod behind {vip}");
            assert_like(&ran, &got);
            assert_like(&c.a_sends(&answered.bytes()), &shown);
        }
    }
}

/// The default route need not lead by the device where nodes meet, and its device has an address that they do not know.
pub(crate) fn the_node_is_known_by_one_address_whichever_it_asks_from<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let other = other_address(&cast);
        let (asked, shown) = exchange((other, CLIENT), (cast.vip, PORT), frames::UDP);
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        expose(&mut c, cast.vip, frontend_scope::INTERNAL, &[cast.a]);
        let (got, answered) = exchange((other, CLIENT), (cast.a, TARGET), frames::UDP);
        pod_answers(&mut c, [&asked, &got], [&answered, &shown]);
        // What a pod says to the world is nobody's answer.
        let (plain, _) = exchange((cast.a, TARGET), (other, CLIENT + 1), frames::UDP);
        assert_like(&c.a_sends(&plain.bytes()), &plain);

        for mode in [Mode::Vxlan, Mode::Native] {
            let mut c = Cluster::new(rig(), mode);
            c.rig.route(1);
            let can_answer =
                if mode == Mode::Vxlan { c.rig.has_tunnels() } else { c.rig.has_routes() };
            if mode == Mode::Native && !can_answer {
                continue;
            }
            expose(&mut c, cast.vip, frontend_scope::INTERNAL, &[cast.remote]);
            for _ in 0..2 {
                let ran = c.uplink_sends(&asked.bytes(), 0);
                assert_eq!(ran.verdict, Verdict::Redirect);
                let (port, _) = frames::ports(&ran.frame);
                let (got, answered) =
                    exchange((cast.node, port), (cast.remote, TARGET), frames::UDP);
                assert_like(&ran, &got);
                if can_answer {
                    let answered = answered.bytes();
                    let ran = match mode {
                        Mode::Vxlan => overlay_gets(&mut c, &cast, &answered),
                        Mode::Native => c.uplink_gets(&answered),
                    };
                    assert_eq!(ran.verdict, Verdict::Accept, "to the host");
                    assert_like(&ran, &shown);
                }
            }
        }
    }
}

/// Sockets lead what the node sends to itself out of it, to an address that nobody else has.
pub(crate) fn the_node_reaches_services_at_its_own_addresses<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let this: IpAddr = if cast.node.is_ipv4() { "192.0.0.8" } else { "fd00:73:6b:65:70::2" }
            .parse()
            .expect("an address");
        let everywhere = match cast.node {
            IpAddr::V4(_) => IpAddr::from([0; 4]),
            IpAddr::V6(_) => IpAddr::from([0_u16; 8]),
        };
        let own = (cast.node, CLIENT);
        // A node port, which is at every address, and a host port.
        for frontend in [everywhere, cast.node] {
            let mut c = Cluster::new(rig(), Mode::Vxlan);
            expose(&mut c, frontend, frontend_scope::INTERNAL, &[cast.a]);
            let (asked, shown) = exchange(own, (this, PORT), frames::UDP);
            let (got, answered) = exchange(own, (cast.a, TARGET), frames::UDP);
            pod_answers(&mut c, [&asked, &got], [&answered, &shown]);
            // Its service is gone, or never was: it is told, and leaves for nowhere.
            let (other, _) = exchange(own, (this, PORT + 1), frames::UDP);
            let ran = c.uplink_sends(&other.bytes(), 0);
            assert_eq!(ran.verdict, Verdict::Redirect);
            assert_eq!(frames::addresses(&ran.frame), (this, cast.node));
            // It stands for this node to this node only.
            let (stranger, _) = exchange((cast.world, CLIENT), (this, PORT), frames::UDP);
            let ran = c.uplink_gets(&stranger.bytes());
            assert_eq!(ran.verdict, Verdict::Accept, "the stack's");
            assert_like(&ran, &stranger);
        }
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        expose(&mut c, everywhere, frontend_scope::INTERNAL, &[cast.remote]);
        let (asked, shown) = exchange(own, (this, PORT), frames::UDP);
        far_pod_answers(&mut c, &cast, [&asked, &shown]);
    }
}

/// Programs on the way to the backend see no service, so user space is told which connection is with one.
pub(crate) fn what_the_node_asks_is_told_with_its_service<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let other = other_address(&cast);
        for (client, backend) in
            [(cast.node, cast.a), (cast.node, cast.remote), (other, cast.remote)]
        {
            let mut c = Cluster::new(rig(), Mode::Vxlan);
            expose(&mut c, cast.vip, frontend_scope::INTERNAL, &[backend]);
            let (asked, _) = exchange((client, CLIENT), (cast.vip, PORT), frames::UDP);
            let _ = c.rig.events();
            let sent = c.uplink_sends(&asked.bytes(), 0).frame;
            let told: Vec<_> = c.rig.events();
            assert_eq!(told.len(), 1, "{told:?}");
            let (src, dst) = (IpAddr::from(told[0].src), IpAddr::from(told[0].dst));
            assert_eq!(told[0].kind, event_kind::SOCKET);
            assert_eq!((src, dst), frames::addresses(&sent), "as it leaves");
            assert_eq!((told[0].sport, told[0].dport), frames::ports(&sent));
            let service = (IpAddr::from(told[0].service), told[0].service_port);
            assert_eq!(service, (cast.vip, PORT));
            let _ = c.uplink_sends(&asked.bytes(), 0);
            assert!(c.rig.events().is_empty(), "once");
        }
    }
}
