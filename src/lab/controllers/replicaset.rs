//! ReplicaSets: as many pods as asked for.

use k8s_openapi::api::{apps::v1::ReplicaSet, core::v1::Pod};
use kube::ResourceExt;
use serde_json::json;
use std::sync::Arc;

use super::{
    owned::{count, is_active, is_ready, pod_of, random_name},
    snapshot::{PodsByOwner, Snapshot, is_ending},
};
use crate::lab::cluster::Action;

pub(super) fn plan(snapshot: &Snapshot, pods: &PodsByOwner) -> Vec<Action> {
    let sets = snapshot.replica_sets.iter().filter(|set| !is_ending(set.as_ref()));
    sets.flat_map(|set| {
        let owned = pods.get(&set.uid().unwrap_or_default()).map_or(&[][..], Vec::as_slice);
        plan_one(set, owned)
    })
    .collect()
}

fn plan_one(set: &ReplicaSet, owned: &[Arc<Pod>]) -> Vec<Action> {
    let spec = &set.spec;
    let wanted = usize::try_from(spec.replicas.unwrap_or(1)).unwrap_or(0);
    let mut active: Vec<&Pod> =
        owned.iter().map(Arc::as_ref).filter(|pod| is_active(pod)).collect();
    let mut actions = Vec::new();
    if let Some(template) = &spec.template {
        for _ in active.len()..wanted {
            let name = random_name(&set.name_any());
            actions.push(Action::create(&pod_of(set, template, name)));
        }
    }
    // Those that serve least go first; of equals the youngest.
    active.sort_by_key(|pod| (is_ready(pod), std::cmp::Reverse(pod.creation_timestamp())));
    let surplus = active.len().saturating_sub(wanted);
    actions.extend(active.iter().take(surplus).map(|pod| Action::delete(*pod)));
    actions.extend(status(set, &active));
    actions
}

fn status(set: &ReplicaSet, active: &[&Pod]) -> Option<Action> {
    let ready = count(active, |pod| is_ready(pod));
    let replicas = count(active, |_| true);
    let generation = set.metadata.generation;
    let same = set.status.as_ref().is_some_and(|status| {
        status.replicas == replicas
            && status.ready_replicas.unwrap_or(0) == ready
            && status.observed_generation == generation
    });
    (!same).then(|| {
        Action::status(
            set,
            &json!({
                "replicas": replicas,
                "fullyLabeledReplicas": replicas,
                "readyReplicas": ready,
                "availableReplicas": ready,
                "observedGeneration": generation,
            }),
        )
    })
}
