//! Flows -> who speaks with whom, and how often. Pure.
//!
//! An [`Edge`] is a client, a server and the server's port; [`Edges`] counts flows by edge. Workloads, drop
//! reasons and policies are told from the edges ([`Edges::workloads`], [`Edges::reasons`],
//! [`Edges::policies`]), so that one pass over the flows serves lists, graphs and live views alike.

mod counts;
mod edge;
mod party;
mod table;
#[cfg(test)]
mod tests;
mod views;

pub use counts::{Cause, Counts, Drops};
pub use edge::Edge;
pub(super) use edge::Server;
pub use party::Party;
pub use table::Edges;
pub use views::{Load, PolicyUse, Reason};
