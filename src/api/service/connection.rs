//! What becomes of one new connection.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{FrontendKind, TrafficPolicy};

/// What becomes of a new connection to one frontend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Explained {
    /// The frontend's number on the node that was asked.
    pub id: u32,
    /// Address. The unspecified one stands for all nodes: a node port, for clients inside.
    pub address: IpAddr,
    /// Port.
    pub port: u16,
    /// TCP, UDP or SCTP.
    pub protocol: String,
    /// What kind of address it is.
    pub kind: FrontendKind,
    /// The policy that redirects what is sent to it, as NAMESPACE/NAME.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect: Option<String>,
    /// Which endpoints are used.
    pub policy: TrafficPolicy,
    /// What the node's tables say about it.
    pub verdict: BalanceVerdict,
    /// Where the backend is chosen.
    pub hook: Hook,
    /// Why the datapath does not do what the tables say, if it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unbalanced: Option<String>,
    /// How near traffic is kept, or why it is not.
    pub topology: Topology,
    /// What the service asks for (`spec.trafficDistribution`); only hints of slices count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribution: Option<String>,
    /// Seconds for which the client stays with a backend: one it had before goes before all others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affinity_seconds: Option<u32>,
    /// The endpoints, by address and port.
    pub endpoints: Vec<ExplainedEndpoint>,
}

impl Explained {
    /// Tells whether whichever backend may get the connection takes it.
    pub fn is_taken(&self) -> bool {
        let is_denied = |one: &ExplainedEndpoint| one.takes_connections && one.is_denied();
        self.verdict == BalanceVerdict::Balanced
            && self.unbalanced.is_none()
            && !self.endpoints.iter().any(is_denied)
    }
}

/// An endpoint and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedEndpoint {
    /// Address.
    pub address: IpAddr,
    /// Port.
    pub port: u16,
    /// The node it is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The zone it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Whether it may get the connection.
    pub takes_connections: bool,
    /// Why, or why not.
    pub fate: Fate,
    /// Whom it sees as the client.
    pub sees: Sees,
    /// What policies say about it; absent if nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_policy: Option<PolicyAnswer>,
}

impl ExplainedEndpoint {
    /// Tells whether policies deny it the connection.
    pub fn is_denied(&self) -> bool {
        self.network_policy.as_ref().is_some_and(|policy| policy.verdict == PolicyVerdict::Denied)
    }
}

/// What policies say about a connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyAnswer {
    /// What becomes of it.
    pub verdict: PolicyVerdict,
    /// Which policies decide, and for which end; empty if none does.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// What policies let become of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyVerdict {
    /// It passes.
    Allowed,
    /// It passes, and it is told that it should not.
    Audited,
    /// It is dropped.
    Denied,
}

/// Whom a backend sees as the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sees {
    /// The client.
    Client,
    /// An address of the node that got the packet, as its answers must come back there.
    Node,
    /// The hairpin address: it is the client itself, and packets show the service.
    Itself,
}

/// Where a backend is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hook {
    /// When a socket connects.
    Connect,
    /// At the first packet.
    Packet,
}

/// What tables say about a new connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BalanceVerdict {
    /// A backend gets it.
    Balanced,
    /// The client is in none of the source ranges.
    SourceRefused,
    /// There is no backend: it is rejected.
    NoBackend,
    /// There is no backend here: it is dropped.
    NoLocalBackend,
}

/// How near traffic is kept, or why it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topology {
    /// Endpoints meant for the node.
    SameNode,
    /// Endpoints meant for the zone.
    SameZone,
    /// All: the policy is `Local`, which is stricter.
    LocalPolicy,
    /// All: no endpoint is ready.
    NobodyReady,
    /// All: some ready endpoint has no hint.
    IncompleteHints,
    /// All: the node is in no zone.
    NoZone,
    /// All: no ready endpoint is meant for the node or its zone.
    NobodyMeant,
}

/// What an endpoint is to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It may get it.
    Chosen,
    /// It may get it although it is about to end.
    LastResort,
    /// It is about to end.
    Draining,
    /// It is not ready.
    NotReady,
    /// It is on another node, and the policy is `Local`.
    NotLocal,
    /// It is meant for other nodes.
    OtherNode,
    /// It is meant for other zones.
    OtherZone,
}
