//! PodDisruptionBudgets: how many pods may go at the moment.

use std::sync::Arc;

use k8s_openapi::api::{core::v1::Pod, policy::v1::PodDisruptionBudget};
use kube::ResourceExt;
use serde_json::json;

use super::{
    matching::label_selector_matches,
    owned::{count, has_ended, is_ready, share, time},
    snapshot::{Snapshot, is_ending},
};
use crate::lab::cluster::Action;

pub(super) fn plan(snapshot: &Snapshot) -> Vec<Action> {
    snapshot.budgets.iter().filter_map(|budget| status(budget, snapshot)).collect()
}

fn status(budget: &PodDisruptionBudget, snapshot: &Snapshot) -> Option<Action> {
    let spec = budget.spec.clone().unwrap_or_default();
    let covered = |pod: &&Arc<Pod>| {
        pod.namespace() == budget.namespace()
            && !has_ended(pod)
            && spec.selector.as_ref().is_some_and(|one| label_selector_matches(one, pod.labels()))
    };
    let pods: Vec<&Arc<Pod>> = snapshot.pods.iter().filter(covered).collect();
    let expected = count(&pods, |_| true);
    let healthy = count(&pods, |pod| is_ready(pod) && !is_ending(pod.as_ref()));
    let desired = match (&spec.min_available, &spec.max_unavailable) {
        (Some(least), _) => share(Some(least), expected, f64::ceil),
        (None, Some(most)) => (expected - share(Some(most), expected, f64::ceil)).max(0),
        (None, None) => 0,
    };
    let allowed = (healthy - desired).max(0);
    let before = budget.status.clone().unwrap_or_default();
    let same = budget.status.is_some()
        && before.disruptions_allowed == Some(allowed)
        && before.current_healthy == Some(healthy)
        && before.desired_healthy == Some(desired)
        && before.expected_pods == Some(expected)
        && before.observed_generation == budget.metadata.generation;
    let (holds, reason) =
        if allowed > 0 { ("True", "SufficientPods") } else { ("False", "InsufficientPods") };
    (!same).then(|| {
        Action::status(
            budget,
            &json!({
                "disruptionsAllowed": allowed,
                "currentHealthy": healthy,
                "desiredHealthy": desired,
                "expectedPods": expected,
                "observedGeneration": budget.metadata.generation,
                "conditions": [{ "type": "DisruptionAllowed", "status": holds, "reason": reason,
                    "message": "", "observedGeneration": budget.metadata.generation,
                    "lastTransitionTime": time(snapshot.now) }],
            }),
        )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value};

    use super::*;
    use crate::lab::cluster::Write;

    #[test]
    fn what_may_go_is_what_is_not_needed() {
        let pod = |name: &str, ready: &str| {
            Arc::new(
                from_value::<Pod>(json!({
                    "metadata": { "name": name, "namespace": "x", "labels": { "app": "a" } },
                    "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": ready }] },
                }))
                .unwrap(),
            )
        };
        let pods = vec![pod("1", "True"), pod("2", "True"), pod("3", "True"), pod("4", "False")];
        for (limit, expected) in [
            (json!({ "minAvailable": 2 }), 1),
            (json!({ "minAvailable": "50%" }), 1),
            (json!({ "maxUnavailable": 1 }), 0),
            (json!({ "maxUnavailable": "50%" }), 1),
        ] {
            let mut spec = json!({ "selector": { "matchLabels": { "app": "a" } } });
            json_patch::merge(&mut spec, &limit);
            let value = json!({ "metadata": { "name": "b", "namespace": "x" }, "spec": spec });
            let budgets = vec![Arc::new(from_value(value).unwrap())];
            let snapshot = Snapshot { budgets, pods: pods.clone(), ..Snapshot::default() };
            let actions = plan(&snapshot);
            let Write::Status(patch) = &actions[0].write else { panic!("{actions:?}") };
            assert_eq!(patch["status"]["disruptionsAllowed"], Value::from(expected), "{limit}");
        }
    }
}
