//! Where pods go, and why not.

use serde_json::{Value, from_value, json};

use super::*;
use crate::lab::cluster::Write;

fn node(name: &str, labels: Value, taints: Value) -> Arc<Node> {
    let mut value = json!({
        "metadata": { "name": name, "labels": { "kubernetes.io/hostname": name } },
        "spec": { "taints": taints },
        "status": { "allocatable": { "cpu": "2", "memory": "4Gi", "pods": "10" } },
    });
    json_patch::merge(&mut value["metadata"]["labels"], &labels);
    Arc::new(from_value(value).unwrap())
}

fn snapshot(pods: Value) -> Snapshot {
    let tainted = json!([{ "key": "k", "effect": "NoSchedule" }]);
    Snapshot {
        nodes: vec![
            node("a", json!({ "zone": "1" }), json!([])),
            node("b", json!({ "zone": "2" }), json!([])),
            node("c", json!({ "zone": "2" }), tainted),
        ],
        pods: from_value::<Vec<Pod>>(pods).unwrap().into_iter().map(Arc::new).collect(),
        ..Snapshot::default()
    }
}

fn pod(name: &str, node: Option<&str>, spec: Value) -> Value {
    let mut value = json!({
        "metadata": { "name": name, "namespace": "x", "labels": { "app": "a" }, "ownerReferences": [
            { "apiVersion": "v1", "kind": "R", "name": "r", "uid": "r", "controller": true }] },
        "spec": { "nodeName": node, "containers": [{ "name": "c" }] },
    });
    json_patch::merge(&mut value["spec"], &spec);
    value
}

/// Returns where pods go, as `pod node`, and what is said about others.
fn outcome(snapshot: &Snapshot) -> (Vec<String>, Vec<String>) {
    let (mut bound, mut said) = (vec![], vec![]);
    for action in plan(snapshot) {
        match &action.write {
            Write::Bind(node) => bound.push(format!("{} {node}", action.name())),
            Write::Tell { tone: Tone::Warning, message, .. } => {
                said.push(message.split(" preemption").next().unwrap().to_owned());
            }
            _ => {}
        }
    }
    (bound, said)
}

#[test]
fn pods_of_one_owner_are_spread_over_untainted_nodes() {
    let pods = json!([
        pod("p1", Some("a"), json!({})),
        pod("p2", None, json!({})),
        pod("p3", None, json!({}))
    ]);
    assert_eq!(outcome(&snapshot(pods)).0, ["p2 b", "p3 a"]);
}

#[test]
fn a_host_port_is_given_once_per_node() {
    let ported = |name, node| {
        pod(
            name,
            node,
            json!({ "containers": [{ "name": "c", "ports": [{ "containerPort": 80, "hostPort": 80 }] }] }),
        )
    };
    let snapshot =
        snapshot(json!([ported("p1", Some("a")), ported("p2", None), ported("p3", None)]));
    let (bound, said) = outcome(&snapshot);
    assert_eq!(bound, ["p2 b"]);
    assert_eq!(
        said,
        [
            "0/3 nodes are available: 1 node(s) had untolerated taint {k: }, 2 node(s) didn't have free ports for the requested pod ports."
        ]
    );
}

#[test]
fn what_no_node_offers_is_said_once() {
    let far = json!({ "nodeSelector": { "zone": "9" }, "tolerations": [{ "operator": "Exists" }] });
    let mut first = snapshot(json!([pod("p", None, far)]));
    let text = "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.";
    assert_eq!(outcome(&first), (vec![], vec![text.to_owned()]));
    let actions = plan(&first);
    let Write::Status(patch) = &actions[0].write else { panic!("{actions:?}") };
    let mut value = serde_json::to_value(first.pods[0].as_ref()).unwrap();
    json_patch::merge(&mut value, patch);
    assert_eq!(value["status"]["conditions"][0]["reason"], "Unschedulable");
    first.pods[0] = Arc::new(from_value(value).unwrap());
    assert!(plan(&first).is_empty());
    let large =
        json!({ "containers": [{ "name": "c", "resources": { "requests": { "cpu": "3" } } }] });
    let said = outcome(&snapshot(json!([pod("p", None, large)]))).1;
    assert_eq!(
        said,
        ["0/3 nodes are available: 1 node(s) had untolerated taint {k: }, 2 Insufficient cpu."]
    );
}

#[test]
fn gated_pods_and_those_of_other_schedulers_wait() {
    for spec in
        [json!({ "schedulingGates": [{ "name": "g" }] }), json!({ "schedulerName": "other" })]
    {
        assert_eq!(outcome(&snapshot(json!([pod("p", None, spec)]))), (vec![], vec![]));
    }
}

#[test]
fn affinity_brings_pods_together_and_keeps_them_apart() {
    let term = |key: &str| json!({ "topologyKey": key, "labelSelector": { "matchLabels": { "app": "a" } } });
    let required = |kind: &str, key: &str| json!({ "affinity": { kind: { "requiredDuringSchedulingIgnoredDuringExecution": [term(key)] } } });
    let host = "kubernetes.io/hostname";
    for (spec, expected) in [
        (required("podAffinity", host), "p2 a"),
        (required("podAffinity", "zone"), "p2 a"),
        (required("podAntiAffinity", host), "p2 b"),
    ] {
        let snapshot =
            snapshot(json!([pod("p1", Some("a"), json!({})), pod("p2", None, spec.clone())]));
        assert_eq!(outcome(&snapshot).0, [expected], "{spec}");
    }
    // The first of a group has nobody to be with.
    let first = snapshot(json!([pod("p", None, required("podAffinity", "zone"))]));
    assert_eq!(outcome(&first).0, ["p a"]);
    // Whoever is there first may refuse others as well.
    let snapshot = snapshot(json!([
        pod("p1", Some("a"), required("podAntiAffinity", host)),
        pod("p2", Some("b"), required("podAntiAffinity", host)),
        pod("p3", None, json!({})),
    ]));
    assert!(
        outcome(&snapshot).1[0]
            .contains("2 node(s) didn't satisfy existing pods anti-affinity rules")
    );
}

#[test]
fn preferences_outweigh_an_even_spread() {
    let prefer = json!({ "affinity": { "nodeAffinity": { "preferredDuringSchedulingIgnoredDuringExecution": [
        { "weight": 10, "preference": { "matchExpressions": [{ "key": "zone", "operator": "In", "values": ["1"] }] } }] } } });
    let snapshot = snapshot(json!([pod("p1", Some("a"), json!({})), pod("p2", None, prefer)]));
    assert_eq!(outcome(&snapshot).0, ["p2 a"]);
}

#[test]
fn topology_spread_keeps_the_skew_small() {
    let spread = json!({ "topologySpreadConstraints": [{ "maxSkew": 1, "topologyKey": "zone",
        "whenUnsatisfiable": "DoNotSchedule", "labelSelector": { "matchLabels": { "app": "a" } } }] });
    let snapshot = snapshot(json!([
        pod("p1", Some("a"), json!({})),
        pod("p2", None, spread.clone()),
        pod("p3", None, spread.clone()),
        pod("p4", None, spread),
    ]));
    let (bound, _) = outcome(&snapshot);
    assert_eq!(bound[0], "p2 b");
    assert_eq!(bound.len(), 3);
    assert_eq!(bound.iter().filter(|one| one.ends_with(" a")).count(), 1);
}
