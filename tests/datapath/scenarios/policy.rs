//! What policies say: tables are written by hand here, so that look-ups are tested and nothing else.

use std::net::IpAddr;

use skep_bpf::abi::{
    ADDR_PREFIX, Addr, CellVerdict, Direction, DropReason, IdentityValue, IpcacheKey, IpcacheValue,
    Mode, PORT_PREFIX, PolicyAddrKey, PolicyCell, PolicyCellKey, PolicyIdentityKey, PolicyPortKey,
    config_flags, event_flags, event_kind, identity, ipcache_flags, policy, scope,
};

use crate::{
    cluster::{Cast, Cluster, IDENTITY_A, IDENTITY_B},
    frames::{ACK, Frame, SYN},
    rig::{Meta, Rig, Verdict},
};

const TCP: u8 = 6;
/// The policy under test, and rules of it.
const POLICY: u32 = 5;
const ALLOWS: u32 = 71;
const REFUSES: u32 = 72;

/// Writes a cell; its key is (identity class, address class, port class).
fn cell<R: Rig>(
    c: &mut Cluster<R>,
    policy: u32,
    (identity, address, port): (u16, u16, u16),
    verdict: CellVerdict,
    rule_id: u32,
) {
    let key = PolicyCellKey { policy, identity, address, port, reserved: 0 };
    c.rig.cell(key, PolicyCell { verdict: verdict as u8, rule_id, ..PolicyCell::default() });
}

fn port<R: Rig>(c: &mut Cluster<R>, proto: u8, (port, bits): (u16, u32), class: u32) {
    let key = PolicyPortKey {
        prefix_len: PORT_PREFIX + bits,
        policy: POLICY,
        proto,
        reserved: 0,
        port_be: port.to_be_bytes(),
    };
    c.rig.port_class(key, class);
}

/// Pod `a` may reach pod `b` on port 80 and nobody else may anything; `direction` says on whose side.
fn isolated<R: Rig>(rig: R, direction: Direction) -> Cluster<R> {
    let mut c = Cluster::new(rig, Mode::Vxlan);
    let peer = match direction {
        Direction::Egress => {
            c.set_policies(0, (policy::OPEN, POLICY));
            IDENTITY_B
        }
        _ => {
            c.set_policies(1, (POLICY, policy::OPEN));
            IDENTITY_A
        }
    };
    for identity in [IDENTITY_A, IDENTITY_B] {
        c.rig.identity(identity, IdentityValue { scope: scope::POD, flags: 0 });
    }
    c.rig.identity_class(PolicyIdentityKey { policy: POLICY, identity: peer }, 4);
    port(&mut c, TCP, (80, 16), 1);
    for class in [0, 1] {
        for scope in 0..4 {
            cell(&mut c, POLICY, (scope, 0, class), CellVerdict::Isolated, REFUSES);
        }
    }
    cell(&mut c, POLICY, (4, 0, 1), CellVerdict::Allow, ALLOWS);
    c
}

fn syn(cast: &Cast, port: u16) -> Vec<u8> {
    Frame::tcp((cast.a, 40000), (cast.b, port), SYN).bytes()
}

fn reply(cast: &Cast) -> Vec<u8> {
    Frame::tcp((cast.b, 80), (cast.a, 40000), SYN | ACK).bytes()
}

pub(crate) fn nothing_passes_before_a_policy_is_known<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        for policies in [(policy::OPEN, policy::NONE), (policy::NONE, policy::OPEN)] {
            let mut c = Cluster::new(rig(), Mode::Vxlan);
            c.set_policies(0, policies);
            c.set_policies(1, policies);
            let _ = c.expect_drop(DropReason::EndpointNotReady, |c| c.a_sends(&syn(&cast, 80)));
            assert!(c.rig.connections().is_empty());
        }
    }
}

pub(crate) fn a_policy_admits_by_identity_and_port<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        for (direction, endpoint) in [(Direction::Ingress, 12), (Direction::Egress, 11)] {
            let mut c = isolated(rig(), direction);
            let _ = c.expect_forwarded(Direction::Ingress, Verdict::Redirect, |c| {
                c.a_sends(&syn(&cast, 80))
            });
            let events = c.rig.events();
            let kinds: Vec<u8> = events.iter().map(|event| event.kind).collect();
            assert_eq!(kinds, [event_kind::TRACE, event_kind::VERDICT]);
            assert_eq!(events[0].rule_id, 0);
            let told = events[1];
            assert_eq!((told.rule_id, told.flags, told.endpoint_id), (ALLOWS, 0, endpoint));
            assert_eq!((told.direction, told.dport), (direction as u8, 80));
            let _ = c.a_sends(&syn(&cast, 80));
            assert!(c.rig.events().is_empty(), "asked once for a connection");

            let drop = c.expect_drop(DropReason::PolicyDenied, |c| c.a_sends(&syn(&cast, 81)));
            assert_eq!((drop.rule_id, drop.endpoint_id), (REFUSES, endpoint));
            assert_eq!((drop.direction, drop.dport), (direction as u8, 81));
        }
    }
}

