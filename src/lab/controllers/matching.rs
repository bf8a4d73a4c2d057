//! Which nodes a pod may be on, and which pods a selector means.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{Node, NodeSelectorTerm, Pod, PodSpec, Taint, Toleration},
    apimachinery::pkg::apis::meta::v1::LabelSelector,
};
use kube::ResourceExt;

/// Tells whether labels have everything that `selector` names; an empty one means nothing.
pub(super) fn selector_matches(selector: &BTreeMap<String, String>, pod: &Pod) -> bool {
    !selector.is_empty() && selector.iter().all(|(key, value)| pod.labels().get(key) == Some(value))
}

/// Tells whether labels are what a label selector means; an empty one means all.
pub(super) fn label_selector_matches(
    selector: &LabelSelector,
    labels: &BTreeMap<String, String>,
) -> bool {
    let exact = selector.match_labels.iter().flatten();
    let mut expressions = selector.match_expressions.iter().flatten();
    exact.into_iter().all(|(key, value)| labels.get(key) == Some(value))
        && expressions
            .all(|one| holds(&one.operator, labels.get(&one.key).cloned(), one.values.as_deref()))
}

/// Tells whether a pod's node selector and required node affinity accept a node.
pub(super) fn selects(pod: &PodSpec, node: &Node) -> bool {
    let by_selector = pod
        .node_selector
        .iter()
        .flatten()
        .all(|(key, value)| node.labels().get(key) == Some(value));
    let terms = pod
        .affinity
        .as_ref()
        .and_then(|affinity| affinity.node_affinity.as_ref())
        .and_then(|affinity| affinity.required_during_scheduling_ignored_during_execution.as_ref())
        .map(|required| required.node_selector_terms.as_slice());
    by_selector && terms.is_none_or(|terms| terms.iter().any(|term| accepts(term, node)))
}

/// Tells whether a term of node affinity accepts a node.
pub(super) fn accepts(term: &NodeSelectorTerm, node: &Node) -> bool {
    let labels = |key: &str| node.labels().get(key).cloned();
    let fields = |key: &str| (key == "metadata.name").then(|| node.name_any());
    let mut by_label = term.match_expressions.iter().flatten();
    let mut by_field = term.match_fields.iter().flatten();
    by_label.all(|one| holds(&one.operator, labels(&one.key), one.values.as_deref()))
        && by_field.all(|one| holds(&one.operator, fields(&one.key), one.values.as_deref()))
}

fn holds(operator: &str, actual: Option<String>, values: Option<&[String]>) -> bool {
    let values = values.unwrap_or_default();
    let number = |text: &str| text.parse::<i64>().ok();
    let compare = |order: fn(&i64, &i64) -> bool| {
        let actual = actual.as_deref().and_then(number);
        let limit = values.first().and_then(|text| number(text));
        actual.zip(limit).is_some_and(|(actual, limit)| order(&actual, &limit))
    };
    match operator {
        "In" => actual.as_ref().is_some_and(|actual| values.contains(actual)),
        "NotIn" => actual.as_ref().is_none_or(|actual| !values.contains(actual)),
        "Exists" => actual.is_some(),
        "DoesNotExist" => actual.is_none(),
        "Gt" => compare(i64::gt),
        "Lt" => compare(i64::lt),
        _ => false,
    }
}

/// Returns a node's taints.
pub(super) fn taints(node: &Node) -> &[Taint] {
    node.spec.as_ref().and_then(|spec| spec.taints.as_deref()).unwrap_or_default()
}

/// Returns the first taint that keeps a pod from being put on a node.
pub(super) fn untolerated<'a>(pod: &PodSpec, node: &'a Node) -> Option<&'a Taint> {
    let tolerations = pod.tolerations.as_deref().unwrap_or_default();
    taints(node)
        .iter()
        .filter(|taint| taint.effect != "PreferNoSchedule")
        .find(|taint| !tolerations.iter().any(|toleration| tolerates(toleration, taint)))
}

/// Tells whether a pod may be put on a node in spite of its taints.
pub(super) fn tolerates_all(pod: &PodSpec, node: &Node) -> bool {
    untolerated(pod, node).is_none()
}

/// Tells whether a pod that is on a node may stay there in spite of its taints.
pub(super) fn tolerates_staying(pod: &PodSpec, node: &Node) -> bool {
    let tolerations = pod.tolerations.as_deref().unwrap_or_default();
    taints(node)
        .iter()
        .filter(|taint| taint.effect == "NoExecute")
        .all(|taint| tolerations.iter().any(|toleration| tolerates(toleration, taint)))
}

/// Tells whether a toleration is for a taint.
pub(super) fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let exists = toleration.operator.as_deref() == Some("Exists");
    let effect = given(&toleration.effect).is_none_or(|effect| effect == taint.effect);
    let key = match given(&toleration.key) {
        Some(key) => key == taint.key,
        None => exists,
    };
    effect && key && (exists || given(&toleration.value) == given(&taint.value))
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    fn node(taints: serde_json::Value) -> Node {
        from_value(json!({
            "metadata": { "name": "n1", "labels": { "zone": "a", "size": "5" } },
            "spec": { "taints": taints },
        }))
        .unwrap()
    }

    #[test]
    fn only_tolerated_taints_let_a_pod_in() {
        let tainted = node(json!([{ "key": "gpu", "value": "x", "effect": "NoSchedule" }]));
        for (tolerations, expected) in [
            (json!([]), false),
            (json!([{ "operator": "Exists" }]), true),
            (json!([{ "key": "gpu", "operator": "Exists", "effect": "NoExecute" }]), false),
            (json!([{ "key": "gpu", "value": "x" }]), true),
            (json!([{ "key": "gpu", "value": "y" }]), false),
        ] {
            let pod: PodSpec =
                from_value(json!({ "containers": [], "tolerations": tolerations })).unwrap();
            assert_eq!(tolerates_all(&pod, &tainted), expected, "{:?}", pod.tolerations);
        }
    }

    #[test]
    fn node_selectors_and_affinity_both_count() {
        let affinity = |expression: serde_json::Value| {
            json!({ "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{ "matchExpressions": [expression] }] } } })
        };
        for (spec, expected) in [
            (json!({ "containers": [], "nodeSelector": { "zone": "a" } }), true),
            (json!({ "containers": [], "nodeSelector": { "zone": "b" } }), false),
            (
                json!({ "containers": [], "affinity": affinity(json!({ "key": "size", "operator": "Gt", "values": ["4"] })) }),
                true,
            ),
            (
                json!({ "containers": [], "affinity": affinity(json!({ "key": "zone", "operator": "NotIn", "values": ["a"] })) }),
                false,
            ),
        ] {
            let pod: PodSpec = from_value(spec.clone()).unwrap();
            assert_eq!(selects(&pod, &node(json!([]))), expected, "{spec}");
        }
    }
}
