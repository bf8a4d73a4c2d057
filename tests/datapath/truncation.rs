//! Packets cut off at every byte: never anything but a verdict.

use skep_bpf::abi::Mode;

use crate::{
    cluster::{Cast, Cluster},
    frames::{self, Frame, SYN},
    kernel_rig::KernelRig,
    rig::{Hook, Meta, Rig as _, Verdict},
};

#[test]
#[ignore = "needs root"]
fn a_pods_packet_cut_anywhere_is_dropped() {
    for cast in Cast::both() {
        let mut c = Cluster::new(KernelRig::new(), Mode::Vxlan);
        let quoted = Frame::udp((cast.b, 1), (cast.a, 2), b"quoted").bytes();
        let datagram = Frame::udp((cast.a, 7), (cast.b, 9), &[1; 64]);
        let samples = [
            Frame::tcp((cast.a, 1), (cast.b, 2), SYN).bytes(),
            Frame::udp((cast.a, 1), (cast.b, 2), b"data").bytes(),
            Frame::echo(cast.a, cast.b, 3, false).bytes(),
            Frame::error(cast.a, cast.b, &quoted).bytes(),
            frames::fragments(&datagram, 32, 9).0,
        ];
        c.rig.device(Some(c.veth_a()));
        let mut runs = 0;
        for sample in &samples {
            for length in 0..sample.len() {
                // The kernel itself refuses to make a packet of fewer bytes than its headers.
                if let Some(ran) = c.rig.try_run(Hook::FromPod, &sample[..length], Meta::default())
                {
                    assert_eq!(ran.verdict, Verdict::Drop, "cut to {length}");
                    runs += 1;
                }
            }
        }
        assert!(runs > 100, "most truncations were run, not refused: {runs}");
    }
}

#[test]
#[ignore = "needs root"]
fn every_program_survives_every_truncation() {
    for cast in Cast::both() {
        let mut c = Cluster::new(KernelRig::new(), Mode::Vxlan);
        let frame = Frame::tcp((cast.a, 1), (cast.world, 2), SYN).bytes();
        for hook in Hook::ALL {
            for device in [c.veth_a(), c.uplink()] {
                c.rig.device(Some(device));
                for length in 14..frame.len() {
                    let _ = c.rig.try_run(hook, &frame[..length], Meta::default());
                }
            }
        }
    }
}
