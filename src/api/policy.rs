//! Policies as a node has them.

use serde::{Deserialize, Serialize};

use super::Listed;

/// A policy object on one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// Kind of the object.
    pub kind: String,
    /// Its namespace; empty for kinds of the cluster.
    #[serde(default)]
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Which version of the object the node has seen (`metadata.generation`).
    pub generation: i64,
    /// How far it is.
    pub state: PolicyState,
    /// Why it cannot be accepted, if it cannot.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Policy revision of the node.
    pub revision: u32,
    /// Endpoints of the node that it applies to.
    pub endpoints: Vec<u32>,
    /// How often each of its rules has decided on this node, by the path of the rule.
    pub hits: Vec<RuleHits>,
}

/// How far a policy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyState {
    /// This version is in the datapath.
    Enforced,
    /// It is on its way there.
    Pending,
    /// It cannot be accepted; the version before counts, if there was one.
    Rejected,
}

/// How often a rule has decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleHits {
    /// Path of the rule, such as `spec.ingress[0]`; empty for packets that no rule allowed while this
    /// policy isolated their endpoint.
    pub rule: String,
    /// Connections and drops that it decided.
    pub count: u64,
}

impl Listed for Policy {
    const KIND: &'static str = "PolicyList";
    const PATH: &'static str = "/v1/policies";
}
