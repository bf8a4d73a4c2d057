//! Deployments: one ReplicaSet per revision of the template, replaced step by step.

mod revision;
mod rollout;
mod status;

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use kube::ResourceExt;

use super::{
    owned::{controller_of, share},
    snapshot::{Snapshot, is_ending},
};
use crate::lab::cluster::Action;

/// Who tells about deployments.
const TELLER: &str = "deployment-controller";

pub(super) fn plan(snapshot: &Snapshot) -> Vec<Action> {
    let deployments = snapshot.deployments.iter().filter(|one| !is_ending(one.as_ref()));
    deployments
        .flat_map(|deployment| {
            let uid = deployment.uid();
            let mut owned: Vec<&ReplicaSet> = snapshot
                .replica_sets
                .iter()
                .map(Arc::as_ref)
                .filter(|set| controller_of(*set) == uid.as_deref() && !is_ending(*set))
                .collect();
            owned.sort_by_key(|set| (set.creation_timestamp().map(|time| time.0), set.name_any()));
            plan_one(&State::new(deployment, &owned, snapshot.now))
        })
        .collect()
}

fn plan_one(state: &State<'_>) -> Vec<Action> {
    let mut actions = rollout::plan(state);
    if let Some(current) = state.current {
        actions.extend(revision::annotate(state, current));
    }
    actions.extend(status::plan(state));
    if status::is_complete(state) {
        actions.extend(revision::forget(state));
    }
    actions
}

/// A deployment and its ReplicaSets.
struct State<'a> {
    deployment: &'a Deployment,
    /// The ReplicaSet of the deployment's template.
    current: Option<&'a ReplicaSet>,
    /// All others, oldest first.
    old: Vec<&'a ReplicaSet>,
    now: Timestamp,
}

impl<'a> State<'a> {
    fn new(deployment: &'a Deployment, owned: &[&'a ReplicaSet], now: Timestamp) -> Self {
        let current = owned
            .iter()
            .copied()
            .find(|set| revision::has_template(set, &deployment.spec.template));
        let other = |set: &&ReplicaSet| current.is_none_or(|current| current.uid() != set.uid());
        Self { deployment, current, old: owned.iter().copied().filter(other).collect(), now }
    }

    fn all(&self) -> impl Iterator<Item = &'a ReplicaSet> {
        self.old.iter().copied().chain(self.current)
    }

    fn wanted(&self) -> i32 {
        self.deployment.spec.replicas.unwrap_or(1)
    }

    fn is_recreate(&self) -> bool {
        let strategy = self.deployment.spec.strategy.as_ref();
        strategy.and_then(|strategy| strategy.type_.as_deref()) == Some("Recreate")
    }

    fn is_paused(&self) -> bool {
        self.deployment.spec.paused == Some(true)
    }

    /// Returns how many pods there may be too many, and how many too few.
    fn bounds(&self) -> (i32, i32) {
        if self.is_recreate() {
            return (0, self.wanted());
        }
        let strategy = self.deployment.spec.strategy.clone().unwrap_or_default();
        let rolling = strategy.rolling_update.unwrap_or_default();
        let surge = share(rolling.max_surge.as_ref(), self.wanted(), f64::ceil);
        let unavailable = share(rolling.max_unavailable.as_ref(), self.wanted(), f64::floor);
        let unavailable = if surge == 0 && unavailable == 0 { 1 } else { unavailable };
        (surge, unavailable.min(self.wanted()))
    }
}

fn replicas(set: &ReplicaSet) -> i32 {
    set.spec.replicas.unwrap_or(1)
}

fn available(set: &ReplicaSet) -> i32 {
    set.status.as_ref().and_then(|status| status.available_replicas).unwrap_or(0)
}

fn ready(set: &ReplicaSet) -> i32 {
    set.status.as_ref().and_then(|status| status.ready_replicas).unwrap_or(0)
}

fn running(set: &ReplicaSet) -> i32 {
    set.status.as_ref().map_or(0, |status| status.replicas)
}

#[cfg(test)]
mod tests;
