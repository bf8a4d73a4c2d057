//! Random policies: what the programs do with a packet is what the judge says of it, who shares no code
//! with the compiler, the maps or the programs.

use std::{net::IpAddr, sync::Arc};

use proptest::{
    prelude::*,
    test_runner::{Config, RngSeed, TestRunner},
};
use serde_json::{Value, json};
use skep::{
    maps,
    model::{Identity, Labels},
    policy::{
        Input,
        cluster::{Actor, NamedPort, Role},
        compile::{KnownIdentity, Subject, compile},
        judge::{Deciding, Judge, Mode, Packet, PeerMatcher, Side, Verdict as Judged},
        parse::Settings,
        rule::{Direction, Policy, Protocol},
        text::{Document, Node},
    },
};
use skep_bpf::abi::{
    DropReason, IdentityValue, IpcacheKey, IpcacheValue, Mode as Routing, policy as numbers,
};

use crate::{
    cluster::Cluster,
    frames::{Frame, SYN},
    kernel_rig::KernelRig,
    rig::{Meta, Rig, Verdict},
};

/// Sets of policies that are tried; each is a hundred packets.
const CASES: u32 = 24;
/// The mark of a packet that another program admitted, as coming from a pod (`abi::mark::POD`).
const FROM_POD: u32 = 0xF00;
const INGRESS: u32 = 7;
const EGRESS: u32 = 9;

/// Who may meet pod `a`.
struct Peer {
    actor: Actor,
    identity: Identity,
    addrs: [IpAddr; 2],
}

fn pod(identity: u32, app: &str, tier: &str, http: u16, addrs: [&str; 2]) -> Peer {
    let own = [("app", app), ("tier", tier), ("io.kubernetes.pod.namespace", "shop")];
    let own = own.into_iter().chain([("io.cilium.k8s.policy.cluster", "default")]);
    let labels: Labels = own.map(|(key, value)| (format!("k8s:{key}"), value)).collect();
    let mut actor = Actor::new(app, Role::Pod, labels);
    actor.ports.push(NamedPort { name: "http".into(), protocol: Protocol::Tcp, port: http });
    peer(actor, identity, addrs)
}

fn peer(actor: Actor, identity: u32, addrs: [&str; 2]) -> Peer {
    let addrs = addrs.map(|addr| addr.parse().expect("an address"));
    Peer { actor, identity: Identity(identity), addrs }
}

fn outside(identity: u32, name: &str, addrs: [&str; 2]) -> Peer {
    let labels = Labels::from_iter([(format!("reserved:{name}"), "")]);
    peer(Actor::new(name, Role::World, labels), identity, addrs)
}

/// Pod `a` itself is the first.
fn everybody() -> Vec<Peer> {
    vec![
        pod(1000, "a", "x", 80, ["10.244.1.10", "fd00:10:244:1::a"]),
        pod(3001, "b", "x", 8080, ["10.244.2.1", "fd00:10:244:2::1"]),
        pod(3002, "b", "y", 80, ["10.244.2.130", "fd00:10:244:2::82"]),
        pod(3003, "c", "y", 80, ["10.244.2.3", "fd00:10:244:2::3"]),
        outside(9, "world-ipv4", ["198.51.100.7", "198.51.100.200"]),
        outside(10, "world-ipv6", ["2001:db8:1::7", "2001:db8:2::7"]),
    ]
}

fn selector() -> impl Strategy<Value = Value> {
    proptest::sample::select(vec![
        json!({}),
        json!({ "matchLabels": { "app": "a" } }),
        json!({ "matchLabels": { "app": "b" } }),
        json!({ "matchLabels": { "tier": "y" } }),
        json!({ "matchExpressions": [{ "key": "app", "operator": "NotIn", "values": ["b"] }] }),
        json!({ "matchExpressions": [{ "key": "tier", "operator": "DoesNotExist" }] }),
    ])
}

fn cidr() -> impl Strategy<Value = Value> {
    proptest::sample::select(vec![
        json!({ "cidr": "10.244.2.0/24", "except": ["10.244.2.128/25"] }),
        json!({ "cidr": "0.0.0.0/0" }),
        json!({ "cidr": "198.51.100.0/24", "except": ["198.51.100.128/25"] }),
        json!({ "cidr": "::/0", "except": ["2001:db8:2::/48"] }),
        json!({ "cidr": "fd00:10:244:2::/64" }),
    ])
}

fn ports() -> impl Strategy<Value = Value> {
    proptest::sample::select(vec![
        json!([]),
        json!([{ "port": 80 }]),
        json!([{ "port": "http" }]),
        json!([{ "port": 8000, "endPort": 9000 }, { "port": 53, "protocol": "UDP" }]),
        json!([{ "protocol": "UDP" }]),
    ])
}

