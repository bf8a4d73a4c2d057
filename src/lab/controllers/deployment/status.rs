//! What a deployment's status says.

use jiff::SignedDuration;
use k8s_openapi::api::apps::v1::{DeploymentCondition, DeploymentStatus};
use kube::ResourceExt;
use serde_json::{Value, json};

use super::{State, available, ready, replicas, running};
use crate::lab::{cluster::Action, controllers::owned::time};

/// Tells whether every pod is of the current revision and serves.
pub(super) fn is_complete(state: &State<'_>) -> bool {
    let Some(current) = state.current else { return false };
    let total: i32 = state.all().map(running).sum();
    running(current) == state.wanted()
        && total == state.wanted()
        && available(current) == state.wanted()
}

/// A condition as it should be, without times.
struct Wanted {
    kind: &'static str,
    status: &'static str,
    reason: &'static str,
    message: String,
    /// Something moved: the time of the update is now.
    moved: bool,
}

pub(super) fn plan(state: &State<'_>) -> Option<Action> {
    let before = state.deployment.status.clone().unwrap_or_default();
    let total: i32 = state.all().map(running).sum();
    let serving: i32 = state.all().map(available).sum();
    let prepared: i32 = state.all().map(ready).sum();
    let updated = state.current.map_or(0, running);
    let asked: i32 = state.all().map(replicas).sum();
    let generation = state.deployment.metadata.generation;
    let conditions: Vec<Wanted> =
        [Some(availability(state, serving)), progress(state, &before, [total, updated, serving])]
            .into_iter()
            .flatten()
            .collect();
    let counts = [
        ("replicas", before.replicas, total),
        ("updatedReplicas", before.updated_replicas, updated),
        ("readyReplicas", before.ready_replicas, prepared),
        ("availableReplicas", before.available_replicas, serving),
        ("unavailableReplicas", before.unavailable_replicas, (asked - serving).max(0)),
    ];
    let same = counts.iter().all(|(_, was, is)| was.unwrap_or(0) == *is)
        && before.observed_generation == generation
        && conditions.iter().all(|wanted| holds(&before, wanted));
    if same {
        return None;
    }
    let mut status = json!({
        "observedGeneration": generation,
        "conditions": conditions.iter().map(|one| show(state, &before, one)).collect::<Vec<_>>(),
    });
    for (name, _, is) in counts {
        status[name] = json!(is);
    }
    Some(Action::status(state.deployment, &status))
}

fn find<'a>(status: &'a DeploymentStatus, kind: &str) -> Option<&'a DeploymentCondition> {
    status.conditions.iter().flatten().find(|one| one.type_.as_deref() == Some(kind))
}

fn holds(status: &DeploymentStatus, wanted: &Wanted) -> bool {
    find(status, wanted.kind).is_some_and(|one| {
        one.status.as_deref() == Some(wanted.status)
            && one.reason.as_deref() == Some(wanted.reason)
            && !wanted.moved
    })
}

fn show(state: &State<'_>, before: &DeploymentStatus, wanted: &Wanted) -> Value {
    let old = find(before, wanted.kind);
    let now = time(state.now);
    let kept = old.filter(|one| one.status.as_deref() == Some(wanted.status));
    let transition = kept.and_then(|one| one.last_transition_time.as_ref());
    let update =
        old.filter(|_| holds(before, wanted)).and_then(|one| one.last_update_time.as_ref());
    json!({
        "type": wanted.kind,
        "status": wanted.status,
        "reason": wanted.reason,
        "message": wanted.message,
        "lastUpdateTime": update.map_or(now.clone(), |at| time(at.0)),
        "lastTransitionTime": transition.map_or(now, |at| time(at.0)),
    })
}

fn availability(state: &State<'_>, serving: i32) -> Wanted {
    let least =
        if state.is_recreate() { state.wanted() } else { state.wanted() - state.bounds().1 };
    let (status, reason, message) = if serving >= least {
        ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    } else {
        ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    };
    Wanted { kind: "Available", status, reason, message: message.to_owned(), moved: false }
}

/// Returns how the rollout goes; none when the deployment does not want to know.
fn progress(
    state: &State<'_>,
    before: &DeploymentStatus,
    [total, updated, serving]: [i32; 3],
) -> Option<Wanted> {
    let deadline = i64::from(state.deployment.spec.progress_deadline_seconds.unwrap_or(600));
    if deadline >= i64::from(i32::MAX) {
        return None;
    }
    let name = state.current.map(ResourceExt::name_any).unwrap_or_default();
    let say = |status, reason, message: String, moved| {
        Some(Wanted { kind: "Progressing", status, reason, message, moved })
    };
    let old = find(before, "Progressing");
    let reason = old.and_then(|one| one.reason.as_deref());
    if state.is_paused() {
        return say("Unknown", "DeploymentPaused", "Deployment is paused".to_owned(), false);
    }
    if reason == Some("DeploymentPaused") {
        return say("Unknown", "DeploymentResumed", "Deployment is resumed".to_owned(), false);
    }
    if state.current.is_none() {
        return say("True", "NewReplicaSetCreated", "Created new replica set".to_owned(), false);
    }
    if is_complete(state) {
        let text = format!("ReplicaSet {name:?} has successfully progressed.");
        return say("True", "NewReplicaSetAvailable", text, false);
    }
    let settled = reason == Some("NewReplicaSetAvailable") && total == updated;
    if settled && before.observed_generation == state.deployment.metadata.generation {
        // Pods that stop serving later are no rollout.
        let text = format!("ReplicaSet {name:?} has successfully progressed.");
        return say("True", "NewReplicaSetAvailable", text, false);
    }
    let was_old = before.replicas.unwrap_or(0) - before.updated_replicas.unwrap_or(0);
    let moved = updated > before.updated_replicas.unwrap_or(0)
        || total - updated < was_old
        || serving > before.available_replicas.unwrap_or(0);
    // A new template makes a rollout that had come to its end, or to none, go on.
    let anew = before.observed_generation != state.deployment.metadata.generation
        || reason == Some("NewReplicaSetAvailable");
    let text = format!("ReplicaSet {name:?} is progressing.");
    if moved || anew {
        return say("True", "ReplicaSetUpdated", text, true);
    }
    if reason == Some("ProgressDeadlineExceeded") {
        let text = format!("ReplicaSet {name:?} has timed out progressing.");
        return say("False", "ProgressDeadlineExceeded", text, false);
    }
    let since = old.and_then(|one| one.last_update_time.as_ref()).map_or(state.now, |at| at.0);
    if state.now.duration_since(since) > SignedDuration::from_secs(deadline) {
        let text = format!("ReplicaSet {name:?} has timed out progressing.");
        return say("False", "ProgressDeadlineExceeded", text, false);
    }
    say("True", "ReplicaSetUpdated", text, false)
}
