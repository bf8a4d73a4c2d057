//! 7. What a node agent serves: the admin API on its unix socket, health, metrics.
//!
//! The admin API is HTTP/1.1 with JSON: `GET /v1/status`, `/v1/endpoints`, `/v1/identities`,
//! `/v1/nodes`, `/v1/policies`, `/v1/services`, `/v1/bpf/{endpoint,ipcache,ct,nat,node,policy,metrics}`,
//! `/v1/bpf/lb/{frontends,backends,affinity,maglev,revnat}`, `/v1/check`, `/v1/services/explain` with a question as
//! its query, and `/v1/flows` and `/v1/events`, which stream one object per line; `POST /v1/bpf/ct/flush` removes the
//! connections that its query means. The agent implements [`Inspect`]; [`serve`] does the rest; [`Client`]
//! asks. Flows are also served to Hubble's clients, by gRPC ([`hubble`]). What is exchanged are the versioned structs of this module, never `model` types.

mod bpf;
mod client;
mod events;
mod flows;
pub mod http;
pub mod hubble;
mod inspect;
mod list;
mod node;
pub mod otlp;
mod policy;
mod server;
mod service;
mod socket;
mod status;

pub use bpf::{
    BpfAffinity, BpfBackend, BpfEndpoint, BpfFrontend, BpfMaglev, BpfNode, BpfPolicy, BpfRevNat,
    Connection, ConnectionFilter, Direction, End, Flushed, IpcacheEntry, IpcacheKind, Leg,
    MaglevShare, Metric, NameService, Traffic, Translation, Zone,
};
pub use client::{Client, ClientError, EventLines, FlowLines};
pub use inspect::{Inspect, InspectError};
pub use list::{API_VERSION, List, Listed, Located};
pub use node::{Endpoint, EndpointState, Identity, IdentityState, Node};
pub use policy::{Policy, PolicyState, RuleHits};
pub use server::serve;
pub use service::{
    Asker, Backend, BackendState, BalanceVerdict, Explained, ExplainedEndpoint, Fate, Frontend,
    FrontendKind, Hook, InvalidAsker, InvalidName, PolicyAnswer, PolicyVerdict, QualifiedName,
    Scope, Sees, Service, ServiceClient, ServiceExplanation, ServiceQuestion, ServiceType,
    Topology, TrafficPolicy, WhenEmpty,
};
pub use socket::ServeError;
pub use status::{Attachment, Component, Finding, HOST_FIREWALL, Health, NodeStatus, OFF, Usage};
