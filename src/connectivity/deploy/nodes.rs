//! Which nodes take part.

use k8s_openapi::api::core::v1::Node;
use kube::{Api, Client, ResourceExt, api::ListParams};

use super::DeployError;

/// Returns the names of the nodes that take part, `most` at most, by name.
pub(in crate::connectivity) async fn choose(
    client: &Client,
    most: usize,
) -> Result<Vec<String>, DeployError> {
    let nodes = Api::<Node>::all(client.clone());
    let nodes = nodes
        .list(&ListParams::default())
        .await
        .map_err(|error| DeployError::api("list the nodes of the cluster", error))?;
    pick(&nodes.items, most)
}

fn pick(nodes: &[Node], most: usize) -> Result<Vec<String>, DeployError> {
    let mut usable = Vec::new();
    let mut reasons = Vec::new();
    for node in nodes {
        match unusable(node) {
            None => usable.push(node.name_any()),
            Some(reason) => reasons.push(format!("{} {reason}", node.name_any())),
        }
    }
    usable.sort_by(|left, right| natural(left).cmp(&natural(right)));
    usable.truncate(most);
    if usable.is_empty() {
        let reason = if reasons.is_empty() { "there is none".into() } else { reasons.join(", ") };
        return Err(DeployError::NoNodes { reason });
    }
    Ok(usable)
}

/// node-10 comes after node-9.
fn natural(name: &str) -> (&str, u64, &str) {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    (stem, name[stem.len()..].parse().unwrap_or(0), name)
}

/// Returns why a node cannot run pods of the test.
fn unusable(node: &Node) -> Option<String> {
    let spec = node.spec.as_ref();
    if spec.and_then(|spec| spec.unschedulable) == Some(true) {
        return Some("is cordoned".to_owned());
    }
    let taints = spec.into_iter().flat_map(|spec| spec.taints.iter().flatten());
    if let Some(taint) = taints.into_iter().find(|taint| taint.effect != "PreferNoSchedule") {
        return Some(format!("has the taint {}", taint.key));
    }
    let conditions = node.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let ready = conditions.into_iter().any(|one| one.type_ == "Ready" && one.status == "True");
    (!ready).then(|| "is not ready".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn node(name: &str, spec: Value, ready: &str) -> Node {
        serde_json::from_value(json!({
            "metadata": { "name": name },
            "spec": spec,
            "status": { "conditions": [{ "type": "Ready", "status": ready }] },
        }))
        .unwrap()
    }

    #[test]
    fn only_nodes_that_run_pods_take_part() {
        let taint = |effect: &str| json!({ "taints": [{ "key": "k", "effect": effect }] });
        let nodes = [
            node("n10", json!({}), "True"),
            node("n9", json!({}), "True"),
            node("cordoned", json!({ "unschedulable": true }), "True"),
            node("control-plane", taint("NoSchedule"), "True"),
            node("reluctant", taint("PreferNoSchedule"), "True"),
            node("down", json!({}), "Unknown"),
        ];
        assert_eq!(pick(&nodes, 9).unwrap(), ["n9", "n10", "reluctant"]);
        assert_eq!(pick(&nodes, 1).unwrap(), ["n9"]);
        let error = pick(&nodes[2..4], 9).unwrap_err().to_string();
        assert!(error.ends_with("cordoned is cordoned, control-plane has the taint k"), "{error}");
    }
}
