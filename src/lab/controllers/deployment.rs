//! Deployments: one ReplicaSet per revision of the template, replaced step by step.

use std::sync::Arc;

use k8s_openapi::{
    api::apps::v1::{Deployment, DeploymentSpec, ReplicaSet, ReplicaSetSpec},
    apimachinery::pkg::{apis::meta::v1::ObjectMeta, util::intstr::IntOrString},
};
use kube::ResourceExt;
use serde_json::{Value, json};

use super::{
    owned::{controller_of, hash_of, owned_meta, with_label},
    snapshot::{Snapshot, is_ending},
};
use crate::lab::cluster::Action;

/// Label that tells the pods of one revision from those of another.
const HASH: &str = "pod-template-hash";
/// Annotation that numbers revisions.
const REVISION: &str = "deployment.kubernetes.io/revision";

pub(super) fn plan(snapshot: &Snapshot) -> Vec<Action> {
    let deployments = snapshot.deployments.iter().filter(|one| !is_ending(one.as_ref()));
    deployments
        .flat_map(|deployment| {
            let uid = deployment.uid();
            let owned: Vec<&ReplicaSet> = snapshot
                .replica_sets
                .iter()
                .map(Arc::as_ref)
                .filter(|set| controller_of(*set) == uid.as_deref())
                .collect();
            plan_one(deployment, &owned)
        })
        .collect()
}

fn plan_one(deployment: &Deployment, owned: &[&ReplicaSet]) -> Vec<Action> {
    let spec = &deployment.spec;
    let hash = hash_of(&spec.template);
    let name = format!("{}-{hash}", deployment.name_any());
    let Some(current) = owned.iter().find(|set| set.name_any() == name) else {
        return vec![Action::create(&revision(deployment, spec, name, &hash, owned))];
    };
    let old: Vec<&ReplicaSet> =
        owned.iter().copied().filter(|set| set.name_any() != name).collect();
    let mut actions = scale(spec, current, &old);
    actions.extend(number(deployment, current, &old));
    actions.extend(status(deployment, spec, current, owned));
    actions
}

/// Makes the ReplicaSet of a new revision; it starts empty when others have to shrink first.
fn revision(
    deployment: &Deployment,
    spec: &DeploymentSpec,
    name: String,
    hash: &str,
    owned: &[&ReplicaSet],
) -> ReplicaSet {
    let mut template = spec.template.clone();
    let meta = template.metadata.get_or_insert_default();
    meta.labels = with_label(meta.labels.take(), HASH, hash);
    let labels = meta.labels.clone();
    let mut selector = spec.selector.clone();
    selector.match_labels = with_label(selector.match_labels, HASH, hash);
    let replicas = if owned.is_empty() { spec.replicas.unwrap_or(1) } else { 0 };
    ReplicaSet {
        metadata: ObjectMeta { labels, ..owned_meta(deployment, name) },
        spec: ReplicaSetSpec {
            replicas: Some(replicas),
            selector,
            template: Some(template),
            min_ready_seconds: spec.min_ready_seconds,
        },
        status: None,
    }
}

fn replicas(set: &ReplicaSet) -> i32 {
    set.spec.replicas.unwrap_or(1)
}

fn ready(set: &ReplicaSet) -> i32 {
    set.status.as_ref().and_then(|status| status.ready_replicas).unwrap_or(0)
}

fn running(set: &ReplicaSet) -> i32 {
    set.status.as_ref().map_or(0, |status| status.replicas)
}

fn scale(spec: &DeploymentSpec, current: &ReplicaSet, old: &[&ReplicaSet]) -> Vec<Action> {
    let wanted = spec.replicas.unwrap_or(1);
    let strategy = spec.strategy.clone().unwrap_or_default();
    let recreate = strategy.type_.as_deref() == Some("Recreate");
    let rolling = strategy.rolling_update.unwrap_or_default();
    let surge = share(rolling.max_surge.as_ref(), wanted, f64::ceil);
    let mut unavailable = share(rolling.max_unavailable.as_ref(), wanted, f64::floor);
    if surge == 0 && unavailable == 0 {
        unavailable = 1;
    }
    let old_wanted: i32 = old.iter().map(|set| replicas(set)).sum();
    let old_running: i32 = old.iter().map(|set| running(set).max(replicas(set))).sum();
    let mut actions = Vec::new();
    let target = if recreate {
        if old_running == 0 { wanted } else { replicas(current).min(wanted) }
    } else {
        let room = (wanted + surge - old_running - replicas(current)).max(0);
        (replicas(current) + room).min(wanted)
    };
    if target != replicas(current) {
        actions.push(resize(current, target));
    }
    let mut spare = if recreate {
        old_wanted
    } else {
        let serving = ready(current) + old.iter().map(|set| ready(set)).sum::<i32>();
        let unready: i32 = old.iter().map(|set| (replicas(set) - ready(set)).max(0)).sum();
        (serving - (wanted - unavailable)).max(0) + unready
    };
    for set in old {
        let less = spare.min(replicas(set));
        if less > 0 {
            actions.push(resize(set, replicas(set) - less));
            spare -= less;
        }
    }
    actions
}

