//! The contents of the datapath's maps, made readable.

mod connection;
mod endpoint;
mod ipcache;
mod lb;
mod metric;
mod node;
mod policy;

pub use connection::{Connection, End, Leg, Traffic, Zone};
pub use endpoint::BpfEndpoint;
pub use ipcache::{IpcacheEntry, IpcacheKind};
pub use lb::{BpfAffinity, BpfBackend, BpfFrontend, BpfMaglev, MaglevShare};
pub use metric::{Direction, Metric};
pub use node::BpfNode;
pub use policy::BpfPolicy;
