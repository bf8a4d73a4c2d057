//! Nodes that fall silent, taints that follow from nodes' conditions, and pods of nodes that have
//! gone.

use std::{collections::HashSet, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::{
    api::{
        coordination::v1::Lease,
        core::v1::{Node, NodeCondition, Pod, Taint},
    },
    apimachinery::pkg::apis::meta::v1::Time,
};
use kube::ResourceExt;
use serde_json::json;

use super::{
    owned::{has_ended, is_ready},
    snapshot::Snapshot,
};
use crate::lab::cluster::{Action, Teller, Tone};

/// Who tells about nodes.
const TELLER: &str = "node-controller";
/// Namespace of nodes' leases.
const LEASES: &str = "kube-node-lease";
/// Seconds without a sign of life after which a node counts as lost. Shorter than on a real
/// cluster, where it is 50; long enough for a busy machine.
const PATIENCE: i64 = 20;
/// What is written over the conditions of a lost node.
const SILENT: &str = "NodeStatusUnknown";

/// A taint, and the condition that calls for it.
struct Rule {
    key: &'static str,
    effect: &'static str,
    condition: &'static str,
    calls: fn(&str) -> bool,
}

const fn rule(
    key: &'static str,
    effect: &'static str,
    condition: &'static str,
    calls: fn(&str) -> bool,
) -> Rule {
    Rule { key, effect, condition, calls }
}

/// Taints that this controller keeps. A node that says nothing is not ready, and nobody says that
/// a network is unavailable unless it is.
const RULES: [Rule; 5] = [
    rule("node.kubernetes.io/not-ready", "NoSchedule", "Ready", |status| {
        matches!(status, "False" | "")
    }),
    rule("node.kubernetes.io/not-ready", "NoExecute", "Ready", |status| status == "False"),
    rule("node.kubernetes.io/unreachable", "NoSchedule", "Ready", |status| status == "Unknown"),
    rule("node.kubernetes.io/unreachable", "NoExecute", "Ready", |status| status == "Unknown"),
    rule("node.kubernetes.io/network-unavailable", "NoSchedule", "NetworkUnavailable", |status| {
        status == "True"
    }),
];
/// The taint of cordoned nodes.
const CORDONED: &str = "node.kubernetes.io/unschedulable";

pub(super) fn plan(snapshot: &Snapshot) -> Vec<Action> {
    let mut actions = Vec::new();
    for node in &snapshot.nodes {
        let lease = snapshot.leases.iter().find(|lease| {
            lease.namespace().as_deref() == Some(LEASES) && lease.name_any() == node.name_any()
        });
        if is_silent(node, lease.map(Arc::as_ref), snapshot) {
            actions.extend(doubt(node, snapshot.now));
        }
        actions.extend(taint(node, snapshot.now));
        if status_of(node, "Ready") != "True" {
            actions.extend(unready_pods(node, snapshot));
        }
    }
    actions.extend(orphans(snapshot));
    actions
}

/// Tells whether a node that was there has not renewed its lease for too long.
fn is_silent(node: &Node, lease: Option<&Lease>, snapshot: &Snapshot) -> bool {
    let renewed = lease.and_then(|lease| lease.spec.as_ref()?.renew_time.as_ref());
    let seen = renewed.map(|time| time.0).or(node.creation_timestamp().map(|time| time.0));
    seen.is_some_and(|seen| {
        let silent = snapshot.now.duration_since(seen.max(snapshot.awake_since));
        silent > SignedDuration::from_secs(PATIENCE)
    })
}

/// Says of a silent node that nothing is known of it.
fn doubt(node: &Node, now: Timestamp) -> Vec<Action> {
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_deref());
    let mut conditions = conditions.unwrap_or_default().to_vec();
    let own = |one: &NodeCondition| one.type_ == "Ready" || one.type_.ends_with("Pressure");
    if conditions.iter().filter(|one| own(one)).all(|one| one.status == "Unknown") {
        return vec![];
    }
    for one in conditions.iter_mut().filter(|one| own(one) && one.status != "Unknown") {
        one.status = "Unknown".to_owned();
        one.reason = Some(SILENT.to_owned());
        one.message = Some("Kubelet stopped posting node status.".to_owned());
        one.last_transition_time = Some(Time(now));
    }
    let teller = Teller::controller(TELLER);
    let text = format!("Node {} status is now: NodeNotReady", node.name_any());
    vec![
        Action::status(node, &json!({ "conditions": conditions })),
        Action::tell(node, teller, Tone::Normal, "NodeNotReady", text),
    ]
}

fn status_of<'a>(node: &'a Node, condition: &str) -> &'a str {
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_deref());
    let mut conditions = conditions.unwrap_or_default().iter();
    conditions.find(|one| one.type_ == condition).map_or("", |one| one.status.as_str())
}

