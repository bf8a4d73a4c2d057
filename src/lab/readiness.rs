//! Whether everything that should run does.

use std::fmt::{self, Debug};

use k8s_openapi::api::{
    apps::v1::{DaemonSet, Deployment, StatefulSet},
    core::v1::{Node, Pod},
};
use kube::{Api, Client, Resource, ResourceExt, api::ListParams};
use serde::de::DeserializeOwned;

use super::controllers::is_ready;

/// What runs, and what does not.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    /// Nodes that are ready.
    pub nodes_ready: usize,
    /// All nodes.
    pub nodes: usize,
    /// Pods that are ready or have ended well.
    pub pods_ready: usize,
    /// All pods.
    pub pods: usize,
    /// What is not ready, by kind and name.
    pub pending: Vec<String>,
}

impl Readiness {
    /// Tells whether everything is.
    pub fn is_ready(&self) -> bool {
        self.pending.is_empty()
    }
}

impl fmt::Display for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { nodes_ready, nodes, pods_ready, pods, .. } = self;
        write!(f, "{nodes_ready}/{nodes} nodes and {pods_ready}/{pods} pods are ready")
    }
}

/// Reads nodes, workloads and pods.
pub(crate) async fn read(client: &Client, nodes: u16) -> Result<Readiness, kube::Error> {
    let mut found = Readiness { nodes: usize::from(nodes), ..Readiness::default() };
    let listed = list::<Node>(client).await?;
    for node in &listed {
        if is_node_ready(node) {
            found.nodes_ready += 1;
        } else {
            found.pending.push(format!("node {}", node.name_any()));
        }
    }
    if listed.len() < found.nodes {
        found.pending.push("nodes to register".to_owned());
    }
    for one in list::<Deployment>(client).await? {
        let wanted = one.spec.replicas.unwrap_or(1);
        let done = one.status.as_ref().is_some_and(|status| {
            status.observed_generation == one.metadata.generation
                && status.ready_replicas.unwrap_or(0) >= wanted
                && status.updated_replicas.unwrap_or(0) >= wanted
        });
        note(&mut found, &one, done);
    }
    for one in list::<StatefulSet>(client).await? {
        let wanted = one.spec.replicas.unwrap_or(1);
        let done = one.status.as_ref().is_some_and(|status| {
            status.observed_generation == one.metadata.generation
                && status.ready_replicas.unwrap_or(0) >= wanted
        });
        note(&mut found, &one, done);
    }
    for one in list::<DaemonSet>(client).await? {
        let done = one.status.as_ref().is_some_and(|status| {
            status.observed_generation == one.metadata.generation
                && status.number_ready >= status.desired_number_scheduled
        });
        note(&mut found, &one, done);
    }
    let pods = list::<Pod>(client).await?;
    found.pods = pods.len();
    for pod in &pods {
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        if is_ready(pod) || phase == Some("Succeeded") {
            found.pods_ready += 1;
        } else if let Some(why) = why_waiting(pod) {
            let namespace = pod.namespace().unwrap_or_default();
            found.pending.push(format!("pod {namespace}/{}: {why}", pod.name_any()));
        } else if pod.owner_references().is_empty() {
            note(&mut found, pod, false);
        }
    }
    Ok(found)
}

async fn list<K>(client: &Client) -> Result<Vec<K>, kube::Error>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    Ok(Api::<K>::all(client.clone()).list(&ListParams::default()).await?.items)
}

fn note<K: Resource<DynamicType = ()>>(found: &mut Readiness, object: &K, done: bool) {
    if !done {
        let kind = K::kind(&()).to_lowercase();
        let namespace = object.namespace().unwrap_or_default();
        found.pending.push(format!("{kind} {namespace}/{}", object.name_any()));
    }
}

/// Returns why a pod's containers do not run, in the kubelet's words.
fn why_waiting(pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref()?;
    let lists = [&status.init_container_statuses, &status.container_statuses];
    let mut containers = lists.into_iter().flatten().flatten();
    let waiting = containers.find_map(|one| one.state.as_ref()?.waiting.as_ref())?;
    let reason = waiting.reason.clone()?;
    // What every pod says while it starts explains nothing.
    let usual = matches!(reason.as_str(), "ContainerCreating" | "PodInitializing");
    let detail = waiting.message.as_ref().map(|message| format!(": {message}"));
    (!usual).then(|| reason + &detail.unwrap_or_default())
}

fn is_node_ready(node: &Node) -> bool {
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_deref());
    conditions
        .unwrap_or_default()
        .iter()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_container_that_waits_says_why() {
        let pod = |waiting: serde_json::Value| {
            let status = json!({ "name": "a", "image": "", "imageID": "", "ready": false,
                "restartCount": 0, "state": { "waiting": waiting } });
            let pod = json!({ "metadata": {}, "status": { "containerStatuses": [status] } });
            why_waiting(&serde_json::from_value(pod).expect("a pod"))
        };
        let crash = json!({ "reason": "CrashLoopBackOff", "message": "back-off 10s" });
        assert_eq!(pod(crash), Some("CrashLoopBackOff: back-off 10s".to_owned()));
        assert_eq!(pod(json!({ "reason": "ErrImagePull" })), Some("ErrImagePull".to_owned()));
        assert_eq!(pod(json!({ "reason": "ContainerCreating" })), None);
    }
}
