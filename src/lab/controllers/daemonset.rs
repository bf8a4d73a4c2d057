//! DaemonSets: one pod on every node that will have it.

use std::sync::Arc;

use k8s_openapi::api::{
    apps::v1::{DaemonSet, DaemonSetSpec},
    core::v1::{Node, Pod, PodSpec, Toleration},
};
use kube::ResourceExt;
use serde_json::json;

use super::{
    matching::{selects, tolerates_all},
    owned::{count, has_ended, hash_of, is_ready, pod_of, random_name, with_label},
    snapshot::{PodsByOwner, Snapshot, is_ending},
};
use crate::lab::cluster::Action;

/// Label that tells the pods of one revision from those of another.
const REVISION: &str = "controller-revision-hash";

pub(super) fn plan(snapshot: &Snapshot, pods: &PodsByOwner) -> Vec<Action> {
    let sets = snapshot.daemon_sets.iter().filter(|set| !is_ending(set.as_ref()));
    sets.flat_map(|set| {
        let owned = pods.get(&set.uid().unwrap_or_default()).map_or(&[][..], Vec::as_slice);
        plan_one(set, &snapshot.nodes, owned)
    })
    .collect()
}

fn plan_one(set: &DaemonSet, nodes: &[Arc<Node>], owned: &[Arc<Pod>]) -> Vec<Action> {
    let spec = &set.spec;
    let hash = hash_of(&spec.template);
    let pod_spec = with_daemon_tolerations(spec);
    let hosts: Vec<String> = nodes
        .iter()
        .filter(|node| selects(&pod_spec, node) && tolerates_all(&pod_spec, node))
        .map(|node| node.name_any())
        .collect();
    let node_of = |pod: &Pod| pod.spec.as_ref().and_then(|spec| spec.node_name.clone());
    let mut actions = Vec::new();
    for host in &hosts {
        let here = owned.iter().filter(|pod| node_of(pod).as_ref() == Some(host));
        // One that is ending still holds the node's ports.
        if here.filter(|pod| !has_ended(pod)).count() == 0 {
            let mut pod = pod_of(set, &spec.template, random_name(&set.name_any()));
            pod.metadata.labels = with_label(pod.metadata.labels.take(), REVISION, &hash);
            pod.spec = Some(PodSpec { node_name: Some(host.clone()), ..pod_spec.clone() });
            actions.push(Action::create(&pod));
        }
    }
    for pod in owned.iter().filter(|pod| !is_ending(pod.as_ref())) {
        let misplaced = node_of(pod).is_none_or(|node| !hosts.contains(&node));
        if misplaced || has_ended(pod) {
            actions.push(Action::delete(pod.as_ref()));
        }
    }
    if actions.is_empty() && owned.iter().all(|pod| is_ready(pod) && !is_ending(pod.as_ref())) {
        actions.extend(outdated(spec, owned, &hash));
    }
    actions.extend(status(set, &hosts, owned, &hash));
    actions
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

/// Replaces one pod of an older template.
fn outdated(spec: &DaemonSetSpec, owned: &[Arc<Pod>], hash: &str) -> Option<Action> {
    let on_delete = spec.update_strategy.as_ref().and_then(|strategy| strategy.type_.as_deref());
    if on_delete == Some("OnDelete") {
        return None;
    }
    let old = |pod: &&Arc<Pod>| pod.labels().get(REVISION).is_none_or(|own| own != hash);
    owned.iter().find(old).map(|pod| Action::delete(pod.as_ref()))
}

fn status(set: &DaemonSet, hosts: &[String], owned: &[Arc<Pod>], hash: &str) -> Option<Action> {
    let desired = i32::try_from(hosts.len()).unwrap_or(i32::MAX);
    let placed = count(owned, |_| true).min(desired);
    let ready = count(owned, |pod| is_ready(pod));
    let updated = count(owned, |pod| pod.labels().get(REVISION).is_some_and(|own| own == hash));
    let generation = set.metadata.generation;
    let same = set.status.as_ref().is_some_and(|status| {
        status.desired_number_scheduled == desired
            && status.current_number_scheduled == placed
            && status.number_ready == ready
            && status.updated_number_scheduled.unwrap_or(0) == updated
            && status.observed_generation == generation
    });
    (!same).then(|| {
        Action::status(
            set,
            &json!({
                "desiredNumberScheduled": desired,
                "currentNumberScheduled": placed,
                "numberMisscheduled": 0,
                "numberReady": ready,
                "numberAvailable": ready,
                "numberUnavailable": (desired - ready).max(0),
                "updatedNumberScheduled": updated,
                "observedGeneration": generation,
            }),
        )
    })
}
