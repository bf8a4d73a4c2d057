//! Services as a node has them.

use serde::{Deserialize, Serialize};

use super::Frontend;
use crate::api::Listed;

/// A service on one node, or the host ports of a pod of the node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    /// Its namespace.
    pub namespace: String,
    /// Its name; `pod/NAME` is a pod, `redirect/NAME` a policy that redirects.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: ServiceType,
    /// What clients connect to, by address and port; none if it is found by DNS only.
    pub frontends: Vec<Frontend>,
    /// What of it has no effect, and why.
    pub findings: Vec<String>,
}

/// `spec.type` of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServiceType {
    /// Reached inside the cluster.
    #[serde(rename = "ClusterIP")]
    ClusterIp,
    /// Also on a port of every node.
    NodePort,
    /// Also at addresses that a load balancer gives it.
    LoadBalancer,
    /// Another name in DNS.
    ExternalName,
    /// Not a service: host ports of a pod.
    HostPort,
    /// Not a service: a policy that leads traffic to pods of the node.
    LocalRedirect,
}

impl ServiceType {
    /// Returns the word that people see.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClusterIp => "ClusterIP",
            Self::NodePort => "NodePort",
            Self::LoadBalancer => "LoadBalancer",
            Self::ExternalName => "ExternalName",
            Self::HostPort => "HostPort",
            Self::LocalRedirect => "LocalRedirect",
        }
    }
}

impl Listed for Service {
    const KIND: &'static str = "ServiceList";
    const PATH: &'static str = "/v1/services";
}
