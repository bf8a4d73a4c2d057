//! Endpoints, identities and nodes as an agent sees them.

use ipnet::IpNet;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Listed;
use crate::model::{Addresses, MacAddr};

/// A pod's interface on the node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    /// Number on its node.
    pub id: u32,
    /// Namespace of the pod.
    pub namespace: String,
    /// Name of the pod.
    pub pod: String,
    /// Container id of the sandbox.
    pub container_id: String,
    /// Interface in the pod.
    pub pod_interface: String,
    /// Host side of the veth.
    pub interface: String,
    /// Its index.
    pub ifindex: u32,
    /// Addresses.
    pub addresses: Addresses,
    /// MAC in the pod.
    pub mac: MacAddr,
    /// Identity; 0 while none is known.
    pub identity: u32,
    /// Identity-relevant labels, `source:key=value`.
    pub labels: Vec<String>,
    /// Which use of the addresses this is.
    pub incarnation: u32,
    /// How far it is.
    pub state: EndpointState,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
}

/// How far an endpoint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndpointState {
    /// Traffic flows.
    Ready,
    /// No identity yet; its packets are dropped.
    WaitingForIdentity,
    /// Known from a record, not checked since the agent started.
    Restoring,
    /// Being removed.
    Deleting,
}

/// An identity that the agent knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// Number.
    pub id: u32,
    /// Labels, `source:key=value`.
    pub labels: Vec<String>,
    /// Where it stands.
    pub state: IdentityState,
    /// Endpoints of the cluster that have it, as far as the agent knows.
    pub endpoints: u32,
}

/// Where an identity stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IdentityState {
    /// A fixed number.
    Reserved,
    /// In use.
    Active,
    /// Marked by the operator; deleted soon unless someone uses it.
    Retired,
}

/// A node that the agent knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    /// Name.
    pub name: String,
    /// Number on the node that was asked; never on the wire.
    pub id: u32,
    /// Whether this is the node that was asked.
    pub local: bool,
    /// Whether its agent has published itself ready.
    pub ready: bool,
    /// Underlay addresses.
    pub addresses: Addresses,
    /// Pod CIDRs.
    #[serde(rename = "podCIDRs")]
    pub pod_cidrs: Vec<IpNet>,
}

impl Listed for Endpoint {
    const KIND: &'static str = "EndpointList";
    const PATH: &'static str = "/v1/endpoints";
}

impl Listed for Identity {
    const KIND: &'static str = "IdentityList";
    const PATH: &'static str = "/v1/identities";
}

impl Listed for Node {
    const KIND: &'static str = "NodeList";
    const PATH: &'static str = "/v1/nodes";
}
