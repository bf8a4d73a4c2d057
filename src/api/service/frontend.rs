//! What clients connect to, and who takes their connections.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// An address and port of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Frontend {
    /// Its number on the node that was asked.
    pub id: u32,
    /// Address. The unspecified one stands for all nodes: a node port, for clients inside.
    pub address: IpAddr,
    /// Port.
    pub port: u16,
    /// TCP, UDP or SCTP.
    pub protocol: String,
    /// Name of the service's port; empty if it has none.
    pub port_name: String,
    /// What kind of address it is.
    pub kind: FrontendKind,
    /// The policy that redirects what is sent to it, as NAMESPACE/NAME.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect: Option<String>,
    /// Which clients find it.
    pub scope: Scope,
    /// Which endpoints are used.
    pub policy: TrafficPolicy,
    /// Seconds for which a client stays with its backend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affinity_seconds: Option<u32>,
    /// Who may connect; absent is everybody, empty is nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_ranges: Option<Vec<IpNet>>,
    /// What becomes of new connections if no backend takes them.
    pub when_empty: WhenEmpty,
    /// Its backends: those that take new connections, then those that only keep what they have.
    pub backends: Vec<Backend>,
}

/// A backend of a frontend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Backend {
    /// Its number on the node that was asked.
    pub id: u32,
    /// Address.
    pub address: IpAddr,
    /// Port.
    pub port: u16,
    /// How it is.
    pub state: BackendState,
    /// Whether it takes new connections.
    pub takes_connections: bool,
    /// The node it is on, as far as its slice says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The zone it is in, as far as its slice says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

/// What kind of address a frontend has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FrontendKind {
    /// The service's in the cluster.
    ClusterIp,
    /// A node's.
    NodePort,
    /// A load balancer's.
    LoadBalancer,
    /// An external one.
    ExternalIp,
    /// The node's, for a pod of it.
    HostPort,
    /// Any, of which what the node sends there goes to pods of the node.
    LocalRedirect,
}

/// Where clients are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Pods and nodes of the cluster.
    Internal,
    /// Everybody else.
    External,
    /// Backends of a redirect that they pass by.
    Behind,
    /// A number this version does not know.
    Unknown,
}

/// Which endpoints are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TrafficPolicy {
    /// Those of the whole cluster.
    Cluster,
    /// Those on the node where the traffic arrives.
    Local,
}

/// How a backend is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BackendState {
    /// Ready.
    Active,
    /// About to end.
    Terminating,
}

/// What becomes of new connections that nobody takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhenEmpty {
    /// The client is told.
    Reject,
    /// They are dropped: other nodes have backends.
    Drop,
}

/// Gives each value the word that documents have for it, too.
macro_rules! names {
    ($type:ty { $($variant:ident => $name:literal,)* }) => {
        impl $type {
            /// Returns the word that people see.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

names!(FrontendKind {
    ClusterIp => "cluster-ip",
    NodePort => "node-port",
    LoadBalancer => "load-balancer",
    ExternalIp => "external-ip",
    HostPort => "host-port",
    LocalRedirect => "local-redirect",
});
names!(Scope { Internal => "internal", External => "external", Behind => "behind", Unknown => "unknown", });
names!(TrafficPolicy { Cluster => "Cluster", Local => "Local", });
names!(BackendState { Active => "active", Terminating => "terminating", });
names!(WhenEmpty { Reject => "reject", Drop => "drop", });
