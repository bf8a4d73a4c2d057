//! What is asked and what is answered.

use std::{net::IpAddr, sync::Arc};

use crate::service::{
    Finding, FrontendKey, FrontendKind, ObjectName, Scope, ServiceId, Vip,
    choose::{Fate, Topology},
    input::{Affinity, Place, TrafficDistribution, TrafficPolicy},
};

/// Who connects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Client {
    /// A pod or a node.
    Inside {
        /// Its address.
        address: IpAddr,
        /// Where it is.
        place: Place,
    },
    /// Somebody else, whose packets arrive at this node.
    Outside {
        /// The address.
        address: IpAddr,
    },
}

impl Client {
    /// Returns the client's address.
    pub fn address(&self) -> IpAddr {
        match self {
            Self::Inside { address, .. } | Self::Outside { address } => *address,
        }
    }

    /// Returns which frontends are for the client.
    pub fn scope(&self) -> Scope {
        match self {
            Self::Inside { .. } => Scope::Internal,
            Self::Outside { .. } => Scope::External,
        }
    }
}

/// What becomes of a new connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// One of the candidates gets it.
    Balanced,
    /// It is dropped: the client's address is in none of the source ranges.
    SourceRefused,
    /// It is rejected: there is no backend.
    NoBackend,
    /// It is dropped: there are backends, but none here.
    NoLocalBackend,
}

/// Why there is nothing to explain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoFrontend {
    /// No service has it.
    #[error("no service has {0}")]
    Unknown(Vip),
    /// A service has it, but only for clients in the cluster.
    #[error("{vip} of service {service} is for clients in the cluster only")]
    NotExposed {
        /// What the client connects to.
        vip: Vip,
        /// Who has it.
        service: ObjectName,
    },
}

/// An endpoint and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its address.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
    /// The node it is on.
    pub node: Option<Arc<str>>,
    /// The zone it is in.
    pub zone: Option<Arc<str>>,
    /// What becomes of it.
    pub fate: Fate,
}

/// All about a connection from a client to a frontend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The frontend.
    pub key: FrontendKey,
    /// Its number.
    pub id: ServiceId,
    /// The service.
    pub service: ObjectName,
    /// What kind of address it is.
    pub kind: FrontendKind,
    /// What becomes of a new connection.
    pub verdict: Verdict,
    /// The policy that chooses.
    pub policy: TrafficPolicy,
    /// How near traffic is kept, or why it is not.
    pub topology: Topology,
    /// What the service would like.
    pub distribution: Option<TrafficDistribution>,
    /// How long the client stays with its backend: a candidate it had before goes before all others.
    pub affinity: Option<Affinity>,
    /// The endpoints by address and port.
    pub endpoints: Vec<Endpoint>,
    /// What is wrong with the service and its slices. Addresses named here are no endpoints.
    pub findings: Vec<Finding>,
}

impl Explanation {
    /// Yields the endpoints that may get the connection.
    pub fn candidates(&self) -> impl Iterator<Item = &Endpoint> {
        self.endpoints.iter().filter(|endpoint| endpoint.fate.is_candidate())
    }
}