fn resize(set: &ReplicaSet, replicas: i32) -> Action {
    Action::merge(set, json!({ "spec": { "replicas": replicas } }))
}

/// A number, or a part of `whole`; Kubernetes rounds surges up and gaps down.
fn share(value: Option<&IntOrString>, whole: i32, round: fn(f64) -> f64) -> i32 {
    let percent = |text: &str| text.trim_end_matches('%').parse::<f64>().unwrap_or(25.0);
    let part = match value {
        Some(IntOrString::Int(number)) => return *number,
        Some(IntOrString::String(text)) => percent(text),
        None => 25.0,
    };
    #[expect(clippy::cast_possible_truncation, reason = "a share of an i32 fits an i32")]
    let share = round(f64::from(whole) * part / 100.0) as i32;
    share
}

fn revision_of(set: &ReplicaSet) -> u64 {
    set.annotations().get(REVISION).and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Numbers the current revision after all others.
fn number(deployment: &Deployment, current: &ReplicaSet, old: &[&ReplicaSet]) -> Vec<Action> {
    let latest = old.iter().map(|set| revision_of(set)).max().unwrap_or(0);
    let own = if revision_of(current) > latest { revision_of(current) } else { latest + 1 };
    let annotate = || json!({ "metadata": { "annotations": { REVISION: own.to_string() } } });
    let mut actions = Vec::new();
    if revision_of(current) != own {
        actions.push(Action::merge(current, annotate()));
    }
    if deployment.annotations().get(REVISION) != Some(&own.to_string()) {
        actions.push(Action::merge(deployment, annotate()));
    }
    actions
}

fn status(
    deployment: &Deployment,
    spec: &DeploymentSpec,
    current: &ReplicaSet,
    owned: &[&ReplicaSet],
) -> Option<Action> {
    let wanted = spec.replicas.unwrap_or(1);
    let total: i32 = owned.iter().map(|set| running(set)).sum();
    let serving: i32 = owned.iter().map(|set| ready(set)).sum();
    let updated = running(current);
    let generation = deployment.metadata.generation;
    let available = serving >= wanted;
    let complete = available && updated == wanted && total == wanted;
    let now = deployment.status.clone().unwrap_or_default();
    let has = |kind: &str, status: &str, reason: &str| {
        now.conditions.iter().flatten().any(|condition| {
            condition.type_.as_deref() == Some(kind)
                && condition.status.as_deref() == Some(status)
                && condition.reason.as_deref() == Some(reason)
        })
    };
    let (availability, why) = if available {
        ("True", "MinimumReplicasAvailable")
    } else {
        ("False", "MinimumReplicasUnavailable")
    };
    let progress = if complete { "NewReplicaSetAvailable" } else { "ReplicaSetUpdated" };
    let same = now.replicas.unwrap_or(0) == total
        && now.ready_replicas.unwrap_or(0) == serving
        && now.updated_replicas.unwrap_or(0) == updated
        && now.observed_generation == generation
        && has("Available", availability, why)
        && has("Progressing", "True", progress);
    let time = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let condition = |kind: &str, status: &str, reason: &str| -> Value {
        json!({ "type": kind, "status": status, "reason": reason, "lastUpdateTime": time, "lastTransitionTime": time })
    };
    (!same).then(|| {
        Action::status(
            deployment,
            &json!({
                "replicas": total,
                "readyReplicas": serving,
                "availableReplicas": serving,
                "unavailableReplicas": (wanted - serving).max(0),
                "updatedReplicas": updated,
                "observedGeneration": generation,
                "conditions": [
                    condition("Available", availability, why),
                    condition("Progressing", "True", progress),
                ],
            }),
        )
    })
}
