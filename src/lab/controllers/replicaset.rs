//! ReplicaSets: as many pods as asked for.

use std::{cmp::Reverse, sync::Arc};

use jiff::Timestamp;
use k8s_openapi::api::{apps::v1::ReplicaSet, core::v1::Pod};
use kube::ResourceExt;
use serde_json::json;

use super::{
    owned::{count, is_active, is_available, is_ready, phase, pod_of, random_name},
    snapshot::{PodsByOwner, Snapshot, is_ending},
};
use crate::lab::cluster::Action;

/// Who tells about replica sets.
const TELLER: &str = "replicaset-controller";
/// Annotation that says how much a pod's end would cost.
const COST: &str = "controller.kubernetes.io/pod-deletion-cost";

pub(super) fn plan(snapshot: &Snapshot, pods: &PodsByOwner) -> Vec<Action> {
    let sets = snapshot.replica_sets.iter().filter(|set| !is_ending(set.as_ref()));
    sets.flat_map(|set| {
        let owned = pods.get(&set.uid().unwrap_or_default()).map_or(&[][..], Vec::as_slice);
        plan_one(set, owned, snapshot.now)
    })
    .collect()
}

fn plan_one(set: &ReplicaSet, owned: &[Arc<Pod>], now: Timestamp) -> Vec<Action> {
    let spec = &set.spec;
    let wanted = usize::try_from(spec.replicas.unwrap_or(1)).unwrap_or(0);
    let mut active: Vec<&Pod> =
        owned.iter().map(Arc::as_ref).filter(|pod| is_active(pod)).collect();
    let mut actions = Vec::new();
    if let Some(template) = &spec.template {
        for _ in active.len()..wanted {
            let name = random_name(&set.name_any());
            actions.push(Action::create(&pod_of(set, template, name)).told_to(set, TELLER));
        }
    }
    active.sort_by_key(|pod| rank(pod));
    let surplus = active.len().saturating_sub(wanted);
    let deletions = active.iter().take(surplus);
    actions.extend(deletions.map(|pod| Action::delete(*pod).told_to(set, TELLER)));
    actions.extend(status(set, &active, now));
    actions
}

/// Those that serve least go first; of equals the cheapest, then those that failed most, then the
/// youngest.
fn rank(pod: &Pod) -> impl Ord + use<> {
    let bound = pod.spec.as_ref().and_then(|spec| spec.node_name.as_ref()).is_some();
    let cost = pod.annotations().get(COST).and_then(|text| text.parse::<i32>().ok()).unwrap_or(0);
    let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref());
    let restarts = statuses.into_iter().flatten().map(|one| one.restart_count).max().unwrap_or(0);
    let age = Reverse(pod.creation_timestamp().map(|time| time.0));
    (bound, phase(pod) == "Running", is_ready(pod), cost, Reverse(restarts), age)
}

fn status(set: &ReplicaSet, active: &[&Pod], now: Timestamp) -> Option<Action> {
    let ready = count(active, |pod| is_ready(pod));
    let available = count(active, |pod| is_available(pod, set.spec.min_ready_seconds, now));
    let replicas = count(active, |_| true);
    let generation = set.metadata.generation;
    let same = set.status.as_ref().is_some_and(|status| {
        status.replicas == replicas
            && status.ready_replicas.unwrap_or(0) == ready
            && status.available_replicas.unwrap_or(0) == available
            && status.observed_generation == generation
    });
    (!same).then(|| {
        Action::status(
            set,
            &json!({
                "replicas": replicas,
                "fullyLabeledReplicas": replicas,
                "readyReplicas": ready,
                "availableReplicas": available,
                "observedGeneration": generation,
            }),
        )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value};

    use super::*;
    use crate::lab::cluster::Write;

    fn set(replicas: i32) -> ReplicaSet {
        from_value(json!({
            "metadata": { "name": "web", "namespace": "x", "uid": "w", "generation": 1 },
            "spec": { "replicas": replicas, "selector": {},
                "template": { "spec": { "containers": [] } } },
            "status": { "replicas": 0 },
        }))
        .unwrap()
    }

    fn pod(name: &str, ready: bool, more: Value) -> Arc<Pod> {
        let mut value = json!({
            "metadata": { "name": name, "namespace": "x" },
            "spec": { "nodeName": "n", "containers": [] },
            "status": { "phase": "Running",
                "conditions": [{ "type": "Ready", "status": if ready { "True" } else { "False" } }] },
        });
        json_patch::merge(&mut value, &more);
        Arc::new(from_value(value).unwrap())
    }

    fn names(actions: &[Action], which: fn(&Write) -> bool) -> Vec<String> {
        let chosen = actions.iter().filter(|action| which(&action.write));
        chosen.map(|action| action.name().to_owned()).collect()
    }

    #[test]
    fn missing_pods_are_made_and_ended_ones_replaced() {
        let ended = pod("a", false, json!({ "status": { "phase": "Failed" } }));
        let going =
            pod("b", true, json!({ "metadata": { "deletionTimestamp": "2026-01-01T00:00:00Z" } }));
        let owned = [ended, going, pod("c", true, json!({}))];
        let actions = plan_one(&set(3), &owned, Timestamp::now());
        assert_eq!(names(&actions, |write| matches!(write, Write::Create(_))).len(), 2);
        assert!(names(&actions, |write| matches!(write, Write::Delete { .. })).is_empty());
    }

    #[test]
    fn the_least_useful_pods_go_first() {
        let owned = [
            pod("ready", true, json!({})),
            pod("dear", true, json!({ "metadata": { "annotations": { COST: "5" } } })),
            pod("unready", false, json!({})),
            pod("unbound", false, json!({ "spec": { "nodeName": null } })),
        ];
        for (wanted, gone) in [
            (3, &["unbound"][..]),
            (2, &["unbound", "unready"]),
            (1, &["unbound", "unready", "ready"]),
        ] {
            let actions = plan_one(&set(wanted), &owned, Timestamp::now());
            assert_eq!(names(&actions, |write| matches!(write, Write::Delete { .. })), gone);
        }
    }
}
