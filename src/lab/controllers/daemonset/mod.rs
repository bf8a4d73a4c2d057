//! DaemonSets: one pod on every node that will have it.

mod rollout;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::{
    apps::v1::{DaemonSet, DaemonSetSpec},
    core::v1::{Node, Pod, PodSpec, Toleration},
};
use kube::ResourceExt;
use serde_json::json;

use super::{
    matching::{selects, tolerates_all, tolerates_staying},
    owned::{count, has_ended, is_available, is_ready, pod_of, random_name, with_label},
    revision::{REVISION, Revisions},
    snapshot::{PodsByOwner, Snapshot, is_ending},
};
use crate::lab::cluster::Action;

/// Who tells about daemon sets.
const TELLER: &str = "daemonset-controller";

pub(super) fn plan(snapshot: &Snapshot, pods: &PodsByOwner) -> Vec<Action> {
    let sets = snapshot.daemon_sets.iter().filter(|set| !is_ending(set.as_ref()));
    sets.flat_map(|set| {
        let owned = pods.get(&set.uid().unwrap_or_default()).map_or(&[][..], Vec::as_slice);
        let revisions = Revisions::of(snapshot, set.as_ref(), &set.spec.template);
        let mut actions = plan_one(set, &snapshot.nodes, owned, &revisions.hash, snapshot.now);
        let limit = set.spec.revision_history_limit;
        let in_use = |name: &str| {
            let hash = name.rsplit('-').next();
            owned.iter().any(|pod| pod.labels().get(REVISION).map(String::as_str) == hash)
        };
        actions.extend(revisions.keep(set.as_ref(), &set.spec.template, limit, &in_use));
        actions
    })
    .collect()
}

fn node_of(pod: &Pod) -> Option<&str> {
    pod.spec.as_ref()?.node_name.as_deref()
}

fn plan_one(
    set: &DaemonSet,
    nodes: &[Arc<Node>],
    owned: &[Arc<Pod>],
    hash: &str,
    now: Timestamp,
) -> Vec<Action> {
    let spec = &set.spec;
    let pod_spec = with_daemon_tolerations(spec);
    let fits = |node: &&Arc<Node>| selects(&pod_spec, node);
    let hosts: Vec<String> = nodes
        .iter()
        .filter(fits)
        .filter(|node| tolerates_all(&pod_spec, node))
        .map(|node| node.name_any())
        .collect();
    // A taint that keeps new pods out lets those stay that are there.
    let may_stay: Vec<String> = nodes
        .iter()
        .filter(fits)
        .filter(|node| tolerates_staying(&pod_spec, node))
        .map(|node| node.name_any())
        .collect();
    let mut actions = Vec::new();
    for host in &hosts {
        let here = owned.iter().filter(|pod| node_of(pod) == Some(host));
        // One that is ending still holds the node's ports.
        if here.filter(|pod| !has_ended(pod)).count() == 0 {
            actions.push(create(set, &pod_spec, host, hash));
        }
    }
    for pod in owned.iter().filter(|pod| !is_ending(pod.as_ref())) {
        let misplaced = node_of(pod).is_none_or(|node| !may_stay.iter().any(|one| one == node));
        if misplaced || has_ended(pod) {
            actions.push(Action::delete(pod.as_ref()).told_to(set, TELLER));
        }
    }
    if actions.is_empty() {
        let view = View { set, pod_spec: &pod_spec, hosts: &hosts, owned, hash, now };
        actions.extend(rollout::plan(&view));
    }
    actions.extend(status(set, &hosts, owned, hash, now));
    actions
}

/// A set, where it is to be, and what there is of it.
struct View<'a> {
    set: &'a DaemonSet,
    pod_spec: &'a PodSpec,
    hosts: &'a [String],
    owned: &'a [Arc<Pod>],
    hash: &'a str,
    now: Timestamp,
}

/// Makes the pod of a node.
fn create(set: &DaemonSet, pod_spec: &PodSpec, host: &str, hash: &str) -> Action {
    let mut pod = pod_of(set, &set.spec.template, random_name(&set.name_any()));
    pod.metadata.labels = with_label(pod.metadata.labels.take(), REVISION, hash);
    pod.spec = Some(PodSpec { node_name: Some(host.to_owned()), ..pod_spec.clone() });
    Action::create(&pod).told_to(set, TELLER)
}

/// Adds what Kubernetes lets the pods of every DaemonSet tolerate.
fn with_daemon_tolerations(spec: &DaemonSetSpec) -> PodSpec {
    let mut pod = spec.template.spec.clone().unwrap_or_default();
    let tolerate = |key: &str, effect: &str| Toleration {
        key: Some(key.into()),
        operator: Some("Exists".into()),
        effect: Some(effect.into()),
        ..Toleration::default()
    };
    let tolerations = pod.tolerations.get_or_insert_default();
    tolerations.push(tolerate("node.kubernetes.io/not-ready", "NoExecute"));
    tolerations.push(tolerate("node.kubernetes.io/unreachable", "NoExecute"));
    for pressure in ["disk-pressure", "memory-pressure", "pid-pressure", "unschedulable"] {
        tolerations.push(tolerate(&format!("node.kubernetes.io/{pressure}"), "NoSchedule"));
    }
    if pod.host_network == Some(true) {
        tolerations.push(tolerate("node.kubernetes.io/network-unavailable", "NoSchedule"));
    }
    pod
}

fn status(
    set: &DaemonSet,
    hosts: &[String],
    owned: &[Arc<Pod>],
    hash: &str,
    now: Timestamp,
) -> Option<Action> {
    let is_host = |pod: &Pod| node_of(pod).is_some_and(|node| hosts.iter().any(|one| one == node));
    let placed: Vec<&Arc<Pod>> = owned.iter().filter(|pod| is_host(pod)).collect();
    let desired = i32::try_from(hosts.len()).unwrap_or(i32::MAX);
    let ready = count(&placed, |pod| is_ready(pod));
    let available = count(&placed, |pod| is_available(pod, set.spec.min_ready_seconds, now));
    let updated = |pod: &&&Arc<Pod>| pod.labels().get(REVISION).is_some_and(|own| own == hash);
    let status = json!({
        "desiredNumberScheduled": desired,
        "currentNumberScheduled": count(&placed, |_| true).min(desired),
        "numberMisscheduled": count(owned, |pod| !is_host(pod)),
        "numberReady": ready,
        "numberAvailable": available,
        "numberUnavailable": (desired - available).max(0),
        "updatedNumberScheduled": count(&placed, updated),
        "observedGeneration": set.metadata.generation,
    });
    let before = serde_json::to_value(&set.status).unwrap_or_default();
    let same = status.as_object()?.iter().all(|(name, is)| {
        // A count of nothing is not written.
        before[name] == *is || before[name].is_null() && *is == 0 && !before.is_null()
    });
    (!same).then(|| Action::status(set, &status))
}
