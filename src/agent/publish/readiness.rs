//! The node's condition and taint.

use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{Node, NodeCondition};
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use serde_json::json;
use tracing::{info, warn};

use super::counts::{News, Published};
use crate::kubernetes::{NOT_READY_TAINT, READY_REASON};

const CONDITION: &str = "NetworkUnavailable";
const RETRY: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// Says that pods of this node have a network, and lets pods onto it. Tries until it is done.
pub(in crate::agent) async fn announce(client: Client, node: &str, published: &Published) {
    let start = Instant::now();
    let api: Api<Node> = Api::all(client);
    let mut retry = RETRY.0;
    while let Err(error) = try_announce(&api, node).await {
        published.failed(News::Node);
        warn!(error = &error as &dyn std::error::Error, "node not announced as ready");
        tokio::time::sleep(retry).await;
        retry = (retry * 2).min(RETRY.1);
    }
    published.done(News::Node, start.elapsed());
    info!(node, "node announced as ready");
}

/// Lists are replaced whole; the resource version makes the API server refuse when somebody else
/// has changed the node meanwhile.
async fn try_announce(api: &Api<Node>, name: &str) -> Result<(), kube::Error> {
    let node = api.get(name).await?;
    let version = node.metadata.resource_version.clone();
    let status = node.status.unwrap_or_default();
    if let Some(conditions) = with_condition(status.conditions.unwrap_or_default()) {
        let patch = json!({
            "metadata": {"resourceVersion": version},
            "status": {"conditions": conditions},
        });
        api.patch_status(name, &PatchParams::default(), &Patch::Merge(patch)).await?;
    }
    let node = api.get(name).await?;
    let taints = node.spec.unwrap_or_default().taints.unwrap_or_default();
    let kept: Vec<_> = taints.iter().filter(|taint| taint.key != NOT_READY_TAINT).collect();
    if kept.len() < taints.len() {
        let patch = json!({
            "metadata": {"resourceVersion": node.metadata.resource_version},
            "spec": {"taints": kept},
        });
        api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await?;
    }
    Ok(())
}

/// Returns the conditions with ours among them, or nothing when it is there already.
fn with_condition(conditions: Vec<NodeCondition>) -> Option<Vec<NodeCondition>> {
    let same = |condition: &NodeCondition| {
        condition.type_ == CONDITION
            && condition.status == "False"
            && condition.reason.as_deref() == Some(READY_REASON)
    };
    if conditions.iter().any(same) {
        return None;
    }
    let now = k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(jiff::Timestamp::now());
    let mut all: Vec<_> =
        conditions.into_iter().filter(|condition| condition.type_ != CONDITION).collect();
    all.push(NodeCondition {
        type_: CONDITION.into(),
        status: "False".into(),
        reason: Some(READY_REASON.into()),
        message: Some("skep connects the pods of this node".into()),
        last_heartbeat_time: Some(now.clone()),
        last_transition_time: Some(now),
    });
    Some(all)
}
