//! `skep relay`: one Observer endpoint for all nodes of a cluster.
//!
//! A [`Relay`] asks every node of its [`Roster`] and merges what they answer in order of time. Nodes that
//! come and go are told to clients (`NODE_CONNECTED` first, `NODE_UNAVAILABLE`, `NODE_ERROR`); whoever
//! finds nodes keeps the roster and says how each is reached.

mod access;
mod follow;
mod merge;
mod metrics;
mod node;
mod peers;
mod service;
mod stored;
mod sums;
mod told;
mod watch;

pub use access::{Access, Denied, User};
pub use metrics::RelayMetrics;
pub use node::{Roster, Target};
pub use peers::follow_peers;
pub use service::Relay;
