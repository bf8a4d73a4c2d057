//! Evictions and the budgets in their way.

use serde_json::{Value, json};

use super::harness::Lab;
use super::protocol::send;

const PODS: &str = "/api/v1/namespaces/default/pods";
const BUDGETS: &str = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";

async fn call(lab: &Lab, method: &str, path: &str, body: Value) -> (u16, Value) {
    let kind = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
    send(lab, method, path, kind, body.to_string().into_bytes()).await
}

async fn pod(lab: &Lab, name: &str, ready: &str) {
    // On a node, so that a kubelet would have to end it.
    let pod = json!({"metadata": {"name": name, "labels": {"app": "a"}},
        "spec": {"nodeName": "n", "containers": [{"name": "c", "image": "x"}]}});
    assert_eq!(call(lab, "POST", PODS, pod).await.0, 201);
    let status = json!({"status": {"phase": "Running",
        "conditions": [{"type": "Ready", "status": ready}]}});
    assert_eq!(call(lab, "PATCH", &format!("{PODS}/{name}/status"), status).await.0, 200);
}

async fn budget(lab: &Lab, name: &str, desired: i64) {
    let budget = json!({"metadata": {"name": name},
        "spec": {"minAvailable": desired, "selector": {"matchLabels": {"app": "a"}}}});
    let (code, made) = call(lab, "POST", BUDGETS, budget).await;
    assert_eq!(code, 201, "{made}");
}

async fn evict(lab: &Lab, name: &str) -> (u16, Value) {
    let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction",
        "metadata": {"name": name, "namespace": "default"}});
    call(lab, "POST", &format!("{PODS}/{name}/eviction"), eviction).await
}

#[tokio::test]
async fn a_pod_that_a_budget_needs_stays() {
    let lab = Lab::start().await;
    for (name, ready) in [("a", "True"), ("b", "True"), ("c", "True"), ("sick", "False")] {
        pod(&lab, name, ready).await;
    }
    budget(&lab, "two", 2).await;
    let (code, early) = evict(&lab, "a").await;
    assert_eq!((code, &early["reason"]), (429, &json!("TooManyRequests")));
    let cause = early["details"]["causes"][0]["message"].as_str().unwrap_or_default().to_owned();
    assert!(cause.contains("still being processed"), "{early}");
    let status = json!({"status": {"observedGeneration": 1, "desiredHealthy": 2,
        "currentHealthy": 3, "expectedPods": 4, "disruptionsAllowed": 1}});
    assert_eq!(call(&lab, "PATCH", &format!("{BUDGETS}/two/status"), status).await.0, 200);
    assert_eq!(evict(&lab, "sick").await.0, 201, "it serves nobody");
    assert_eq!(evict(&lab, "a").await.0, 201);
    // Whatever the controller has counted by then: the first one is on its way out.
    let (code, refused) = evict(&lab, "b").await;
    assert_eq!(code, 429, "{refused}");
    assert_eq!(
        refused["message"],
        "Cannot evict pod as it would violate the pod's disruption budget."
    );
    assert_eq!(
        refused["details"]["causes"][0],
        json!({"reason": "DisruptionBudget",
            "message": "The disruption budget two needs 2 healthy pods and has 2 currently"})
    );
    budget(&lab, "another", 1).await;
    let (code, two) = evict(&lab, "b").await;
    assert_eq!(code, 500, "{two}");
    assert!(two["message"].as_str().unwrap_or_default().contains("more than one"), "{two}");
    // Deleting is no eviction.
    assert_eq!(call(&lab, "DELETE", &format!("{PODS}/b"), json!({})).await.0, 200);
}
