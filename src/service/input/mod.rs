//! What the cluster says: services, what is behind them, and where this node is.

mod affinity;
mod endpoint;
mod host_port;
mod service;
mod site;

pub use affinity::{Affinity, InvalidAffinity};
pub use endpoint::{Conditions, Endpoint, EndpointSlice, Hints, SlicePort};
pub use host_port::{HostPort, HostPorts};
pub use service::{Service, ServiceKind, ServicePort, TrafficDistribution, TrafficPolicy};
pub use site::{Place, Site};
