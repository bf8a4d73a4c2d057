//! Where pods of DaemonSets come and go.

use serde_json::{Value, from_value};

use super::*;
use crate::lab::cluster::Write;

fn set(spec: Value) -> DaemonSet {
    let mut value = json!({
        "metadata": { "name": "d", "namespace": "x", "uid": "d" },
        "spec": { "selector": {}, "template": { "spec": { "containers": [] } } },
    });
    json_patch::merge(&mut value["spec"], &spec);
    from_value(value).unwrap()
}

fn node(name: &str, taints: Value) -> Arc<Node> {
    let value = json!({ "metadata": { "name": name }, "spec": { "taints": taints } });
    Arc::new(from_value(value).unwrap())
}

fn pod(node: &str, hash: &str, ready: &str) -> Arc<Pod> {
    let value = json!({
        "metadata": { "name": format!("p-{node}"), "labels": { REVISION: hash } },
        "spec": { "nodeName": node, "containers": [] },
        "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": ready }] },
    });
    Arc::new(from_value(value).unwrap())
}

fn deletions(set: &DaemonSet, nodes: &[Arc<Node>], owned: &[Arc<Pod>]) -> Vec<String> {
    let actions = plan_one(set, nodes, owned, "new", Timestamp::now());
    let gone = actions.iter().filter(|one| matches!(one.write, Write::Delete { .. }));
    gone.map(|action| action.name().to_owned()).collect()
}

#[test]
fn a_taint_keeps_pods_out_and_only_no_execute_throws_them_out() {
    let set = set(json!({}));
    let nodes = [
        node("a", json!([{ "key": "k", "effect": "NoSchedule" }])),
        node("b", json!([{ "key": "k", "effect": "NoExecute" }])),
        node("c", json!([])),
    ];
    let owned = [pod("a", "new", "True"), pod("b", "new", "True")];
    assert_eq!(deletions(&set, &nodes, &owned), ["p-b"]);
    let actions = plan_one(&set, &nodes, &owned, "new", Timestamp::now());
    let made = actions.iter().filter(|one| matches!(one.write, Write::Create(_)));
    assert_eq!(made.count(), 1);
}

#[test]
fn old_pods_go_as_far_as_they_may_be_missed() {
    let nodes = ["a", "b", "c", "d"].map(|name| node(name, json!([])));
    let rolling = |most: Value| {
        set(json!({ "updateStrategy": { "rollingUpdate": { "maxUnavailable": most } } }))
    };
    let all = ["a", "b", "c", "d"].map(|name| pod(name, "old", "True"));
    assert_eq!(deletions(&rolling(json!(1)), &nodes, &all).len(), 1);
    assert_eq!(deletions(&rolling(json!("50%")), &nodes, &all).len(), 2);
    // One that does not serve is no loss, but stands for the one that may be missed.
    let mut one_bad = all.clone();
    one_bad[2] = pod("c", "old", "False");
    assert_eq!(deletions(&rolling(json!(1)), &nodes, &one_bad), ["p-c"]);
    let mut one_new = all;
    one_new[2] = pod("c", "new", "False");
    assert!(deletions(&rolling(json!(1)), &nodes, &one_new).is_empty());
}

#[test]
fn a_surge_makes_new_pods_before_old_ones_go() {
    let nodes = ["a", "b", "c"].map(|name| node(name, json!([])));
    let set = set(
        json!({ "updateStrategy": { "rollingUpdate": { "maxSurge": 1, "maxUnavailable": 0 } } }),
    );
    let moves = |owned: &[Arc<Pod>]| {
        let actions = plan_one(&set, &nodes, owned, "new", Timestamp::now());
        let made = actions.iter().filter_map(|one| match &one.write {
            Write::Create(pod) => Some(pod["spec"]["nodeName"].as_str()?.to_owned()),
            _ => None,
        });
        (made.collect::<Vec<_>>(), deletions(&set, &nodes, owned))
    };
    let old = ["a", "b", "c"].map(|name| pod(name, "old", "True"));
    assert_eq!(moves(&old), (vec!["a".to_owned()], vec![]));
    let with = |more: &[Arc<Pod>]| [&old[..], more].concat();
    assert_eq!(moves(&with(&[pod("a", "new", "False")])), (vec![], vec![]));
    // The one that serves lets its predecessor go, and makes room for the next.
    let (made, gone) = moves(&with(&[pod("a", "new", "True")]));
    assert_eq!((made, gone.as_slice()), (vec!["b".to_owned()], &["p-a".to_owned()][..]));
    // Where the old one does not serve there is nothing to wait for.
    let mut sick = old.clone();
    sick[2] = pod("c", "old", "False");
    assert_eq!(moves(&sick).0, ["c", "a"]);
}
