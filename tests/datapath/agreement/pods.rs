//! Policies of a pod.

use proptest::prelude::TestCaseError;
use serde_json::Value;
use skep::{
    model::Labels,
    policy::{
        cluster::{Actor, NamedPort, Role},
        rule::{Direction, Protocol},
    },
};
use skep_bpf::abi::{IpcacheKey, IpcacheValue, Mode as Routing};

use super::{Peer, Try, compare, enforce, judge, outside, peer, random, read, try_all};
use crate::{
    cluster::Cluster,
    kernel_rig::KernelRig,
    rig::{Meta, Rig},
};

/// The mark of a packet that another program admitted, as coming from a pod (`abi::mark::POD`).
const FROM_POD: u32 = 0xF00;

fn pod(identity: u32, app: &str, tier: &str, http: u16, addrs: &[&str]) -> Peer {
    let own = [("app", app), ("tier", tier), ("io.kubernetes.pod.namespace", "shop")];
    let own = own.into_iter().chain([("io.cilium.k8s.policy.cluster", "default")]);
    let labels: Labels = own.map(|(key, value)| (format!("k8s:{key}"), value)).collect();
    let mut actor = Actor::new(app, Role::Pod, labels);
    actor.ports.push(NamedPort { name: "http".into(), protocol: Protocol::Tcp, port: http });
    peer(actor, identity, addrs)
}

/// Pod `a` itself is the first.
fn everybody() -> Vec<Peer> {
    vec![
        pod(1000, "a", "x", 80, &["10.244.1.10", "fd00:10:244:1::a"]),
        pod(3001, "b", "x", 8080, &["10.244.2.1", "fd00:10:244:2::1"]),
        pod(3002, "b", "y", 80, &["10.244.2.130", "fd00:10:244:2::82"]),
        pod(3003, "c", "y", 80, &["10.244.2.3", "fd00:10:244:2::3"]),
        outside(9, "world-ipv4", &["198.51.100.7", "198.51.100.200"]),
        outside(10, "world-ipv6", &["2001:db8:1::7", "2001:db8:2::7"]),
    ]
}

fn agree(policies: &[Value]) -> Result<(), TestCaseError> {
    let (accepted, settings) = read(policies)?;
    let judge = judge(&accepted, &settings);
    let all = everybody();
    let subject = &all[0].actor;
    let mut c = Cluster::new(KernelRig::new(), Routing::Vxlan);
    let numbers = enforce(&mut c, &judge, subject, &all);
    c.set_policies(0, numbers);
    for peer in all[1..].iter().filter(|peer| peer.identity.is_cluster()) {
        for addr in &peer.addrs {
            let key = IpcacheKey { prefix_len: 128, addr: (*addr).into() };
            let (identity, node_id) = (peer.identity.0, 2);
            c.rig.ipcache(key, IpcacheValue { identity, node_id, ..IpcacheValue::default() });
        }
    }
    compare(&mut c, &judge, &all, policies, |c, Try { peer, way, frame }| match way {
        Direction::Ingress => {
            let mark = FROM_POD | peer.identity.0 << 16;
            c.a_gets(frame, Meta { mark, ingress_ifindex: 1, tunnel: None })
        }
        Direction::Egress => c.a_sends(frame),
    })
}

#[test]
#[ignore = "needs root"]
fn programs_do_with_pods_what_the_judge_says() {
    try_all(random::policies(), agree);
}
