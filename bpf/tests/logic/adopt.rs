//! Connections that a host had before it was protected: its sockets say who opened them.

use skep_bpf::{
    abi::{Direction, DropReason, HostValue, Mode, policy},
    packet::Route,
};

use crate::{
    cluster::{Cast, Cluster},
    frames::{ACK, Frame, SYN},
    packet::OwnSocket,
    rig::{Rig, Verdict},
    simulation::Simulation,
};

const TCP: u8 = 6;
const UDP: u8 = 17;
/// No cells: nothing passes.
const CLOSED: u32 = 9;

/// A host that lets nothing through in one direction, with a socket.
fn cluster(closed: Direction, socket: OwnSocket) -> Cluster<Simulation> {
    let mut c = Cluster::new(Simulation::new(), Mode::Vxlan);
    let (ingress_policy, egress_policy) = match closed {
        Direction::Ingress => (CLOSED, policy::OPEN),
        _ => (policy::OPEN, CLOSED),
    };
    let protected = u32::MAX;
    c.rig.host(HostValue { protected, ingress_policy, egress_policy, ..HostValue::default() });
    c.rig.sockets.push(socket);
    c
}

#[test]
fn a_client_of_the_host_keeps_its_connection() {
    for cast in Cast::both() {
        let (node, world) = ((cast.node.into(), 50000), (cast.world.into(), 443));
        let packet = Frame::tcp((cast.world, 443), (cast.node, 50000), ACK).bytes();
        let mut c = cluster(Direction::Ingress, (TCP, node, Some(world)));
        assert_eq!(c.uplink_gets(&packet).verdict, Verdict::Accept, "judged as egress");
        let mut c = cluster(Direction::Egress, (TCP, node, Some(world)));
        let drop = c.expect_drop(DropReason::PolicyDenied, |c| c.uplink_gets(&packet));
        assert_eq!(drop.direction, Direction::Egress as u8);

        let datagram = Frame::udp((cast.world, 443), (cast.node, 50000), b"answer").bytes();
        let mut c = cluster(Direction::Ingress, (UDP, node, Some(world)));
        assert_eq!(c.uplink_gets(&datagram).verdict, Verdict::Accept);
        let mut c = cluster(Direction::Ingress, (UDP, node, None));
        let _ = c.expect_drop(DropReason::PolicyDenied, |c| c.uplink_gets(&datagram));
    }
}

#[test]
fn a_server_of_the_host_keeps_its_connections() {
    for cast in Cast::both() {
        let server = (cast.node.into(), 22);
        let answer = Frame::tcp((cast.node, 22), (cast.world, 50000), ACK).bytes();
        let request = Frame::tcp((cast.world, 50000), (cast.node, 22), ACK).bytes();
        let mut c = cluster(Direction::Egress, (TCP, server, None));
        assert_eq!(c.uplink_sends(&answer, 0).verdict, Verdict::Accept, "judged as ingress");
        assert_eq!(c.uplink_gets(&request).verdict, Verdict::Accept);
        let mut c = cluster(Direction::Ingress, (TCP, server, None));
        c.rig.sockets.push((TCP, server, Some((cast.world.into(), 50000))));
        for _ in 0..2 {
            let _ = c.expect_drop(DropReason::PolicyDenied, |c| c.uplink_gets(&request));
            let drop = c.expect_drop(DropReason::PolicyDenied, |c| c.uplink_sends(&answer, 0));
            assert_eq!(drop.direction, Direction::Ingress as u8);
        }
    }
}

#[test]
fn what_opens_a_connection_is_not_taken_for_an_old_one() {
    for cast in Cast::both() {
        let (node, world) = ((cast.node.into(), 50000), (cast.world.into(), 443));
        let mut c = cluster(Direction::Ingress, (TCP, node, Some(world)));
        let syn = Frame::tcp((cast.world, 443), (cast.node, 50000), SYN).bytes();
        let _ = c.expect_drop(DropReason::PolicyDenied, |c| c.uplink_gets(&syn));
        let stray = Frame::tcp((cast.world, 444), (cast.node, 50000), ACK).bytes();
        let _ = c.expect_drop(DropReason::PolicyDenied, |c| c.uplink_gets(&stray));
    }
}

#[test]
fn addresses_of_the_host_that_nobody_knows_are_protected_too() {
    for cast in Cast::both() {
        // The kernel says that its packets go no further.
        let unknown = if cast.node.is_ipv4() { "203.0.113.7" } else { "2001:db8:7::7" };
        let unknown = unknown.parse().expect("an address");
        let mut c = cluster(Direction::Ingress, (TCP, (cast.node.into(), 1), None));
        c.rig.route = Some(Route::ENDS);
        for ttl in [64, 1] {
            let from = |src| Frame::tcp((src, 1), (unknown, 80), SYN).ttl(ttl).bytes();
            let (world, pod) = (from(cast.world), from(cast.a));
            let _ = c.expect_drop(DropReason::PolicyDenied, |c| c.uplink_gets(&world));
            let _ = c.expect_drop(DropReason::PolicyDenied, |c| c.a_sends(&pod));
        }
        c.rig.route = Some(Route::by(9));
        let passing = Frame::tcp((cast.world, 1), (unknown, 80), SYN).bytes();
        assert_eq!(c.uplink_gets(&passing).verdict, Verdict::Accept, "forwarded by the kernel");
    }
}
