//! Revisions: ReplicaSets, their numbers, and how many of them are kept.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::{
        apps::v1::{ReplicaSet, ReplicaSetSpec},
        core::v1::PodTemplateSpec,
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::ResourceExt;
use serde_json::{Value, json};

use super::{State, replicas, running};
use crate::lab::{
    cluster::Action,
    controllers::owned::{hash_of, owned_meta, with_label},
};

/// Label that tells the pods of one revision from those of another.
const HASH: &str = "pod-template-hash";
/// Annotation that numbers revisions.
const REVISION: &str = "deployment.kubernetes.io/revision";
/// Annotation with the numbers that a revision had before.
const HISTORY: &str = "deployment.kubernetes.io/revision-history";
/// Annotation with the deployment's number of pods.
const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
/// Annotation with the largest number of pods during a rollout.
const MAX: &str = "deployment.kubernetes.io/max-replicas";
/// Annotations of a deployment that its ReplicaSets do not take over.
const OWN: [&str; 6] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    HISTORY,
    DESIRED,
    MAX,
    "deprecated.deployment.rollback.to",
];

/// Tells whether a ReplicaSet makes pods of a deployment's template.
pub(super) fn has_template(set: &ReplicaSet, template: &PodTemplateSpec) -> bool {
    let Some(mut own) = set.spec.template.clone() else { return false };
    let mut template = template.clone();
    for template in [&mut own, &mut template] {
        let labels = template.metadata.get_or_insert_default().labels.get_or_insert_default();
        labels.remove(HASH);
    }
    own == template
}

/// Makes the ReplicaSet of a new revision.
pub(super) fn create(state: &State<'_>, replicas: i32) -> ReplicaSet {
    let deployment = state.deployment;
    let spec = &deployment.spec;
    let hash = hash_of(&spec.template);
    let mut template = spec.template.clone();
    let meta = template.metadata.get_or_insert_default();
    meta.labels = with_label(meta.labels.take(), HASH, &hash);
    let labels = meta.labels.clone();
    let mut selector = spec.selector.clone();
    selector.match_labels = with_label(selector.match_labels, HASH, &hash);
    let name = format!("{}-{hash}", deployment.name_any());
    let mut annotations = inherited(state);
    annotations.insert(REVISION.to_owned(), (latest(state) + 1).to_string());
    ReplicaSet {
        metadata: ObjectMeta {
            labels,
            annotations: Some(annotations),
            ..owned_meta(deployment, name)
        },
        spec: ReplicaSetSpec {
            replicas: Some(replicas),
            selector,
            template: Some(template),
            min_ready_seconds: spec.min_ready_seconds,
        },
        status: None,
    }
}

/// Returns the annotations that a ReplicaSet has from its deployment.
fn inherited(state: &State<'_>) -> BTreeMap<String, String> {
    let own = state.deployment.annotations().iter();
    let mut all: BTreeMap<String, String> = own
        .filter(|(key, _)| !OWN.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    all.insert(DESIRED.to_owned(), state.wanted().to_string());
    all.insert(MAX.to_owned(), (state.wanted() + state.bounds().0).to_string());
    all
}

fn number(set: &ReplicaSet) -> u64 {
    set.annotations().get(REVISION).and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn latest(state: &State<'_>) -> u64 {
    state.old.iter().map(|set| number(set)).max().unwrap_or(0)
}

/// Numbers the current revision after all others, and keeps its annotations up to date.
pub(super) fn annotate(state: &State<'_>, current: &ReplicaSet) -> Vec<Action> {
    let latest = latest(state);
    let before = number(current);
    let own = if before > latest { before } else { latest + 1 };
    let mut annotations = inherited(state);
    if own != before {
        annotations.insert(REVISION.to_owned(), own.to_string());
        if before > 0 {
            let history = current.annotations().get(HISTORY);
            let history = history.map_or(before.to_string(), |text| format!("{text},{before}"));
            annotations.insert(HISTORY.to_owned(), history);
        }
    }
    annotations.retain(|key, value| current.annotations().get(key) != Some(value));
    let mut actions = Vec::new();
    let mut patch = serde_json::Map::new();
    if !annotations.is_empty() {
        patch.insert("metadata".into(), json!({ "annotations": annotations }));
    }
    if current.spec.min_ready_seconds.unwrap_or(0)
        != state.deployment.spec.min_ready_seconds.unwrap_or(0)
    {
        let seconds = state.deployment.spec.min_ready_seconds;
        patch.insert("spec".into(), json!({ "minReadySeconds": seconds }));
    }
    if !patch.is_empty() {
        actions.push(Action::merge(current, Value::Object(patch)));
    }
    if state.deployment.annotations().get(REVISION) != Some(&own.to_string()) {
        let patch = json!({ "metadata": { "annotations": { REVISION: own.to_string() } } });
        actions.push(Action::merge(state.deployment, patch));
    }
    actions
}

/// Deletes the oldest revisions that nobody can want any more.
pub(super) fn forget(state: &State<'_>) -> Vec<Action> {
    let limit = state.deployment.spec.revision_history_limit.unwrap_or(10);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut empty: Vec<_> =
        state.old.iter().filter(|set| replicas(set) == 0 && running(set) == 0).collect();
    let surplus = state.old.len().saturating_sub(limit);
    empty.sort_by_key(|set| number(set));
    empty.into_iter().take(surplus).map(|set| Action::delete(*set)).collect()
}
