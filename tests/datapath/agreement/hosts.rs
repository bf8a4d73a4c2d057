//! Policies of a host.

use std::net::IpAddr;

use proptest::prelude::TestCaseError;
use serde_json::Value;
use skep::{
    model::Labels,
    policy::{
        cluster::{Actor, Role},
        rule::Direction,
    },
};
use skep_bpf::abi::{
    HostValue, IpcacheKey, IpcacheValue, Mode as Routing, identity, ipcache_flags,
};

use super::{Peer, Try, compare, enforce, judge, outside, peer, random, read, try_all};
use crate::{
    cluster::{Cluster, IDENTITY_A},
    kernel_rig::KernelRig,
    rig::{Meta, Rig},
};

/// The node's own addresses in the rig.
const HOST: [&str; 2] = ["172.31.0.2", "fd31::2"];
/// A node that is known by its labels.
const BUILDER: u32 = identity::FIRST_NODE + 0x5_4321;
/// An API server outside of the cluster.
const API_V4: u32 = 1 << 24 | 1;

fn labelled(name: &str, role: Role, labels: &[(&str, &str)]) -> Actor {
    let cluster = ("k8s:io.cilium.k8s.policy.cluster", "default");
    let labels: Labels = labels.iter().copied().chain([cluster]).collect();
    Actor::new(name, role, labels)
}

/// The host itself is the first, and a pod of it the second.
fn everybody() -> Vec<Peer> {
    let host = [("reserved:host", ""), ("node:role", "worker"), ("node:zone", "east")];
    let pod = [("k8s:app", "a"), ("k8s:io.kubernetes.pod.namespace", "shop")];
    let node = [("reserved:remote-node", "")];
    let api = [("reserved:remote-node", ""), ("reserved:kube-apiserver", "")];
    let builder = [("reserved:remote-node", ""), ("node:role", "builder")];
    let away = [("reserved:kube-apiserver", ""), ("reserved:world-ipv4", "")];
    vec![
        peer(labelled("host", Role::Host, &host), identity::HOST, &HOST),
        peer(labelled("a", Role::Pod, &pod), IDENTITY_A, &["10.244.1.10", "fd00:10:244:1::a"]),
        peer(
            labelled("node", Role::Peer, &node),
            identity::REMOTE_NODE,
            &["172.31.0.3", "fd31::3"],
        ),
        peer(
            labelled("api", Role::Peer, &api),
            identity::KUBE_APISERVER,
            &["172.31.0.5", "fd31::5"],
        ),
        peer(labelled("builder", Role::Peer, &builder), BUILDER, &["172.31.0.6", "fd31::6"]),
        peer(labelled("away", Role::World, &away), API_V4, &["203.0.113.9"]),
        outside(9, "world-ipv4", &["198.51.100.7", "198.51.100.200"]),
        outside(10, "world-ipv6", &["2001:db8:1::7", "2001:db8:2::7"]),
    ]
}

/// Tells the datapath whose an address is.
fn place(c: &mut Cluster<KernelRig>, peer: &Peer, addr: IpAddr) {
    let (node_id, flags) = match peer.actor.role {
        Role::Peer => (2, ipcache_flags::NODE),
        _ if peer.identity.0 == API_V4 => (0, 0),
        _ => return,
    };
    let key = IpcacheKey { prefix_len: 128, addr: addr.into() };
    let identity = peer.identity.0;
    c.rig.ipcache(key, IpcacheValue { identity, node_id, flags, ..IpcacheValue::default() });
}

fn agree(policies: &[Value]) -> Result<(), TestCaseError> {
    let (accepted, settings) = read(policies)?;
    let judge = judge(&accepted, &settings);
    let all = everybody();
    let subject = &all[0].actor;
    let mut c = Cluster::new(KernelRig::new(), Routing::Vxlan);
    let (ingress_policy, egress_policy) = enforce(&mut c, &judge, subject, &all);
    let protected = u32::MAX;
    c.rig.host(HostValue { protected, ingress_policy, egress_policy, ..HostValue::default() });
    for peer in &all[1..] {
        peer.addrs.iter().for_each(|addr| place(&mut c, peer, *addr));
    }
    compare(&mut c, &judge, &all, policies, |c, Try { peer, way, frame }| {
        match (way, peer.actor.role == Role::Pod) {
            (Direction::Ingress, true) => c.a_sends(frame),
            (Direction::Ingress, false) => c.uplink_gets(frame),
            (Direction::Egress, true) => c.a_gets(frame, Meta::default()),
            (Direction::Egress, false) => c.uplink_sends(frame, 0),
        }
    })
}

#[test]
#[ignore = "needs root"]
fn programs_do_with_the_host_what_the_judge_says() {
    try_all(random::host_policies(), agree);
}
