//! Host ports of pods (core/v1).

use std::{net::IpAddr, num::NonZeroU16, sync::Arc};

use crate::{
    model::Addresses,
    service::{ObjectName, Protocol},
};

/// The host ports of a pod of this node. A pod that has ended or has no address has none, and one in the
/// node's network needs none. Whether it is ready does not matter, as with the plugin `portmap`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPorts {
    /// The pod's name.
    pub pod: ObjectName,
    /// When it was created, in seconds since 1970: of two pods with one port, the older has it.
    pub created: i64,
    /// `spec.nodeName`.
    pub node: Arc<str>,
    /// `status.podIPs`.
    pub addresses: Addresses,
    /// The ports of all of its containers that have a `hostPort`.
    pub ports: Vec<HostPort>,
}

/// A port of this node that leads to a port of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// `hostIP`; `None` stands for all addresses of the node, the unspecified one for all of its family.
    pub address: Option<IpAddr>,
    /// `hostPort`.
    pub port: NonZeroU16,
    /// `containerPort`.
    pub target: NonZeroU16,
    /// `protocol`.
    pub protocol: Protocol,
}
