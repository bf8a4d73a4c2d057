//! Random policies.

use proptest::prelude::*;
use serde_json::{Value, json};

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

pub(super) fn policies() -> impl Strategy<Value = Vec<Value>> {
    let one = prop_oneof![kubernetes(), cilium()];
    proptest::collection::vec(one, 1..5).prop_map(|mut all| {
        for (n, policy) in all.iter_mut().enumerate() {
            policy["metadata"] = json!({ "name": format!("p{n}"), "namespace": "shop" });
        }
        all
    })
}

/// A CiliumClusterwideNetworkPolicy for nodes.
fn for_hosts() -> impl Strategy<Value = Value> {
    let subject = proptest::sample::select(vec![
        json!({}),
        json!({ "matchLabels": { "role": "worker" } }),
        json!({ "matchLabels": { "role": "builder" } }),
        json!({ "matchExpressions": [{ "key": "zone", "operator": "In", "values": ["east"] }] }),
    ]);
    let from = proptest::sample::select(vec![
        json!({ "Entities": ["world"] }),
        json!({ "Entities": ["remote-node"] }),
        json!({ "Entities": ["kube-apiserver"] }),
        json!({ "Entities": ["cluster"] }),
        json!({ "Entities": ["all"] }),
        json!({ "Endpoints": [{ "matchLabels": { "app": "a" } }] }),
        json!({ "Nodes": [{ "matchLabels": { "role": "builder" } }] }),
        json!({ "CIDRSet": [{ "cidr": "198.51.100.0/24", "except": ["198.51.100.128/25"] }] }),
        json!({ "CIDR": ["203.0.113.0/24", "2001:db8::/32"] }),
    ]);
    let ports = proptest::sample::select(vec![
        json!(null),
        json!([{ "ports": [{ "port": "80", "protocol": "TCP" }] }]),
        json!([{ "ports": [{ "port": "8000", "endPort": 8100, "protocol": "ANY" }] }]),
        json!([{ "ports": [{ "port": "53", "protocol": "UDP" }] }]),
    ]);
    let rule = (from, ports, any::<bool>(), any::<bool>());
    (subject, proptest::collection::vec(rule, 1..4)).prop_map(|(subject, rules)| {
        let mut spec = json!({ "nodeSelector": subject });
        for (from, ports, ingress, deny) in rules {
            let (way, prefix) = if ingress { ("ingress", "from") } else { ("egress", "to") };
            let mut rule = json!({});
            for (field, value) in from.as_object().expect("an object") {
                rule[format!("{prefix}{field}")] = value.clone();
            }
            if !ports.is_null() {
                rule["toPorts"] = ports;
            }
            let way = if deny { format!("{way}Deny") } else { way.to_owned() };
            match spec[&way].as_array_mut() {
                Some(list) => list.push(rule),
                None => spec[&way] = json!([rule]),
            }
        }
        let kind = "CiliumClusterwideNetworkPolicy";
        json!({ "apiVersion": "cilium.io/v2", "kind": kind, "spec": spec })
    })
}

pub(super) fn host_policies() -> impl Strategy<Value = Vec<Value>> {
    proptest::collection::vec(for_hosts(), 1..5).prop_map(|mut all| {
        for (n, policy) in all.iter_mut().enumerate() {
            policy["metadata"] = json!({ "name": format!("p{n}") });
        }
        all
    })
}