fn taint(node: &Arc<Node>, now: Timestamp) -> Option<Action> {
    let present = super::matching::taints(node);
    let keeps = |taint: &Taint| {
        RULES.iter().any(|rule| taint.key == rule.key && taint.effect == rule.effect)
            || taint.key == CORDONED
    };
    let mut wanted: Vec<Taint> = present.iter().filter(|taint| !keeps(taint)).cloned().collect();
    let cordoned = node.spec.as_ref().and_then(|spec| spec.unschedulable) == Some(true);
    let called = RULES
        .iter()
        .filter(|rule| (rule.calls)(status_of(node, rule.condition)))
        .map(|rule| (rule.key, rule.effect))
        .chain(cordoned.then_some((CORDONED, "NoSchedule")));
    for (key, effect) in called {
        let kept = present.iter().find(|taint| taint.key == key && taint.effect == effect);
        wanted.push(kept.cloned().unwrap_or_else(|| Taint {
            key: key.to_owned(),
            effect: effect.to_owned(),
            // From then on it is counted how long pods tolerate it.
            time_added: Some(Time(now)),
            ..Taint::default()
        }));
    }
    let same = present.len() == wanted.len() && wanted.iter().all(|taint| present.contains(taint));
    (!same).then(|| {
        // With the version, so that a taint somebody else changes meanwhile is not lost.
        let version = node.resource_version();
        let patch =
            json!({ "metadata": { "resourceVersion": version }, "spec": { "taints": wanted } });
        Action::merge(node.as_ref(), patch)
    })
}

/// Pods of a node that does not answer are in no service any more.
fn unready_pods(node: &Node, snapshot: &Snapshot) -> Vec<Action> {
    if status_of(node, "Ready") != "Unknown" {
        return vec![];
    }
    let name = node.name_any();
    let here = |pod: &&Arc<Pod>| {
        pod.spec.as_ref().and_then(|spec| spec.node_name.as_ref()) == Some(&name) && is_ready(pod)
    };
    let pods = snapshot.pods.iter().filter(here);
    pods.map(|pod| {
        let status = pod.status.as_ref().and_then(|status| status.conditions.clone());
        let mut conditions = status.unwrap_or_default();
        for one in conditions.iter_mut().filter(|one| one.type_ == "Ready") {
            one.status = "False".to_owned();
            one.reason = Some("NodeNotReady".to_owned());
            one.last_transition_time = Some(Time(snapshot.now));
        }
        Action::status(pod.as_ref(), &json!({ "conditions": conditions }))
    })
    .collect()
}

/// Pods of a node that was deleted cannot end by themselves.
fn orphans(snapshot: &Snapshot) -> Vec<Action> {
    let nodes: HashSet<String> = snapshot.nodes.iter().map(|node| node.name_any()).collect();
    let lost = |name: &String| !name.is_empty() && !nodes.contains(name);
    snapshot
        .pods
        .iter()
        .filter(|pod| !has_ended(pod))
        .filter(|pod| pod.spec.as_ref().and_then(|spec| spec.node_name.as_ref()).is_some_and(lost))
        .map(|pod| Action::delete_now(pod.as_ref()))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value};

    use super::*;
    use crate::lab::{cluster::Write, controllers::owned::time};

    fn node(ready: &str, spec: Value) -> Arc<Node> {
        Arc::new(
            from_value(json!({
                "metadata": { "name": "n", "creationTimestamp": "2026-01-01T00:00:00Z" },
                "spec": spec,
                "status": { "conditions": [{ "type": "Ready", "status": ready }] },
            }))
            .unwrap(),
        )
    }

    fn taints_of(node: &Arc<Node>) -> Option<Vec<String>> {
        let action = taint(node, Timestamp::now())?;
        let Write::Merge(patch) = &action.write else { panic!("{action:?}") };
        let show = |one: &Value| {
            let key = one["key"].as_str().unwrap().rsplit('/').next().unwrap();
            format!("{key}:{}", one["effect"].as_str().unwrap())
        };
        Some(patch["spec"]["taints"].as_array().unwrap().iter().map(show).collect())
    }

    #[test]
    fn taints_follow_conditions_and_others_stay() {
        let own = json!({ "taints": [{ "key": "gpu", "effect": "NoSchedule" }] });
        assert_eq!(taints_of(&node("True", own.clone())), None);
        for (ready, expected) in [
            ("False", ["gpu:NoSchedule", "not-ready:NoSchedule", "not-ready:NoExecute"]),
            ("Unknown", ["gpu:NoSchedule", "unreachable:NoSchedule", "unreachable:NoExecute"]),
        ] {
            assert_eq!(taints_of(&node(ready, own.clone())).unwrap(), expected);
        }
        let cordoned = node("True", json!({ "unschedulable": true }));
        assert_eq!(taints_of(&cordoned).unwrap(), ["unschedulable:NoSchedule"]);
        let stale = json!({ "taints": [{ "key": "node.kubernetes.io/unreachable", "effect": "NoExecute" }] });
        assert_eq!(taints_of(&node("True", stale)).unwrap(), [""; 0]);
    }

    #[test]
    fn a_node_without_a_sign_of_life_is_doubted() {
        let lease = |renewed: &str| -> Lease {
            from_value(json!({ "spec": { "renewTime": renewed } })).unwrap()
        };
        let now: Timestamp = "2026-01-01T01:00:00Z".parse().unwrap();
        let node = node("True", json!({}));
        let [old, new] = ["2026-01-01T00:59:39Z", "2026-01-01T00:59:41Z"]
            .map(|at| lease(&format!("{}.000000Z", &at[..19])));
        let mut snapshot = Snapshot { now, ..Snapshot::default() };
        assert!(
            is_silent(&node, Some(&old), &snapshot) && !is_silent(&node, Some(&new), &snapshot)
        );
        snapshot.awake_since = now;
        assert!(!is_silent(&node, Some(&old), &snapshot), "nobody listened meanwhile");
        let Write::Status(patch) = &doubt(&node, now)[0].write else { panic!() };
        assert_eq!(patch["status"]["conditions"][0]["status"], "Unknown");
        assert_eq!(patch["status"]["conditions"][0]["lastTransitionTime"], time(now));
    }
}
