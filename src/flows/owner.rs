//! The ends of a flow.

use serde::{Deserialize, Serialize};

use super::json::is_default;

/// One end of a flow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Endpoint {
    /// Number on its node; 0 = not a pod of the node that saw the packet.
    #[serde(rename = "ID", skip_serializing_if = "is_default")]
    pub id: u32,
    /// Identity.
    #[serde(skip_serializing_if = "is_default")]
    pub identity: u32,
    /// Cluster.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cluster_name: String,
    /// Namespace of the pod.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Labels, `source:key=value`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Name of the pod.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pod_name: String,
    /// What made the pod.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub workloads: Vec<Workload>,
}

/// What made a pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workload {
    /// Its name.
    pub name: String,
    /// Deployment, DaemonSet ...
    pub kind: String,
}
