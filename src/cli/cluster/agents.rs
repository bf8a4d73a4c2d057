//! Which nodes there are, and which pod is the agent of each.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::{
    Api, ResourceExt,
    api::{ListParams, ObjectMeta, PartialObjectMeta},
};

use super::{Cluster, ClusterError};

/// Label of agent pods.
const LABEL: &str = "k8s-app=skep";

/// The agent of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AgentPod {
    /// Node.
    pub(crate) node: String,
    /// Its agent pod, or why none can be asked.
    pub(crate) pod: Result<String, String>,
}

impl Cluster {
    /// Returns the agent of each node, by name of the node; of `wanted` nodes only, if any.
    ///
    /// # Errors
    /// When the API server refuses, no node has an agent, or a wanted node does not exist.
    pub(crate) async fn agents(&self, wanted: &[String]) -> Result<Vec<AgentPod>, ClusterError> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &self.namespace);
        let params = ListParams::default().labels(LABEL);
        let pods = pods.list(&params).await.map_err(|source| ClusterError::List {
            what: "agent pods",
            source: Box::new(source),
        })?;
        let nodes: Api<Node> = Api::all(self.client.clone());
        let nodes = nodes
            .list_metadata(&ListParams::default())
            .await
            .map_err(|source| ClusterError::List { what: "nodes", source: Box::new(source) })?;
        if pods.items.is_empty() {
            let namespace = self.namespace.clone();
            return Err(ClusterError::NoAgents { label: LABEL, namespace });
        }
        let nodes = nodes.items.iter().map(PartialObjectMeta::<Node>::name_any);
        let agents = join(nodes, &pods.items);
        select(agents, wanted)
    }
}

/// Every node gets an entry; of several agent pods, one that runs.
fn join(nodes: impl Iterator<Item = String>, pods: &[Pod]) -> Vec<AgentPod> {
    let mut agents: BTreeMap<String, Result<String, String>> =
        nodes.map(|node| (node, Err("no agent pod runs on the node".to_owned()))).collect();
    for pod in pods {
        let Some(node) = pod.spec.as_ref().and_then(|spec| spec.node_name.clone()) else {
            continue;
        };
        let entry = agents.entry(node).or_insert_with(|| Err(String::new()));
        if entry.is_err() {
            *entry = usable(pod);
        }
    }
    agents.into_iter().map(|(node, pod)| AgentPod { node, pod }).collect()
}

fn usable(pod: &Pod) -> Result<String, String> {
    let name = pod.name_any();
    let ObjectMeta { deletion_timestamp, .. } = &pod.metadata;
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    match (phase, deletion_timestamp) {
        (_, Some(_)) => Err(format!("its agent pod {name} is being deleted")),
        (Some("Running"), None) => Ok(name),
        (phase, None) => Err(format!("its agent pod {name} is {}", phase.unwrap_or("Unknown"))),
    }
}

fn select(agents: Vec<AgentPod>, wanted: &[String]) -> Result<Vec<AgentPod>, ClusterError> {
    if let Some(node) = wanted.iter().find(|node| !agents.iter().any(|agent| agent.node == **node))
    {
        return Err(ClusterError::NoSuchNode { node: node.clone() });
    }
    Ok(agents
        .into_iter()
        .filter(|agent| wanted.is_empty() || wanted.contains(&agent.node))
        .collect())
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{PodSpec, PodStatus};

    use super::*;

    fn pod(name: &str, node: &str, phase: &str) -> Pod {
        Pod {
            metadata: ObjectMeta { name: Some(name.into()), ..ObjectMeta::default() },
            spec: Some(PodSpec { node_name: Some(node.into()), ..PodSpec::default() }),
            status: Some(PodStatus { phase: Some(phase.into()), ..PodStatus::default() }),
        }
    }

    #[test]
    fn every_node_has_an_entry_and_a_running_pod_wins() {
        let nodes = ["n1", "n2", "n3"].map(str::to_owned);
        let pods =
            [pod("old", "n1", "Failed"), pod("new", "n1", "Running"), pod("slow", "n2", "Pending")];
        let agents = join(nodes.into_iter(), &pods);
        assert_eq!(agents[0].pod, Ok("new".to_owned()));
        assert_eq!(agents[1].pod, Err("its agent pod slow is Pending".to_owned()));
        assert_eq!(agents[2].pod, Err("no agent pod runs on the node".to_owned()));
    }

    #[test]
    fn a_node_that_does_not_exist_is_named() {
        let agents = join(["n1".to_owned()].into_iter(), &[pod("a", "n1", "Running")]);
        assert_eq!(select(agents.clone(), &["n1".into()]).unwrap().len(), 1);
        let error = select(agents, &["n1".into(), "n9".into()]).unwrap_err();
        assert_eq!(error.to_string(), "the cluster has no node named n9");
    }
}
