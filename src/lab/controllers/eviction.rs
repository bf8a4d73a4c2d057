//! Pods that may not stay on their node any longer: those that do not tolerate its NoExecute
//! taints, or have done so for as long as they said.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Node, Pod, Taint};
use kube::ResourceExt;

use super::{
    matching::{taints, tolerates},
    owned::is_active,
    snapshot::Snapshot,
};
use crate::lab::cluster::{Action, Teller, Tone};

/// Who tells about evictions.
const TELLER: &str = "taint-eviction-controller";

pub(super) fn plan(snapshot: &Snapshot) -> Vec<Action> {
    let mut actions = Vec::new();
    for node in &snapshot.nodes {
        let taints: Vec<&Taint> =
            taints(node).iter().filter(|taint| taint.effect == "NoExecute").collect();
        if taints.is_empty() {
            continue;
        }
        let here = snapshot.pods.iter().filter(|pod| is_on(pod, node) && is_active(pod));
        for pod in here.filter(|pod| leaves_at(pod, &taints).is_some_and(|at| at <= snapshot.now)) {
            let name = format!("{}/{}", pod.namespace().unwrap_or_default(), pod.name_any());
            let text = format!("Marking for deletion Pod {name}");
            let teller = Teller::controller(TELLER);
            let reason = "TaintManagerEviction";
            actions.push(Action::tell(pod.as_ref(), teller, Tone::Normal, reason, text));
            actions.push(Action::delete(pod.as_ref()));
        }
    }
    actions
}

fn is_on(pod: &Arc<Pod>, node: &Node) -> bool {
    pod.spec.as_ref().and_then(|spec| spec.node_name.clone()) == Some(node.name_any())
}

/// Returns when a pod has to leave; none when it tolerates everything for good.
fn leaves_at(pod: &Pod, taints: &[&Taint]) -> Option<Timestamp> {
    let tolerations = pod.spec.as_ref().and_then(|spec| spec.tolerations.as_deref());
    let tolerations = tolerations.unwrap_or_default();
    let leaves = taints.iter().filter_map(|taint| {
        let since = taint.time_added.as_ref().map_or(Timestamp::UNIX_EPOCH, |time| time.0);
        let matching = tolerations.iter().filter(|one| tolerates(one, taint));
        // Of several tolerations the shortest counts.
        let limits: Vec<Option<i64>> = matching.map(|one| one.toleration_seconds).collect();
        match (limits.is_empty(), limits.iter().flatten().min()) {
            (true, _) => Some(since),
            (false, None) => None,
            (false, Some(seconds)) => {
                since.checked_add(SignedDuration::from_secs((*seconds).max(0))).ok()
            }
        }
    });
    leaves.min()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json};

    use super::*;

    #[test]
    fn pods_leave_when_their_tolerance_ends() {
        let taint: Taint = from_value(json!({ "key": "node.kubernetes.io/unreachable",
            "effect": "NoExecute", "timeAdded": "2026-01-01T00:00:00Z" }))
        .unwrap();
        let leaves = |tolerations: Value| {
            let pod = json!({ "spec": { "containers": [], "tolerations": tolerations } });
            leaves_at(&from_value(pod).unwrap(), &[&taint]).map(|at| at.to_string())
        };
        let toleration = |seconds: Value| {
            json!({ "key": "node.kubernetes.io/unreachable", "operator": "Exists",
                "effect": "NoExecute", "tolerationSeconds": seconds })
        };
        assert_eq!(leaves(json!([])).unwrap(), "2026-01-01T00:00:00Z");
        assert_eq!(leaves(json!([toleration(json!(300))])).unwrap(), "2026-01-01T00:05:00Z");
        assert_eq!(leaves(json!([toleration(Value::Null)])), None);
        assert_eq!(leaves(json!([{ "operator": "Exists" }])), None);
        let both = json!([toleration(json!(300)), toleration(json!(10))]);
        assert_eq!(leaves(both).unwrap(), "2026-01-01T00:00:10Z");
    }
}
