//! Who an address belongs to.

use std::{fmt, net::IpAddr, sync::Arc};

use crate::{
    hubble::flow::{Service, Workload},
    model::{Identity, IfIndex},
};

/// The owner of an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerInfo {
    /// Identity; the packet's own wins when it has one.
    pub identity: Option<Identity>,
    /// Number of the endpoint, when it is a pod of this node; else 0.
    pub endpoint_id: u32,
    /// Labels, `source:key=value`.
    pub labels: Vec<String>,
    /// Namespace of the pod.
    pub namespace: String,
    /// Name of the pod; empty for what is not a pod.
    pub pod: String,
    /// What made the pod.
    pub workload: Option<Workload>,
    /// Node of the pod, or the node itself.
    pub node: String,
}

/// A policy object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyInfo {
    /// Its kind.
    pub kind: &'static str,
    /// Its namespace; empty for kinds of the cluster.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// What decided about a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleInfo {
    /// The policy whose rule it was, or those that isolate the endpoint.
    pub policies: Vec<PolicyInfo>,
    /// Path of the rule in its policy, such as `spec.ingress[0]`; empty if no rule decided.
    pub path: String,
    /// What the rule looks at.
    pub matched: RuleMatch,
}

/// What a rule that decided looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RuleMatch {
    /// No rule decided.
    #[default]
    None,
    /// Peers.
    L3Only,
    /// Peers and ports.
    L3L4,
    /// Ports.
    L4Only,
    /// Nothing: it is about everything.
    All,
}

impl RuleMatch {
    /// Returns its number in flows (`PolicyMatchType` of Cilium).
    pub const fn number(self) -> u32 {
        match self {
            Self::None => 0,
            Self::L3Only => 1,
            Self::L3L4 => 2,
            Self::L4Only => 3,
            Self::All => 4,
        }
    }

    /// Returns its name as a label has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::L3Only => "l3-only",
            Self::L3L4 => "l3-l4",
            Self::L4Only => "l4-only",
            Self::All => "all",
        }
    }
}

impl fmt::Display for RuleInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, policy) in self.policies.iter().enumerate() {
            let comma = if n == 0 { "" } else { ", " };
            let slash = if policy.namespace.is_empty() { "" } else { "/" };
            let PolicyInfo { kind, namespace, name } = policy;
            write!(f, "{comma}{kind} {namespace}{slash}{name}")?;
        }
        if self.path.is_empty() { Ok(()) } else { write!(f, " {}", self.path) }
    }
}

/// Answers who an address or an identity is; implemented by the agent. Called once per event and
/// end: it must not block for long.
pub trait Resolve: Send + Sync + 'static {
    /// Returns the owner of an address.
    fn address(&self, address: IpAddr) -> Option<Arc<PeerInfo>>;

    /// Returns the labels of an identity, for addresses without an owner. Reserved identities need
    /// no answer.
    fn identity(&self, identity: Identity) -> Option<Arc<PeerInfo>>;

    /// Returns what the number of a rule stands for.
    fn rule(&self, number: u32) -> Option<Arc<RuleInfo>> {
        let _ = number;
        None
    }

    /// Returns the service at an address, a port and an IP protocol number.
    fn service(&self, address: IpAddr, port: u16, protocol: u8) -> Option<Arc<Service>> {
        let _ = (address, port, protocol);
        None
    }

    /// Returns the labels of this node, `key=value`.
    fn node_labels(&self) -> Arc<[String]> {
        Arc::default()
    }

    /// Returns the name of a device.
    fn interface(&self, device: IfIndex) -> Option<Arc<str>> {
        let _ = device;
        None
    }
}

/// Nobody is known.
#[cfg(test)]
pub(crate) struct Strangers;

#[cfg(test)]
impl Resolve for Strangers {
    fn address(&self, _: IpAddr) -> Option<Arc<PeerInfo>> {
        None
    }

    fn identity(&self, _: Identity) -> Option<Arc<PeerInfo>> {
        None
    }
}