pub(crate) fn every_verdict_has_its_reason<R: Rig>(rig: impl Fn() -> R) {
    let reasons = [
        (CellVerdict::Deny, DropReason::PolicyDeny),
        (CellVerdict::Isolated, DropReason::PolicyDenied),
        (CellVerdict::Redirect, DropReason::ProxyMissing),
        (CellVerdict::Auth, DropReason::AuthRequired),
        (CellVerdict::Unlearned, DropReason::ProxyMissing),
    ];
    for cast in Cast::both() {
        for (verdict, reason) in reasons {
            let mut c = isolated(rig(), Direction::Ingress);
            cell(&mut c, POLICY, (4, 0, 1), verdict, 73);
            let drop = c.expect_drop(reason, |c| c.a_sends(&syn(&cast, 80)));
            assert_eq!(drop.rule_id, 73);
            // The whole agent audits: it passes, and is told.
            c.config.flags |= config_flags::AUDIT;
            let config = c.config;
            c.rig.config(config);
            assert_eq!(c.a_sends(&syn(&cast, 80)).verdict, Verdict::Redirect);
            let told = c.rig.events().into_iter().find(|event| event.kind == event_kind::VERDICT);
            let told = told.expect("an audited packet is told");
            assert_eq!((told.rule_id, told.flags), (73, event_flags::AUDIT));
        }
        let mut c = isolated(rig(), Direction::Ingress);
        cell(&mut c, POLICY, (4, 0, 1), CellVerdict::Audit, 74);
        assert_eq!(c.a_sends(&syn(&cast, 80)).verdict, Verdict::Redirect);
        let told = c.rig.events().into_iter().find(|event| event.kind == event_kind::VERDICT);
        assert_eq!(told.map(|event| (event.rule_id, event.flags)), Some((74, event_flags::AUDIT)));
    }
}

pub(crate) fn what_is_not_known_is_nobody<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = isolated(rig(), Direction::Ingress);
        // Its class is still there, but the identity is not known any more.
        c.rig.identity(IDENTITY_A, IdentityValue { scope: scope::UNKNOWN, flags: 0 });
        let _ = c.expect_drop(DropReason::PolicyDenied, |c| c.a_sends(&syn(&cast, 80)));
        cell(&mut c, POLICY, (0, 0, 1), CellVerdict::Allow, ALLOWS);
        assert_eq!(c.a_sends(&syn(&cast, 80)).verdict, Verdict::Redirect);
        // A policy without any cell admits nothing, audited or not.
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        c.config.flags |= config_flags::AUDIT;
        let config = c.config;
        c.rig.config(config);
        c.set_policies(1, (POLICY, policy::OPEN));
        let drop = c.expect_drop(DropReason::PolicyDenied, |c| c.a_sends(&syn(&cast, 80)));
        assert_eq!(drop.rule_id, 0);
    }
}

pub(crate) fn an_absent_cell_is_that_of_the_scope<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = isolated(rig(), Direction::Ingress);
        cell(&mut c, POLICY, (1, 0, 0), CellVerdict::Allow, ALLOWS);
        assert_eq!(c.a_sends(&syn(&cast, 81)).verdict, Verdict::Redirect);
    }
}

pub(crate) fn the_longest_prefix_of_a_port_counts<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = isolated(rig(), Direction::Ingress);
        port(&mut c, TCP, (8080, 12), 2);
        port(&mut c, TCP, (8081, 16), 3);
        port(&mut c, 17, (0, 0), 2);
        cell(&mut c, POLICY, (4, 0, 2), CellVerdict::Allow, ALLOWS);
        for (wanted, verdict) in [
            (8079, Verdict::Drop),
            (8080, Verdict::Redirect),
            (8081, Verdict::Drop),
            (8095, Verdict::Redirect),
            (8096, Verdict::Drop),
        ] {
            assert_eq!(c.a_sends(&syn(&cast, wanted)).verdict, verdict, "{wanted}");
        }
        let udp = Frame::udp((cast.a, 40000), (cast.b, 53), b"query").bytes();
        assert_eq!(c.a_sends(&udp).verdict, Verdict::Redirect, "all ports of a protocol");
    }
}

pub(crate) fn addresses_count_where_a_policy_says_so<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let number = POLICY | policy::BY_ADDRESS;
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        c.set_policies(1, (number, policy::OPEN));
        c.rig.identity(IDENTITY_A, IdentityValue { scope: scope::POD, flags: 0 });
        let own = Addr::from(cast.a);
        let key =
            |bits| PolicyAddrKey { prefix_len: ADDR_PREFIX + bits, policy: number, addr: own };
        c.rig.addr_class(key(96), 2);
        c.rig.addr_class(key(128), 1);
        cell(&mut c, number, (1, 0, 0), CellVerdict::Isolated, REFUSES);
        cell(&mut c, number, (1, 1, 0), CellVerdict::Allow, ALLOWS);
        cell(&mut c, number, (1, 2, 0), CellVerdict::Deny, REFUSES);
        assert_eq!(c.a_sends(&syn(&cast, 80)).verdict, Verdict::Redirect);
        c.rig.addr_class(key(128), 2);
        let _ = c.expect_drop(DropReason::PolicyDeny, |c| c.a_sends(&syn(&cast, 81)));
    }
}

