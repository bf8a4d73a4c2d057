//! Policies in the datapath: what the cluster says, compiled for the pods of this node, and written.
//!
//! [`Sources`] takes in objects, [`Population`] knows identities, [`Tables`] keeps what is compiled and
//! written, and [`Engine`] decides which endpoint has which policy; the host is one, too ([`host`]). [`Assigned`] is where those who write
//! an endpoint's entries look that up.

mod answer;
mod assigned;
mod delay;
mod engine;
mod host;
mod nodes;
mod population;
mod rehearsal;
mod report;
mod rules;
mod sources;
mod state;
mod tables;
#[cfg(test)]
mod tests;

pub(super) use answer::End;
pub(super) use assigned::{Assigned, Held, Policies};
pub(super) use engine::Engine;
pub(super) use host::{Duties, HostFacts, HostHealth, HostSettings, Kept, host_actor};
pub(super) use population::named_port;
pub use rehearsal::{Extent, PolicyRehearsal, RehearsalError};
pub(super) use sources::{Kind, PolicyObject, Sources};
pub(super) use tables::Entries;
