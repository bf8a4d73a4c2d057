//! Packets that leave by a node device: past the stack when the route is known.

use skep_bpf::{
    abi::{DeviceKind, DeviceValue, DropReason, Mode},
    door::Outcome,
    packet::Route,
};

use crate::{
    cluster::{Cast, Cluster},
    frames::{self, Frame, SYN},
    rig::{Rig, Verdict},
    simulation::Simulation,
};

const UPLINK: u32 = 9;

fn cluster(mode: Mode, kind: DeviceKind) -> Cluster<Simulation> {
    let mut c = Cluster::new(Simulation::new(), mode);
    c.rig.route = Some(Route::by(UPLINK));
    c.rig.other_device(UPLINK, DeviceValue { kind: kind as u32, ..DeviceValue::default() });
    c
}

#[test]
fn what_the_underlay_carries_leaves_by_the_device_of_its_route() {
    for cast in Cast::both() {
        for (mode, to) in [
            (Mode::Native, cast.remote),
            (Mode::Native, cast.other_node),
            (Mode::Native, cast.world),
            (Mode::Vxlan, cast.world),
            (Mode::Vxlan, cast.unready_node),
        ] {
            let mut c = cluster(mode, DeviceKind::Node);
            let ran = c.a_sends(&Frame::tcp((cast.a, 1), (to, 2), SYN).bytes());
            assert_eq!(c.rig.outcome, Some(Outcome::Neighbour(UPLINK)), "{mode:?} {to}");
            assert_eq!(frames::ttl(&ran.frame), 63);
            assert!(frames::sums_are_valid(&ran.frame));
        }
    }
}

#[test]
fn what_the_kernel_must_see_goes_through_the_stack() {
    for cast in Cast::both() {
        let frame = Frame::tcp((cast.a, 1), (cast.remote, 2), SYN);
        let mut c = cluster(Mode::Native, DeviceKind::Node);
        let ran = c.a_sends(&frame.clone().ttl(1).bytes());
        assert_eq!((c.rig.outcome, frames::ttl(&ran.frame)), (Some(Outcome::Accept), 1));

        let mut c = cluster(Mode::Native, DeviceKind::Pod);
        let ran = c.a_sends(&frame.clone().bytes());
        assert_eq!(c.rig.outcome, Some(Outcome::Accept), "no program would see it leave");
        assert_eq!(frames::ttl(&ran.frame), 64);

        let mut c = cluster(Mode::Native, DeviceKind::Node);
        c.rig.route = None;
        let _ = c.a_sends(&frame.bytes());
        assert_eq!(c.rig.outcome, Some(Outcome::Accept), "the kernel says that there is no route");
    }
}

#[test]
fn in_native_mode_pods_of_other_nodes_come_by_the_device_of_their_route() {
    for cast in Cast::both() {
        let frame = Frame::tcp((cast.remote, 1), (cast.a, 2), SYN).bytes();
        let mut c = cluster(Mode::Native, DeviceKind::Node);
        c.expect_drop(DropReason::InvalidSourceIp, |c| c.uplink_gets(&frame));
        c.rig.route = Some(Route::by(1));
        assert_eq!(c.uplink_gets(&frame).verdict, Verdict::Redirect);
    }
}
