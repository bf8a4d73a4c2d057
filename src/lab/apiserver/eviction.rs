//! What disruption budgets have to say about an eviction.

use std::sync::Arc;

use serde_json::Value;

use super::cluster::Cluster;
use super::refusal::Refusal;
use super::selector::{LabelSelector, query_form};
use super::store::{At, Key, Object, Query};

const BUDGETS: &str = "poddisruptionbudgets.policy";
const PODS: &str = "pods";

/// Checks that no budget keeps a pod from being evicted; a pod that is not there is somebody else's business.
///
/// The budget's status says how many pods have to be healthy; how many are is counted here, so that two evictions right
/// after one another see each other.
pub(super) fn permit(cluster: &Cluster, key: &Key) -> Result<(), Refusal> {
    let Some(pod) = cluster.store.get(PODS, key).filter(|pod| is_in_use(&pod.value())) else {
        return Ok(());
    };
    let budgets = list(cluster, BUDGETS, key)?;
    let mut covering = Vec::new();
    for budget in budgets.iter().map(|budget| budget.value()) {
        if let Some(selector) = selector(&budget)?.filter(|one| one.matches_object(&pod)) {
            covering.push((budget, selector));
        }
    }
    match covering.as_slice() {
        [] => Ok(()),
        [(budget, selector)] => consult(cluster, &pod, budget, selector),
        _ => Err(Refusal::Internal(
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.".to_owned(),
        )),
    }
}

fn consult(
    cluster: &Cluster,
    pod: &Object,
    budget: &Value,
    selector: &LabelSelector,
) -> Result<(), Refusal> {
    let (name, status) = (&budget["metadata"]["name"], &budget["status"]);
    let name = name.as_str().unwrap_or_default();
    if status["observedGeneration"].as_i64() < budget["metadata"]["generation"].as_i64() {
        let cause = format!("The disruption budget {name} is still being processed by the server.");
        return Err(Refusal::Disruption { cause });
    }
    let pods = list(cluster, PODS, &pod.key)?;
    let covered = pods.iter().filter(|other| selector.matches_object(other));
    let healthy = covered.filter(|other| is_healthy(&other.value())).count();
    let healthy = i64::try_from(healthy).unwrap_or(i64::MAX);
    let desired = status["desiredHealthy"].as_i64().unwrap_or_default();
    if !is_healthy(&pod.value()) {
        let always = budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow";
        // One that serves nobody may go unless it is waited for.
        if always || desired > 0 && healthy >= desired {
            return Ok(());
        }
    }
    if healthy > desired {
        return Ok(());
    }
    let cause = format!(
        "The disruption budget {name} needs {desired} healthy pods and has {healthy} currently"
    );
    Err(Refusal::Disruption { cause })
}

fn list(cluster: &Cluster, resource: &str, near: &Key) -> Result<Vec<Arc<Object>>, Refusal> {
    let query = Query {
        namespace: Some(&near.namespace),
        at: At::Latest,
        after: None,
        limit: None,
        matches: &|_| true,
    };
    let page = cluster.store.list(resource, &query);
    Ok(page.map_err(|gap| Refusal::Expired(gap.to_string()))?.objects)
}

/// Returns which pods a budget covers; none without a selector, all with an empty one.
fn selector(budget: &Value) -> Result<Option<LabelSelector>, Refusal> {
    let selector = &budget["spec"]["selector"];
    if selector.is_null() {
        return Ok(None);
    }
    LabelSelector::parse(&query_form(selector)).map(Some)
}

/// Tells whether a pod's end would be a disruption at all.
fn is_in_use(pod: &Value) -> bool {
    let phase = pod["status"]["phase"].as_str().unwrap_or("Pending");
    pod["metadata"]["deletionTimestamp"].is_null()
        && !matches!(phase, "Succeeded" | "Failed" | "Pending")
}

fn is_healthy(pod: &Value) -> bool {
    let mut conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    is_in_use(pod) && conditions.any(|one| one["type"] == "Ready" && one["status"] == "True")
}
