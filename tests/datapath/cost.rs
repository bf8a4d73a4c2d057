//! What the programs cost: verified instructions, and time on the established path.

use std::time::Duration;

use skep_bpf::abi::{Addr, EndpointValue, Mode, frontend_scope};

use crate::{
    cluster::{Cast, Cluster, DEVICE, IDENTITY_A, IDENTITY_B, endpoint},
    frames::{ACK, Frame, GATEWAY_MAC, POD_MAC, SYN},
    kernel_rig::KernelRig,
    rig::{Hook, Meta, Rig as _},
    scenarios::outside,
};

/// No program may need more; the kernel's own limit is a million. A node device's programs need most of it,
/// since they serve pods, the host and clients outside: verifying one takes some 150 ms at attachment.
const BUDGET: u32 = 110_000;

#[test]
#[ignore = "needs root"]
fn every_program_stays_within_its_verifier_budget() {
    let all = KernelRig::new().verified();
    all.iter().for_each(|(name, verified)| println!("verified {name} {verified}"));
    let beyond: Vec<_> = all.iter().filter(|(_, verified)| *verified >= BUDGET).collect();
    assert!(beyond.is_empty(), "too many verified instructions: {beyond:?}");
}

#[test]
#[ignore = "needs root"]
fn the_established_path_takes_about_a_hundred_nanoseconds() {
    for cast in Cast::both() {
        let family = if cast.a.is_ipv4() { "v4" } else { "v6" };
        for (name, dst, is_near) in [
            ("pod_to_pod", cast.b, true),
            ("pod_to_far_pod", cast.b, false),
            ("pod_to_overlay", cast.remote, true),
        ] {
            let mut c = Cluster::new(KernelRig::new(), Mode::Vxlan);
            if !is_near {
                c = c.without_near_pods();
            }
            let _ = c.a_sends(&Frame::tcp((cast.a, 1), (dst, 2), SYN).bytes());
            let _ = c.b_sends(&Frame::tcp((cast.b, 2), (cast.a, 1), SYN | ACK).bytes());
            // A run repeats on one packet: forwarded, it must look as if the pod had sent it again, and its
            // hops must last.
            let mirror =
                EndpointValue { mac: GATEWAY_MAC, host_mac: POD_MAC, ..endpoint(12, IDENTITY_B) };
            c.put_endpoint(Addr::from(cast.b), mirror);
            let frame = Frame::tcp((cast.a, 1), (dst, 2), ACK).ttl(255).bytes();
            c.rig.device(Some(c.veth_a()));
            let own = EndpointValue { ifindex: DEVICE, ..endpoint(11, IDENTITY_A) };
            c.put_endpoint(Addr::from(cast.a), own);
            let mut best = u128::MAX;
            for _ in 0..200 {
                let mean = c.rig.time(Hook::FromPod, &frame, Meta::default(), 200);
                best = best.min(mean.as_nanos());
            }
            println!("prog_run {name}_{family} {best} ns");
        }
    }
}

/// A translated packet cannot be run again, so that each run is one packet: what the kernel takes to begin
/// and to end a run is part of it, and of the packet that nobody translates.
fn once(mut run: impl FnMut() -> Duration) -> u128 {
    let mut times: Vec<u128> = (0..4000).map(|_| run().as_nanos()).collect();
    times.sort_unstable();
    times[times.len() / 2]
}

#[test]
#[ignore = "needs root"]
fn balancing_a_packet_takes_some_hundred_nanoseconds() {
    for cast in Cast::both() {
        let family = if cast.a.is_ipv4() { "v4" } else { "v6" };
        let client = (cast.world, 40_000);
        for (name, backend) in
            [("direct", None), ("local", Some(cast.a)), ("relayed", Some(cast.remote))]
        {
            let mut c = Cluster::new(KernelRig::new(), Mode::Vxlan);
            let to = match backend {
                Some(backend) => {
                    outside::outside(&mut c, cast.node, &[backend]);
                    (cast.node, outside::PORT)
                }
                None => (cast.a, outside::TARGET),
            };
            let frame = Frame::tcp(client, to, SYN).bytes();
            let _ = c.uplink_gets(&frame);
            let ack = Frame::tcp(client, to, ACK).bytes();
            let meta = Meta { ingress_ifindex: 1, ..Meta::default() };
            let time = once(|| c.rig.time(Hook::FromNetdev, &ack, meta, 1));
            println!("prog_run from_outside_{name}_{family} {time} ns");
        }
        for (name, vip) in [("direct", None), ("service", Some(cast.vip))] {
            let mut c = Cluster::new(KernelRig::new(), Mode::Vxlan);
            let scope = frontend_scope::INTERNAL;
            outside::expose(&mut c, cast.vip, scope, &[cast.b]);
            let to = vip.map_or((cast.b, outside::TARGET), |vip| (vip, outside::PORT));
            let frame = Frame::udp((cast.a, 40_000), to, b"question").bytes();
            let _ = c.a_sends(&frame);
            let time = once(|| c.rig.time(Hook::FromPod, &frame, Meta::default(), 1));
            println!("prog_run from_pod_{name}_{family} {time} ns");
        }
    }
}