pub(crate) fn a_change_cuts_what_it_must_whoever_speaks<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        for direction in [Direction::Ingress, Direction::Egress] {
            let mut c = isolated(rig(), direction);
            let _ = c.a_sends(&syn(&cast, 80));
            assert_eq!(c.b_sends(&reply(&cast)).verdict, Verdict::Redirect);
            // Nothing changes for a connection that is still allowed.
            c.rig.revision(8);
            assert_eq!(c.b_sends(&reply(&cast)).verdict, Verdict::Redirect);
            cell(&mut c, POLICY, (4, 0, 1), CellVerdict::Deny, REFUSES);
            assert_eq!(c.b_sends(&reply(&cast)).verdict, Verdict::Redirect, "judged before");
            c.rig.revision(9);
            // The opener's leg and the responder's, by a reply and by what the opener sends.
            let drop = c.expect_drop(DropReason::PolicyDeny, |c| c.b_sends(&reply(&cast)));
            assert_eq!((drop.direction, drop.rule_id), (direction as u8, REFUSES));
            let ack = Frame::tcp((cast.a, 40000), (cast.b, 80), ACK).bytes();
            let _ = c.expect_drop(DropReason::PolicyDeny, |c| c.a_sends(&ack));
        }
    }
}

pub(crate) fn icmp_is_judged_by_its_type<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let IpAddr::V4(_) = cast.a else {
            ping(rig(), &cast, (58, 128));
            continue;
        };
        ping(rig(), &cast, (1, 8));
    }
}

fn ping<R: Rig>(rig: R, cast: &Cast, (proto, request): (u8, u16)) {
    let mut c = isolated(rig, Direction::Ingress);
    let echo = Frame::echo(cast.a, cast.b, 9, false).bytes();
    let answer = Frame::echo(cast.b, cast.a, 9, true).bytes();
    let _ = c.expect_drop(DropReason::PolicyDenied, |c| c.a_sends(&echo));
    port(&mut c, proto, (request, 16), 1);
    assert_eq!(c.a_sends(&echo).verdict, Verdict::Redirect);
    c.rig.revision(8);
    assert_eq!(c.b_sends(&answer).verdict, Verdict::Redirect, "a reply is about the request");
}

/// Identities that only this node knows do not fit a mark: what the kernel must look at first arrives at
/// the pod all the same, from whom it was.
pub(crate) fn the_stack_does_not_change_who_sent_a_packet<R: Rig>(rig: impl Fn() -> R) {
    const OUTSIDE: u32 = 1 << 24 | 1;
    let nodes = identity::FIRST_NODE + 0x1_2345;
    for (cast, (sender, node_id, scope)) in Cast::both().into_iter().flat_map(|cast| {
        [(OUTSIDE, 0, scope::WORLD), (nodes, 2, scope::NODE)].map(|peer| (cast, peer))
    }) {
        let mut c = Cluster::new(rig(), Mode::Native);
        let from = if node_id == 0 { cast.world } else { cast.other_node };
        let flags = if node_id == 0 { 0 } else { ipcache_flags::NODE };
        let key = IpcacheKey { prefix_len: 128, addr: Addr::from(from) };
        c.rig.ipcache(key, IpcacheValue { identity: sender, node_id, flags, ..Default::default() });
        c.rig.identity(sender, IdentityValue { scope, flags: 0 });
        c.rig.identity_class(PolicyIdentityKey { policy: POLICY, identity: sender }, 4);
        c.set_policies(0, (POLICY, policy::OPEN));
        for scope in 0..4 {
            cell(&mut c, POLICY, (scope, 0, 0), CellVerdict::Isolated, REFUSES);
        }
        cell(&mut c, POLICY, (4, 0, 0), CellVerdict::Allow, ALLOWS);
        let last_hop = Frame::tcp((from, 40000), (cast.a, 80), SYN).ttl(1).bytes();
        let ran = c.uplink_gets(&last_hop);
        assert_eq!(ran.verdict, Verdict::Accept, "left to the kernel");
        let meta = Meta { mark: ran.mark, ingress_ifindex: 1, tunnel: None };
        let _ = c.rig.events();
        assert_eq!(c.a_gets(&last_hop, meta).verdict, Verdict::Accept);
        assert!(c.rig.events().iter().all(|event| event.src_identity == sender));
        let forged = Meta { mark: 0, ..meta };
        if node_id != 0 {
            c.expect_drop(DropReason::InvalidSourceIp, |c| c.a_gets(&last_hop, forged));
        }
    }
}
