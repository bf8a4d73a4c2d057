//! Services for the node itself.

use skep_bpf::abi::{HostValue, Mode, frontend_scope};

use super::outside::{CLIENT, PORT, TARGET, expose, overlay_gets};
use crate::{
    cluster::{Cast, Cluster},
    frames::{self, exchange},
    rig::{Hook, Meta, Rig, Verdict, assert_like},
};

/// What programs tell each other about what comes back to the host.
const RETURNED: u32 = 0x600;

pub(crate) fn the_node_reaches_services_packet_by_packet<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        let own = (cast.node, CLIENT);
        expose(&mut c, cast.vip, frontend_scope::INTERNAL, &[cast.a]);
        let (asked, shown) = exchange(own, (cast.vip, PORT), frames::UDP);
        let (got, answered) = exchange(own, (cast.a, TARGET), frames::UDP);
        for _ in 0..2 {
            let ran = c.uplink_sends(&asked.bytes(), 0);
            assert_eq!(ran.verdict, Verdict::Redirect, "to the pod");
            assert_like(&ran, &got);
            assert_eq!(c.a_gets(&ran.frame, Meta::default()).verdict, Verdict::Accept);
            let ran = c.a_sends(&answered.bytes());
            assert_eq!(ran.verdict, Verdict::Accept);
            assert_like(&ran, &shown);
        }
        // Sockets of TCP were connected to a backend.
        let (tcp, _) = exchange(own, (cast.vip, PORT), frames::TCP);
        assert_like(&c.uplink_sends(&tcp.bytes(), 0), &tcp);

        let mut c = Cluster::new(rig(), Mode::Vxlan);
        expose(&mut c, cast.vip, frontend_scope::INTERNAL, &[cast.remote]);
        let (got, answered) = exchange(own, (cast.remote, TARGET), frames::UDP);
        let ran = c.uplink_sends(&asked.bytes(), 0);
        assert_eq!((ran.verdict, ran.mark), (Verdict::Redirect, 0), "over the overlay, as host");
        assert_like(&ran, &got);
        if c.rig.has_tunnels() {
            let ran = overlay_gets(&mut c, &cast, &answered.bytes());
            assert_eq!(ran.verdict, Verdict::Accept);
            assert_like(&ran, &shown);
        }
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
