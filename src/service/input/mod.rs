//! What the cluster says: services, what is behind them, what is redirected, and where this node is.

mod affinity;
mod endpoint;
mod host_port;
mod pod;
mod redirect;
mod selector;
mod service;
mod site;

pub use affinity::{Affinity, InvalidAffinity};
pub use endpoint::{Conditions, Endpoint, EndpointSlice, Hints, SlicePort};
pub use host_port::{HostPort, HostPorts};
pub use pod::{ContainerPort, LocalPod};
pub use redirect::{Fault, Mistake, PortId, Redirect, RedirectFrom, RedirectPort, RedirectRule};
pub use selector::{Requirement, Selector, Test};
pub use service::{Service, ServiceKind, ServicePort, TrafficDistribution, TrafficPolicy};
pub use site::{Place, Site};
