//! StatefulSets: pods with numbers, made in order.

use std::sync::Arc;

use k8s_openapi::api::{
    apps::v1::{StatefulSet, StatefulSetSpec},
    core::v1::Pod,
};
use kube::ResourceExt;
use serde_json::json;

use super::{
    owned::{count, has_ended, hash_of, is_ready, pod_of, with_label},
    snapshot::{PodsByOwner, Snapshot, is_ending},
};
use crate::lab::cluster::Action;

/// Label that tells the pods of one revision from those of another.
const REVISION: &str = "controller-revision-hash";

pub(super) fn plan(snapshot: &Snapshot, pods: &PodsByOwner) -> Vec<Action> {
    let sets = snapshot.stateful_sets.iter().filter(|set| !is_ending(set.as_ref()));
    sets.flat_map(|set| {
        let owned = pods.get(&set.uid().unwrap_or_default()).map_or(&[][..], Vec::as_slice);
        plan_one(set, owned)
    })
    .collect()
}

fn plan_one(set: &StatefulSet, owned: &[Arc<Pod>]) -> Vec<Action> {
    let spec = &set.spec;
    let hash = hash_of(&spec.template);
    let wanted = spec.replicas.unwrap_or(1).max(0);
    let first = spec.ordinals.as_ref().and_then(|ordinals| ordinals.start).unwrap_or(0);
    let parallel = spec.pod_management_policy.as_deref() == Some("Parallel");
    let name = |ordinal: i32| format!("{}-{ordinal}", set.name_any());
    let find = |ordinal| owned.iter().find(|pod| pod.name_any() == name(ordinal));
    let mut actions = Vec::new();
    for ordinal in first..first + wanted {
        match find(ordinal) {
            None => actions.push(Action::create(&pod(set, spec, name(ordinal), ordinal, &hash))),
            // A set's pod that ended is replaced by one of the same name.
            Some(pod) if has_ended(pod) && !is_ending(pod.as_ref()) => {
                actions.push(Action::delete(pod.as_ref()));
            }
            Some(pod) if is_ready(pod) && !is_ending(pod.as_ref()) => continue,
            Some(_) => {}
        }
        if !parallel {
            break;
        }
    }
    let all_ready = actions.is_empty()
        && (first..first + wanted).all(|n| find(n).is_some_and(|pod| is_ready(pod)));
    actions.extend(surplus(set, owned, first..first + wanted, parallel));
    if all_ready {
        actions.extend(outdated(spec, owned, &hash));
    }
    actions.extend(status(set, owned, &hash));
    actions
}

fn pod(set: &StatefulSet, spec: &StatefulSetSpec, name: String, ordinal: i32, hash: &str) -> Pod {
    let mut pod = pod_of(set, &spec.template, name.clone());
    let labels = with_label(pod.metadata.labels.take(), REVISION, hash);
    let labels = with_label(labels, "statefulset.kubernetes.io/pod-name", &name);
    pod.metadata.labels = with_label(labels, "apps.kubernetes.io/pod-index", &ordinal.to_string());
    if let Some(inner) = &mut pod.spec {
        inner.hostname = Some(name);
        inner.subdomain.clone_from(&spec.service_name);
    }
    pod
}

/// Deletes pods beyond the wanted ones, the highest number first, one at a time when in order.
fn surplus(
    set: &StatefulSet,
    owned: &[Arc<Pod>],
    wanted: std::ops::Range<i32>,
    parallel: bool,
) -> Vec<Action> {
    let prefix = format!("{}-", set.name_any());
    let ordinal = |pod: &Pod| pod.name_any().strip_prefix(&prefix)?.parse::<i32>().ok();
    let mut extra: Vec<(i32, &Pod)> = owned
        .iter()
        .filter_map(|pod| Some((ordinal(pod)?, pod.as_ref())))
        .filter(|(ordinal, _)| !wanted.contains(ordinal))
        .collect();
    extra.sort_by_key(|(ordinal, _)| std::cmp::Reverse(*ordinal));
    if !parallel && extra.iter().any(|(_, pod)| is_ending(*pod)) {
        return vec![];
    }
    let extra = extra.into_iter().filter(|(_, pod)| !is_ending(*pod));
    extra.take(if parallel { usize::MAX } else { 1 }).map(|(_, pod)| Action::delete(pod)).collect()
}

/// Replaces one pod of an older template, the highest number first.
fn outdated(spec: &StatefulSetSpec, owned: &[Arc<Pod>], hash: &str) -> Option<Action> {
    let on_delete = spec.update_strategy.as_ref().and_then(|strategy| strategy.type_.as_deref());
    if on_delete == Some("OnDelete") {
        return None;
    }
    let old = owned.iter().filter(|pod| pod.labels().get(REVISION).is_none_or(|own| own != hash));
    let mut old: Vec<_> = old.filter(|pod| !is_ending(pod.as_ref())).collect();
    old.sort_by_key(|pod| pod.name_any());
    old.last().map(|pod| Action::delete(pod.as_ref()))
}

fn status(set: &StatefulSet, owned: &[Arc<Pod>], hash: &str) -> Option<Action> {
    let replicas = count(owned, |_| true);
    let ready = count(owned, |pod| is_ready(pod));
    let current = |pod: &&Arc<Pod>| pod.labels().get(REVISION).is_some_and(|own| own == hash);
    let updated = count(owned, current);
    let generation = set.metadata.generation;
    let same = set.status.as_ref().is_some_and(|status| {
        status.replicas == replicas
            && status.ready_replicas.unwrap_or(0) == ready
            && status.updated_replicas.unwrap_or(0) == updated
            && status.observed_generation == generation
    });
    let revision = format!("{}-{hash}", set.name_any());
    (!same).then(|| {
        Action::status(
            set,
            &json!({
                "replicas": replicas,
                "readyReplicas": ready,
                "availableReplicas": ready,
                "currentReplicas": updated,
                "updatedReplicas": updated,
                "currentRevision": revision,
                "updateRevision": revision,
                "observedGeneration": generation,
            }),
        )
    })
}
