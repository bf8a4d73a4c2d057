//! Logs of agents.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, api::LogParams};

use super::{Cluster, ClusterError};

/// Container of the agent in its pod.
const CONTAINER: &str = "agent";

impl Cluster {
    /// Returns what an agent has logged since a time.
    ///
    /// # Errors
    /// When the API server does not say.
    pub(crate) async fn log(&self, pod: &str, since: Timestamp) -> Result<String, ClusterError> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &self.namespace);
        let params = LogParams {
            container: Some(CONTAINER.to_owned()),
            since_time: Some(since),
            ..LogParams::default()
        };
        pods.logs(pod, &params).await.map_err(|source| ClusterError::List {
            what: "logs of the agents",
            source: Box::new(source),
        })
    }
}
