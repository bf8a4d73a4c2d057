//! How many pods each revision is to have now.

use k8s_openapi::api::apps::v1::ReplicaSet;
use kube::ResourceExt;
use serde_json::json;

use super::{State, TELLER, available, replicas, revision, running};
use crate::lab::cluster::{Action, Teller, Tone};

pub(super) fn plan(state: &State<'_>) -> Vec<Action> {
    if state.is_paused() {
        return spread(state);
    }
    match (state.is_recreate(), state.current) {
        (true, _) => recreate(state),
        (false, None) => {
            let first = growth(state, 0);
            let set = revision::create(state, first);
            let name = set.name_any();
            vec![Action::create(&set), scaled(state, &name, 0, first)]
        }
        (false, Some(current)) => {
            let target = if replicas(current) > state.wanted() {
                state.wanted()
            } else {
                replicas(current) + growth(state, replicas(current))
            };
            let mut actions = resize(state, current, target);
            // One thing after the other: what is unavailable now is not known yet.
            if actions.is_empty() {
                actions = shrink(state, current);
            }
            actions
        }
    }
}

/// Returns by how many pods the current revision may grow.
fn growth(state: &State<'_>, has: i32) -> i32 {
    let total: i32 = state.all().map(replicas).sum();
    let room = state.wanted() + state.bounds().0 - total;
    room.min(state.wanted() - has).max(0)
}

fn recreate(state: &State<'_>) -> Vec<Action> {
    let mut actions: Vec<Action> = state.old.iter().flat_map(|set| resize(state, set, 0)).collect();
    let still = state.old.iter().any(|set| running(set) > 0 || replicas(set) > 0);
    match state.current {
        _ if still => {}
        Some(current) => actions.extend(resize(state, current, state.wanted())),
        None => {
            let set = revision::create(state, state.wanted());
            let name = set.name_any();
            actions.push(Action::create(&set));
            actions.push(scaled(state, &name, 0, state.wanted()));
        }
    }
    actions
}

/// Takes pods from old revisions: first those that do not serve, then as many as may be missed.
fn shrink(state: &State<'_>, current: &ReplicaSet) -> Vec<Action> {
    let least = state.wanted() - state.bounds().1;
    let total: i32 = state.all().map(replicas).sum();
    let unavailable = replicas(current) - available(current);
    let mut limit = total - least - unavailable;
    let mut sizes: Vec<i32> = state.old.iter().map(|set| replicas(set)).collect();
    for (set, size) in state.old.iter().zip(&mut sizes) {
        let less = (*size - available(set)).clamp(0, limit.max(0));
        *size -= less;
        limit -= less;
    }
    let serving: i32 = state.all().map(available).sum();
    let mut spare = (serving - least).min(limit.max(0));
    for size in &mut sizes {
        let less = spare.clamp(0, *size);
        *size -= less;
        spare -= less;
    }
    let pairs = state.old.iter().zip(sizes);
    pairs.flat_map(|(set, size)| resize(state, set, size)).collect()
}

/// While a rollout is paused, a new number of pods is spread over all revisions, the largest first.
fn spread(state: &State<'_>) -> Vec<Action> {
    let total: i32 = state.all().map(replicas).sum();
    let (surge, _) = state.bounds();
    let active: Vec<&ReplicaSet> = state.all().filter(|set| replicas(set) > 0).collect();
    if let [only] = active.as_slice() {
        return resize(state, only, state.wanted());
    }
    let Some(first) = active.iter().copied().max_by_key(|set| replicas(set)) else {
        return state.current.map_or_else(Vec::new, |set| resize(state, set, state.wanted()));
    };
    if total > state.wanted() + surge {
        let less = (total - state.wanted() - surge).min(replicas(first));
        return resize(state, first, replicas(first) - less);
    }
    if total < state.wanted() {
        return resize(state, first, replicas(first) + state.wanted() - total);
    }
    vec![]
}

fn resize(state: &State<'_>, set: &ReplicaSet, target: i32) -> Vec<Action> {
    let now = replicas(set);
    if now == target {
        return vec![];
    }
    let patch = json!({ "spec": { "replicas": target } });
    vec![Action::merge(set, patch), scaled(state, &set.name_any(), now, target)]
}

fn scaled(state: &State<'_>, name: &str, from: i32, to: i32) -> Action {
    let way = if to >= from { "up" } else { "down" };
    let text = format!("Scaled {way} replica set {name} from {from} to {to}");
    let teller = Teller::controller(TELLER);
    Action::tell(state.deployment, teller, Tone::Normal, "ScalingReplicaSet", text)
}
