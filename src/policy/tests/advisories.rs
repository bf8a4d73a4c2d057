//! What went wrong elsewhere, one test for each advisory that policies can be told apart by.

use serde_json::{Value, json};

use super::{input, verdicts::verdicts};
use crate::policy::{
    judge::{Mode, Packet},
    parse::Compat,
    rule::Protocol,
};

fn pod(namespace: &str, name: &str, labels: Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "namespace": namespace, "name": name, "labels": labels },
        "spec": { "containers": [] },
    })
}

fn namespace(name: &str, team: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": { "name": name, "labels": { "team": team } },
    })
}

/// A cluster with pods of two namespaces; `evil/liar` has labels that look like metadata.
fn cluster() -> Vec<Value> {
    let lies = json!({
        "app": "web", "role": "gpu",
        "io.kubernetes.pod.namespace": "shop",
        "io.cilium.k8s.namespace.labels.team": "shop",
        "io.cilium.k8s.policy.serviceaccount": "admin",
        "io.cilium.k8s.policy.cluster": "other",
        "reserved.host": "",
    });
    vec![
        namespace("shop", "shop"),
        namespace("evil", "evil"),
        pod("shop", "api", json!({ "app": "api" })),
        pod("shop", "web", json!({ "app": "web" })),
        pod("shop", "db", json!({ "app": "db" })),
        pod("evil", "liar", lies),
        pod("evil", "api", json!({ "app": "api" })),
    ]
}

fn cilium(rules: Value) -> Value {
    let mut spec = json!({ "endpointSelector": { "matchLabels": { "app": "api" } } });
    spec.as_object_mut().unwrap().extend(rules.as_object().unwrap().clone());
    json!({
        "apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy",
        "metadata": { "namespace": "shop", "name": "p" }, "spec": spec,
    })
}

/// Returns what `shop/api`, or another pod, does with what comes to a TCP port: `a`llow, `d`eny,
/// `r`edirect or `-` for no policy; the same under both readings.
fn ingress_of(to: &str, policy: &Value, from: &str, port: u16) -> char {
    let found = [Compat::Kubernetes, Compat::Cilium].map(|compat| {
        let items: Vec<Value> = cluster().into_iter().chain([policy.clone()]).collect();
        let text = json!({ "kind": "List", "items": items }).to_string();
        let input = input(compat, &[&text]);
        let problems: Vec<String> = input.problems().map(ToString::to_string).collect();
        assert!(problems.is_empty(), "{problems:?}");
        let peers = if from.contains(':') { vec![from] } else { Vec::new() };
        let packets = [Packet { protocol: Protocol::Tcp, port }];
        let cells = verdicts(&input, &peers, Mode::Default, &packets);
        let (_, [_, ingress]) = cells
            .into_iter()
            .find(|((source, destination, ..), _)| source == from && destination == to)
            .unwrap_or_else(|| panic!("{from} and {to} are there"));
        ingress
    });
    assert_eq!(found[0], found[1]);
    found[0]
}

fn ingress(policy: &Value, from: &str, port: u16) -> char {
    ingress_of("shop/api", policy, from, port)
}

#[test]
fn cve_2025_64715_what_is_empty_or_missing_selects_nobody() {
    let ports = json!([{ "ports": [{ "port": "80", "protocol": "TCP" }] }]);
    for empty in [
        json!({ "fromEndpoints": [] }),
        json!({ "fromEntities": [] }),
        json!({ "fromCIDR": [] }),
        json!({ "fromCIDRSet": [] }),
        json!({ "fromNodes": [] }),
        json!({ "fromCIDRSet": [{ "cidrGroupRef": "missing" }] }),
    ] {
        for with_ports in [false, true] {
            let mut rule = empty.clone();
            if with_ports {
                rule["toPorts"] = ports.clone();
            }
            let policy = cilium(json!({ "ingress": [rule] }));
            for from in ["shop/web", "ip:192.0.2.1", "entity:remote-node"] {
                assert_eq!(ingress(&policy, from, 80), 'd', "{from} {policy}");
            }
        }
    }
}

#[test]
fn ghsa_pfhr_pccp_hwmh_and_cve_2023_39347_labels_of_pods_do_not_pass_for_metadata() {
    for wanted in [
        json!({ "app": "web" }),
        json!({ "k8s:io.kubernetes.pod.namespace": "shop", "app": "web" }),
        json!({ "io.cilium.k8s.namespace.labels.team": "shop", "app": "web" }),
    ] {
        let policy =
            cilium(json!({ "ingress": [{ "fromEndpoints": [{ "matchLabels": wanted }] }] }));
        assert_eq!(ingress(&policy, "shop/web", 80), 'a', "{policy}");
        assert_eq!(ingress(&policy, "evil/liar", 80), 'd', "{policy}");
    }
    for wanted in ["io.cilium.k8s.policy.serviceaccount", "reserved.host"] {
        let expression = json!({ "key": wanted, "operator": "In", "values": ["admin", ""] });
        let any = json!({ "key": "io.kubernetes.pod.namespace", "operator": "Exists" });
        let peer = json!({ "matchExpressions": [expression, any] });
        let policy = cilium(json!({ "ingress": [{ "fromEndpoints": [peer] }] }));
        assert_eq!(ingress(&policy, "evil/liar", 80), 'd', "{policy}");
    }
}

