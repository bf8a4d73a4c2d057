//! Who an address belongs to.

use std::{net::IpAddr, sync::Arc};

use super::Workload;
use crate::model::{Identity, IfIndex};

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

/// Answers who an address or an identity is; implemented by the agent. Called once per event and
/// end: it must not block for long.
pub trait Resolve: Send + Sync + 'static {
    /// Returns the owner of an address.
    fn address(&self, address: IpAddr) -> Option<Arc<PeerInfo>>;

    /// Returns the labels of an identity, for addresses without an owner. Reserved identities need
    /// no answer.
    fn identity(&self, identity: Identity) -> Option<Arc<PeerInfo>>;

    /// Returns the name of a device.
    fn interface(&self, device: IfIndex) -> Option<Arc<str>> {
        let _ = device;
        None
    }
}