/// A NetworkPolicy.
fn kubernetes() -> impl Strategy<Value = Value> {
    let from = prop_oneof![
        selector().prop_map(|s| json!({ "podSelector": s })),
        cidr().prop_map(|c| json!({ "ipBlock": c })),
    ];
    let rule = (proptest::collection::vec(from, 0..3), ports());
    let rules = proptest::collection::vec(rule, 0..3);
    (selector(), any::<bool>(), rules).prop_map(|(subject, ingress, rules)| {
        let (way, peers) = if ingress { ("ingress", "from") } else { ("egress", "to") };
        let rules: Vec<Value> =
            rules.into_iter().map(|(list, ports)| json!({ peers: list, "ports": ports })).collect();
        let kind = if ingress { "Ingress" } else { "Egress" };
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "spec": { "podSelector": subject, "policyTypes": [kind], way: rules },
        })
    })
}

/// A CiliumNetworkPolicy.
fn cilium() -> impl Strategy<Value = Value> {
    let from = proptest::sample::select(vec![
        json!({ "Endpoints": [{ "matchLabels": { "app": "b" } }] }),
        json!({ "Endpoints": [{}] }),
        json!({ "Entities": ["world"] }),
        json!({ "Entities": ["cluster"] }),
        json!({ "Entities": ["all"] }),
        json!({ "CIDRSet": [{ "cidr": "198.51.100.0/24", "except": ["198.51.100.128/25"] }] }),
        json!({ "CIDR": ["2001:db8::/32"] }),
    ]);
    let ports = proptest::sample::select(vec![
        json!(null),
        json!([{ "ports": [{ "port": "80", "protocol": "TCP" }] }]),
        json!([{ "ports": [{ "port": "8000", "endPort": 8100, "protocol": "ANY" }] }]),
        json!([{ "ports": [{ "port": "http" }] }]),
        json!([{ "ports": [{ "port": "80", "protocol": "TCP" }],
                 "rules": { "http": [{ "method": "GET" }] } }]),
    ]);
    let icmp = proptest::sample::select(vec![
        json!([{ "fields": [{ "type": 8, "family": "IPv4" }] }]),
        json!([{ "fields": [{ "type": 128, "family": "IPv6" }] }]),
    ]);
    let rule = (from, ports, icmp, 0..4_u8, any::<bool>(), any::<bool>());
    (selector(), proptest::collection::vec(rule, 1..4)).prop_map(|(subject, rules)| {
        let mut spec = json!({ "endpointSelector": subject });
        for (from, ports, icmp, what, ingress, deny) in rules {
            let (way, prefix) = if ingress { ("ingress", "from") } else { ("egress", "to") };
            let mut rule = json!({});
            for (field, value) in from.as_object().expect("an object") {
                rule[format!("{prefix}{field}")] = value.clone();
            }
            let has_l7 = ports.to_string().contains("rules");
            match what {
                0 => rule["icmps"] = icmp,
                _ if !(ports.is_null() || deny && has_l7) => rule["toPorts"] = ports,
                _ => {}
            }
            let way = if deny { format!("{way}Deny") } else { way.to_owned() };
            match spec[&way].as_array_mut() {
                Some(list) => list.push(rule),
                None => spec[&way] = json!([rule]),
            }
        }
        json!({ "apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "spec": spec })
    })
}

fn policies() -> impl Strategy<Value = Vec<Value>> {
    let one = prop_oneof![kubernetes(), cilium()];
    proptest::collection::vec(one, 1..5).prop_map(|mut all| {
        for (n, policy) in all.iter_mut().enumerate() {
            policy["metadata"] = json!({ "name": format!("p{n}"), "namespace": "shop" });
        }
        all
    })
}

fn packets() -> Vec<Packet> {
    let tcp = [80, 8080, 443].map(|port| Packet { protocol: Protocol::Tcp, port });
    let udp = Packet { protocol: Protocol::Udp, port: 53 };
    let pings = [(Protocol::Icmp, 8), (Protocol::Icmpv6, 128)];
    let pings = pings.map(|(protocol, port)| Packet { protocol, port });
    tcp.into_iter().chain([udp]).chain(pings).collect()
}

/// Returns why a packet should be dropped, if it should.
fn judged(
    judge: &Judge<'_>,
    peer: &Peer,
    addr: IpAddr,
    way: Direction,
    packet: Packet,
) -> Option<DropReason> {
    let subject = everybody().remove(0).actor;
    let other = peer.actor.clone().with_addr(addr);
    let rules = judge.rules_of(&subject, way);
    let about: Vec<_> =
        rules.iter().copied().filter(|(_, rule)| judge.peers.matches(rule, &other)).collect();
    let side =
        Side { subject: &subject, peer: &other, direction: way, rules: &rules, about: &about };
    let decision = judge.judge(&side, packet);
    match (decision.verdict, decision.deciding) {
        (Judged::Deny, Deciding::Rule(_)) => Some(DropReason::PolicyDeny),
        (Judged::Deny, _) => Some(DropReason::PolicyDenied),
        (Judged::Redirect, _) => Some(DropReason::ProxyMissing),
        (Judged::Auth, _) => Some(DropReason::AuthRequired),
        _ => None,
    }
}

/// Writes the tables of pod `a` into the maps.
fn enforce(c: &mut Cluster<KernelRig>, judge: &Judge<'_>, known: &[KnownIdentity]) {
    let subject = everybody().remove(0).actor;
    let mut assigned = Vec::new();
    for (number, way) in [(INGRESS, Direction::Ingress), (EGRESS, Direction::Egress)] {
        let subject = Subject::of(judge, &subject, way);
        if subject.is_open() {
            assigned.push(numbers::OPEN);
            continue;
        }
        let table = compile(judge, &subject, known.iter()).expect("few classes");
        let flag = if table.addresses().is_empty() { 0 } else { numbers::BY_ADDRESS };
        let entries = maps::encode(&table, number | flag, |_| 1);
        entries.identities.into_iter().for_each(|(key, class)| c.rig.identity_class(key, class));
        entries.addresses.into_iter().for_each(|(key, class)| c.rig.addr_class(key, class));
        entries.ports.into_iter().for_each(|(key, class)| c.rig.port_class(key, class));
        entries.cells.into_iter().for_each(|(key, cell)| c.rig.cell(key, cell));
        assigned.push(number | flag);
    }
    c.set_policies(0, (assigned[0], assigned[1]));
    for identity in known {
        let scope = u32::from(identity.scope().class());
        c.rig.identity(identity.number.0, IdentityValue { scope, flags: 0 });
    }
}

fn frame(from: (IpAddr, u16), to: IpAddr, packet: Packet) -> Vec<u8> {
    match packet.protocol {
        Protocol::Udp => Frame::udp(from, (to, packet.port), b"?").bytes(),
        Protocol::Icmp | Protocol::Icmpv6 => Frame::echo(from.0, to, from.1, false).bytes(),
        _ => Frame::tcp(from, (to, packet.port), SYN).bytes(),
    }
}

fn agree(policies: &[Value]) -> Result<(), TestCaseError> {
    let mut input = Input::new(Settings::default());
    for policy in policies {
        let document = Document { file: Arc::from(""), root: Node::from(policy) };
        input.add(&document).expect("names differ");
    }
    let problems: Vec<String> = input.problems().map(ToString::to_string).collect();
    let accepted: Vec<Arc<Policy>> = input.policies();
    prop_assert_eq!(accepted.len(), policies.len(), "{:?}", problems);
    let matcher = PeerMatcher { services: &[], groups: &[], cluster: "default" };
    let (mode, compat) = (Mode::Default, input.settings.compat);
    let judge = Judge { policies: &accepted, peers: matcher, mode, compat };
    let all = everybody();
    let known: Vec<KnownIdentity> = all
        .iter()
        .map(|peer| KnownIdentity { number: peer.identity, actor: peer.actor.clone() })
        .collect();
    let mut c = Cluster::new(KernelRig::new(), Routing::Vxlan);
    enforce(&mut c, &judge, &known);
    let mut port = 20_000;
    for peer in &all[1..] {
        for (addr, own) in peer.addrs.into_iter().flat_map(|addr| {
            let own = all[0].addrs.into_iter().find(|own| own.is_ipv4() == addr.is_ipv4());
            own.map(|own| (addr, own))
        }) {
            if peer.identity.is_cluster() {
                let key = IpcacheKey { prefix_len: 128, addr: addr.into() };
                let (identity, node_id) = (peer.identity.0, 2);
                c.rig.ipcache(key, IpcacheValue { identity, node_id, ..IpcacheValue::default() });
            }
            for packet in packets() {
                let icmp = matches!(packet.protocol, Protocol::Icmp | Protocol::Icmpv6);
                if icmp && addr.is_ipv4() != (packet.protocol == Protocol::Icmp) {
                    continue;
                }
                for way in [Direction::Ingress, Direction::Egress] {
                    port += 1;
                    let _ = c.rig.events();
                    let ran = match way {
                        Direction::Ingress => {
                            let mark = FROM_POD | peer.identity.0 << 16;
                            let meta = Meta { mark, ingress_ifindex: 1, tunnel: None };
                            c.a_gets(&frame((addr, port), own, packet), meta)
                        }
                        Direction::Egress => c.a_sends(&frame((own, port), addr, packet)),
                    };
                    let code = c.rig.events().first().map_or(0, |event| event.reason);
                    let reason = (ran.verdict == Verdict::Drop).then_some(code);
                    let expected = judged(&judge, peer, addr, way, packet).map(DropReason::code);
                    prop_assert_eq!(
                        reason,
                        expected,
                        "{:?} {} {} {:?} of {}",
                        way,
                        peer.actor.name,
                        addr,
                        packet,
                        serde_json::to_string_pretty(policies).expect("JSON")
                    );
                }
            }
        }
    }
    Ok(())
}

#[test]
#[ignore = "needs root"]
fn programs_do_what_the_judge_says() {
    // No files in a virtual machine, so nothing is remembered; the seed makes a failure repeatable.
    let seed = std::env::var("SKEP_SEED").ok().and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or_else(rand::random);
    println!("SKEP_SEED={seed}");
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(seed),
        ..Config::default()
    };
    let ran = TestRunner::new(config).run(&policies(), |set| agree(&set));
    if let Err(error) = ran {
        panic!("{error}");
    }
}