#[test]
fn cve_2023_41333_a_subject_stays_in_its_namespace_whatever_it_leaves_out() {
    for key in ["reserved:init", "k8s:io.kubernetes.pod.namespace"] {
        let mut policy = cilium(json!({ "ingress": [{}] }));
        let absent = json!({ "key": key, "operator": "DoesNotExist" });
        policy["spec"]["endpointSelector"] = json!({ "matchExpressions": [absent] });
        let of_others = ingress_of("evil/api", &policy, "shop/web", 80);
        assert_eq!(of_others, 'a', "it is not isolated: {policy}");
    }
}

#[test]
fn cve_2023_30851_rules_of_layer_7_are_not_widened_by_those_for_others() {
    let http = json!({
        "ports": [{ "port": "80", "protocol": "TCP" }], "rules": { "http": [{ "path": "/" }] },
    });
    let web = json!([{ "matchLabels": { "app": "web" } }]);
    let policy = cilium(json!({ "ingress": [
        { "fromEndpoints": web, "toPorts": [http] },
        { "fromEndpoints": [{ "matchLabels": { "app": "db" } }] },
    ] }));
    assert_eq!(ingress(&policy, "shop/web", 80), 'r');
    assert_eq!(ingress(&policy, "shop/db", 80), 'a');
}

#[test]
fn cve_2024_52529_a_range_of_ports_does_not_hide_layer_7_of_one() {
    let range = json!({ "ports": [{ "port": "1", "endPort": 1000, "protocol": "TCP" }] });
    let http = json!({
        "ports": [{ "port": "80", "protocol": "TCP" }], "rules": { "http": [{ "path": "/" }] },
    });
    for rules in [json!([range, http]), json!([http, range])] {
        let rule = json!({ "fromEndpoints": [{}], "toPorts": rules });
        let policy = cilium(json!({ "ingress": [rule] }));
        let seen = [79, 80, 81, 1001].map(|port| ingress(&policy, "shop/web", port));
        assert_eq!(seen, ['a', 'r', 'a', 'd'], "{policy}");
    }
}

#[test]
fn cve_2024_47825_a_denial_of_a_wide_prefix_beats_what_is_allowed_inside() {
    for (wide, narrow, inside, outside) in [
        ("192.0.2.0/24", "192.0.2.9/32", "ip:192.0.2.9", "ip:198.51.100.1"),
        ("2001:db8::/32", "2001:db8::9/128", "ip:2001:db8::9", "ip:2001:dba::1"),
    ] {
        let policy = cilium(json!({
            "ingress": [{ "fromCIDR": [narrow] }, { "fromEntities": ["world"] }],
            "ingressDeny": [{ "fromCIDR": [wide] }],
        }));
        assert_eq!(ingress(&policy, inside, 80), 'd');
        assert_eq!(ingress(&policy, outside, 80), 'a');
    }
}

#[test]
fn cve_2025_30163_rules_about_nodes_are_not_about_pods_with_such_labels() {
    let peer = json!([{ "matchLabels": { "role": "gpu" } }]);
    let policy = cilium(json!({ "ingress": [{ "fromNodes": peer }] }));
    assert_eq!(ingress(&policy, "evil/liar", 80), 'd');
    let node = "ip:192.0.2.1+node:role=gpu+reserved:remote-node\
                +k8s:io.cilium.k8s.policy.cluster=default";
    assert_eq!(ingress(&policy, node, 80), 'a');
}

#[test]
fn cve_2026_56743_a_block_of_addresses_is_nobody_else() {
    let policy = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": { "namespace": "shop", "name": "p" },
        "spec": {
            "podSelector": { "matchLabels": { "app": "api" } },
            "ingress": [{ "from": [{ "ipBlock": { "cidr": "192.0.2.0/24" } }] }],
        },
    });
    assert_eq!(ingress(&policy, "ip:192.0.2.1", 80), 'a');
    for from in ["shop/web", "evil/liar", "ip:198.51.100.1", "entity:remote-node"] {
        assert_eq!(ingress(&policy, from, 80), 'd', "{from}");
    }
}
