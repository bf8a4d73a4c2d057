//! The scheduler: a node for every pod that has none.

mod fit;
mod load;

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::ResourceExt;
use serde_json::json;

use super::{
    owned::{has_ended, is_active, time},
    snapshot::Snapshot,
};
use crate::lab::cluster::{Action, Teller, Tone};
use fit::Refusals;
use load::Load;

/// Who tells about placing.
const TELLER: &str = "default-scheduler";

/// Binds each pod to the best of the nodes that will have it: the one that its preferences speak
/// for, then the one with the fewest pods of the same owner, then with the fewest pods.
pub(super) fn plan(snapshot: &Snapshot) -> Vec<Action> {
    let mut load = Load::new(&snapshot.nodes);
    for pod in snapshot.pods.iter().filter(|pod| !has_ended(pod)) {
        if let Some(node) = node_name(pod) {
            load.add(node, pod);
        }
    }
    let mut actions = Vec::new();
    let waiting = |pod: &&Arc<Pod>| is_active(pod) && node_name(pod).is_none() && is_ours(pod);
    for pod in snapshot.pods.iter().filter(waiting) {
        match choose(pod, &snapshot.nodes, &load) {
            Ok(node) => {
                load.add(&node, pod);
                actions.push(Action::bind(pod, &node));
                let name = format!("{}/{}", pod.namespace().unwrap_or_default(), pod.name_any());
                let text = format!("Successfully assigned {name} to {node}");
                let teller = Teller::controller(TELLER);
                actions.push(Action::tell(pod.as_ref(), teller, Tone::Normal, "Scheduled", text));
            }
            Err(refusals) => actions.extend(complain(pod, &refusals, snapshot)),
        }
    }
    actions
}

/// Tells whether a pod is to be placed by this scheduler, and now.
fn is_ours(pod: &Pod) -> bool {
    let Some(spec) = &pod.spec else { return false };
    let gates = spec.scheduling_gates.as_deref().unwrap_or_default();
    let name = spec.scheduler_name.as_deref().unwrap_or(TELLER);
    gates.is_empty() && name == TELLER
}

fn choose(pod: &Pod, nodes: &[Arc<Node>], load: &Load) -> Result<String, Refusals> {
    let mut refusals = Refusals::default();
    let mut best: Option<(load::Rank, String)> = None;
    for node in nodes {
        match fit::check(pod, node, load) {
            Ok(()) => {
                let rank = load.rank(pod, node);
                if best.as_ref().is_none_or(|(other, _)| rank < *other) {
                    best = Some((rank, node.name_any()));
                }
            }
            Err(refusal) => refusals.add(refusal),
        }
    }
    best.map(|(_, name)| name).ok_or(refusals)
}

/// Says, once for each reason, that no node will have a pod.
fn complain(pod: &Arc<Pod>, refusals: &Refusals, snapshot: &Snapshot) -> Vec<Action> {
    let message = refusals.to_string();
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.clone());
    let mut conditions = conditions.unwrap_or_default();
    let before = conditions.iter().find(|one| one.type_ == "PodScheduled");
    if before.is_some_and(|one| one.message.as_deref() == Some(&message)) {
        return vec![];
    }
    let since = before.and_then(|one| one.last_transition_time.clone());
    let since = since.map_or_else(|| time(snapshot.now), |at| time(at.0));
    conditions.retain(|one| one.type_ != "PodScheduled");
    let mut all: Vec<_> = conditions.iter().map(|one| json!(one)).collect();
    all.push(json!({ "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
        "message": message, "lastProbeTime": null, "lastTransitionTime": since }));
    let teller = Teller::controller(TELLER);
    vec![
        Action::status(pod.as_ref(), &json!({ "conditions": all })),
        Action::tell(pod.as_ref(), teller, Tone::Warning, "FailedScheduling", message),
    ]
}

fn node_name(pod: &Pod) -> Option<&str> {
    let name = pod.spec.as_ref()?.node_name.as_deref()?;
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests;
