//! Frontends.

use std::{collections::HashSet, fmt, net::IpAddr, sync::Arc};

use ipnet::IpNet;

use super::backend::{BackendId, Backends};
use crate::service::{
    ObjectName, Protocol,
    input::{Affinity, TrafficPolicy},
};

/// A frontend's number on this node, never 0. Connections are remembered by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServiceId(pub u32);

impl fmt::Display for ServiceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a client connects to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Vip {
    /// The address.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
    /// The protocol.
    pub protocol: Protocol,
}

impl fmt::Display for Vip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            IpAddr::V4(address) => write!(f, "{address}:{}/{}", self.port, self.protocol),
            IpAddr::V6(address) => write!(f, "[{address}]:{}/{}", self.port, self.protocol),
        }
    }
}

/// Where clients are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// Pods and nodes of the cluster.
    Internal,
    /// Everybody else.
    External,
    /// Backends of a redirect that they pass by: they find the service that it redirects.
    Behind,
}

/// What a frontend is found by. Both scopes differ where `externalTrafficPolicy` is `Local`: it is about
/// traffic from outside, and clients in the cluster reach all endpoints even at external addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FrontendKey {
    /// What the client connects to.
    pub vip: Vip,
    /// Where the client is.
    pub scope: Scope,
}

impl FrontendKey {
    /// Makes the key of a frontend.
    pub fn new(address: IpAddr, port: u16, protocol: Protocol, scope: Scope) -> Self {
        Self { vip: Vip { address, port, protocol }, scope }
    }
}

/// What kind of address a frontend has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FrontendKind {
    /// The service's in the cluster.
    ClusterIp,
    /// A node's: this one's for clients outside, the unspecified one for those inside.
    NodePort,
    /// A load balancer's.
    LoadBalancer,
    /// An external one.
    ExternalIp,
    /// This node's, for a pod of it.
    HostPort,
    /// Any, of which traffic from this node goes to pods of this node.
    LocalRedirect,
}

/// A frontend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frontend {
    /// Its number.
    pub id: ServiceId,
    /// The service.
    pub service: ObjectName,
    /// The name of the service's port.
    pub port_name: Arc<str>,
    /// What kind of address it has.
    pub kind: FrontendKind,
    /// How long clients stay with their backend, if they do.
    pub affinity: Option<Affinity>,
    /// By which policy its backends are chosen.
    pub policy: TrafficPolicy,
    /// Who may connect; `None` is everybody, an empty list is nobody.
    pub source_ranges: Option<Arc<[IpNet]>>,
    /// Its backends.
    pub backends: Arc<Backends>,
    /// It is a redirect that its own backends pass by.
    pub passed_by_backends: bool,
}

impl Frontend {
    /// Tells whether clients outside of the cluster may use the address. It decides about Maglev tables,
    /// which only help where several nodes get packets of one connection.
    pub fn is_exposed(&self) -> bool {
        !matches!(self.kind, FrontendKind::ClusterIp | FrontendKind::LocalRedirect)
    }

    /// Returns the same with some backends taking no new connections.
    pub fn without(&self, refused: &HashSet<BackendId>) -> Self {
        Self { backends: Arc::new(self.backends.without(refused)), ..self.clone() }
    }

    /// Tells whether a client passes it by, to what there would be without it.
    pub fn is_passed_by(&self, client: IpAddr) -> bool {
        self.passed_by_backends && self.backends.list.iter().any(|one| one.address == client)
    }

    /// Tells whether a client may connect, by its address.
    pub fn admits(&self, client: IpAddr) -> bool {
        self.source_ranges
            .as_ref()
            .is_none_or(|ranges| ranges.iter().any(|range| range.contains(&client)))
    }
}
