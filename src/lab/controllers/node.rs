//! Taints that follow from nodes' conditions, and pods of nodes that have gone.

use std::{collections::HashSet, sync::Arc};

use k8s_openapi::api::core::v1::{Node, Taint};
use kube::ResourceExt;
use serde_json::json;

use super::{owned::has_ended, snapshot::Snapshot};
use crate::lab::cluster::Action;

/// A taint and the condition that calls for it.
type Rule = (&'static str, &'static str, fn(Option<&str>) -> bool);

/// Taints that this controller keeps. A node that says nothing is not ready, and nobody says that
/// a network is unavailable unless it is.
const TAINTS: [Rule; 2] = [
    ("node.kubernetes.io/not-ready", "Ready", |status| status != Some("True")),
    ("node.kubernetes.io/network-unavailable", "NetworkUnavailable", |status| {
        status == Some("True")
    }),
];

pub(super) fn plan(snapshot: &Snapshot) -> Vec<Action> {
    let mut actions: Vec<Action> = snapshot.nodes.iter().filter_map(taint).collect();
    actions.extend(orphans(snapshot));
    actions
}

fn taint(node: &Arc<Node>) -> Option<Action> {
    let now = node.spec.as_ref().and_then(|spec| spec.taints.clone()).unwrap_or_default();
    let mut wanted: Vec<Taint> = now
        .iter()
        .filter(|taint| {
            taint.effect != "NoSchedule" || TAINTS.iter().all(|(key, ..)| taint.key != *key)
        })
        .cloned()
        .collect();
    for (key, condition, calls) in TAINTS {
        if calls(status_of(node, condition)) {
            let kept = now.iter().find(|taint| taint.key == key && taint.effect == "NoSchedule");
            wanted.push(kept.cloned().unwrap_or_else(|| Taint {
                key: key.to_owned(),
                effect: "NoSchedule".to_owned(),
                ..Taint::default()
            }));
        }
    }
    let same = now.len() == wanted.len() && wanted.iter().all(|taint| now.contains(taint));
    (!same).then(|| {
        // With the version, so that a taint somebody else changes meanwhile is not lost.
        let version = node.resource_version();
        let patch =
            json!({ "metadata": { "resourceVersion": version }, "spec": { "taints": wanted } });
        Action::merge(node.as_ref(), patch)
    })
}

fn status_of<'a>(node: &'a Node, condition: &str) -> Option<&'a str> {
    let conditions = node.status.as_ref()?.conditions.as_deref()?;
    conditions.iter().find(|one| one.type_ == condition).map(|one| one.status.as_str())
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
