//! Services: objects -> frontends, backends and Maglev tables. Pure: no I/O, no clock, nothing asynchronous.
//!
//! [`input`] is what the cluster says. [`Services`] keeps it, edit by edit, and says which frontends
//! change; [`Frontend`] is what a client connects to and [`Backends`] who takes the connection on this
//! node, as [`choose`] decides. What could not be taken as written is a [`Finding`]. [`maglev`] spreads
//! connections from outside in the same way on all nodes, and [`explain`] says why a backend is or is
//! not used.

pub mod choose;
pub mod explain;
pub mod input;
pub mod maglev;

mod address;
mod build;
mod context;
mod finding;
mod host_port;
mod index;
mod object;
mod output;
mod protocol;
mod redirect;
mod store;
#[cfg(test)]
mod tests;
mod wants;

pub use address::Unfit;
pub use finding::{Field, Finding, Reason};
pub use object::ObjectName;
pub use output::{
    Backend, BackendId, BackendKey, Backends, Changes, Edit, Frontend, FrontendKey, FrontendKind,
    Named, Retired, Scope, ServiceId, State, Vip, WhenEmpty,
};
pub use protocol::Protocol;
pub use store::{HealthCheck, Services};
