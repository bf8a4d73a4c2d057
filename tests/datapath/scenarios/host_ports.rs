//! Ports of a node that are those of a pod on it, for clients in pods of other nodes.

use std::net::IpAddr;

use skep_bpf::abi::{DropReason, HostValue, Mode, policy};

use super::outside::{CLIENT, PORT, TARGET, outside, overlay_gets};
use crate::{
    cluster::{Cast, Cluster, IDENTITY_REMOTE},
    frames::{self, exchange},
    rig::{Hook, Meta, Ran, Rig, Verdict, assert_like},
};

/// The device of the overlay.
const OVERLAY: u32 = 77;
/// All that other nodes know of an address of this one.
const REMOTE_NODE: u32 = 6;
/// What programs tell each other about packets of the overlay for somebody behind this node.
const HANDED_ON: u32 = 0x700;

/// The program of the overlay hands on a packet of the remote pod.
fn uplink_is_handed<R: Rig>(c: &mut Cluster<R>, frame: &[u8]) -> Ran {
    let meta = Meta { mark: HANDED_ON | IDENTITY_REMOTE << 16, ..Meta::default() };
    c.uplink_hook(frame, meta)
}

/// Other nodes do not know which ports of this one are a pod's.
pub(crate) fn a_pod_of_another_node_reaches_a_host_port<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        for proto in [frames::TCP, frames::UDP] {
            let mut c = Cluster::new(rig(), Mode::Vxlan);
            c.rig.route(OVERLAY);
            outside(&mut c, cast.node, &[cast.a]);
            let client = (cast.remote, CLIENT);
            let (asked, shown) = exchange(client, (cast.node, PORT), proto);
            let (got, answered) = exchange(client, (cast.a, TARGET), proto);
            let mark = HANDED_ON | IDENTITY_REMOTE << 16;
            for _ in 0..2 {
                if c.rig.has_routes() && c.rig.has_tunnels() {
                    let ran = overlay_gets(&mut c, &cast, &asked.bytes());
                    assert_eq!((ran.verdict, ran.mark), (Verdict::Redirect, mark), "as it came");
                    assert_like(&ran, &asked);
                }
                let ran = uplink_is_handed(&mut c, &asked.bytes());
                assert_eq!(ran.verdict, Verdict::Redirect);
                assert_like(&ran, &got);
            }
            let (other, _) = exchange(client, (cast.node, PORT + 1), proto);
            if c.rig.has_tunnels() {
                let ran = overlay_gets(&mut c, &cast, &other.bytes());
                assert_eq!(ran.verdict, Verdict::Accept, "any other port is the host's");
            }
            if c.rig.has_routes() {
                let ran = c.a_sends(&answered.bytes());
                let mark = Cluster::<R>::pod_mark(REMOTE_NODE);
                assert_eq!((ran.verdict, ran.mark), (Verdict::Redirect, mark), "as this node's");
                assert_like(&ran, &shown);
                let meta = Meta { mark, ..Meta::default() };
                let left = c.overlay_hook(Hook::ToOverlay, &ran.frame, meta);
                assert_eq!((left.verdict, left.frame), (Verdict::Accept, ran.frame));
            }
        }
    }
}

pub(crate) fn only_the_pods_of_this_node_have_its_host_ports<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        for backend in [cast.node, cast.remote] {
            let mut c = Cluster::new(rig(), Mode::Vxlan);
            c.rig.route(9);
            outside(&mut c, cast.node, &[backend]);
            let (asked, _) = exchange((cast.remote, CLIENT), (cast.node, PORT), frames::TCP);
            c.expect_drop(DropReason::UnknownTarget, |c| uplink_is_handed(c, &asked.bytes()));
        }
    }
}

pub(crate) fn a_protected_host_judges_host_ports_of_the_overlay<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        let host = HostValue {
            protected: u32::MAX,
            ingress_policy: policy::NONE,
            egress_policy: policy::OPEN,
            backends: 1,
            yields: 0,
        };
        c.rig.host(host);
        outside(&mut c, cast.node, &[cast.a]);
        let client = (cast.remote, CLIENT);
        let (asked, _) = exchange(client, (cast.node, PORT), frames::UDP);
        let event =
            c.expect_drop(DropReason::EndpointNotReady, |c| uplink_is_handed(c, &asked.bytes()));
        assert_eq!((IpAddr::from(event.dst), event.dport), (cast.node, PORT));
        c.rig.host(HostValue { ingress_policy: policy::OPEN, ..host });
        let ran = uplink_is_handed(&mut c, &asked.bytes());
        assert_eq!(ran.verdict, Verdict::Redirect);
        assert_eq!(frames::addresses(&ran.frame).1, cast.a);
    }
}
