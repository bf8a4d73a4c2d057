//! The contents of the datapath's maps, made readable.

mod connection;
mod connection_filter;
mod endpoint;
mod flush;
mod ipcache;
mod lb;
mod metric;
mod node;
mod policy;
#[cfg(test)]
mod tests;
mod translation;

pub use connection::{Connection, End, Leg, NameService, Traffic, Zone};
pub use connection_filter::ConnectionFilter;
pub use endpoint::BpfEndpoint;
pub use flush::Flushed;
pub use ipcache::{IpcacheEntry, IpcacheKind};
pub use lb::{BpfAffinity, BpfBackend, BpfFrontend, BpfMaglev, BpfRevNat, MaglevShare};
pub use metric::{Direction, Metric};
pub use node::BpfNode;
pub use policy::BpfPolicy;
pub use translation::Translation;
