//! The node agent: wiring only.
//!
//! Start: take the lock, take over pinned maps and records, do queued deletions, replace programs in
//! place, watch the cluster, configure the datapath, connect pods, and, when everything was seen
//! once, delete what is not there any more and announce the node.

mod allowed;
mod cache;
mod certificates;
mod check;
mod chores;
mod cluster;
mod confirm;
mod endpoint;
mod error;
mod export;
mod health;
mod history;
mod hubble;
mod identity;
mod inspect;
mod install;
mod lately;
mod metrics;
mod node;
mod origin;
mod orphans;
mod peers;
mod plugin;
mod pods;
mod policy;
mod publish;
mod resolve;
mod run;
mod serve;
mod service;
mod shared;
mod sockets;
mod start;
mod told;
mod upkeep;

pub use error::AgentError;
pub use policy::{Extent, PolicyRehearsal, RehearsalError};
pub use run::run;
