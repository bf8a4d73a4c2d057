//! The lab's controllers.
//!
//! Each is a pure function from what the cluster is to the writes that bring it nearer to what
//! its objects ask for. One loop runs them all whenever anything changed, and lets the caches
//! catch up with its own writes before the next pass, so that nothing is done twice.

mod adoption;
mod budget;
mod cronjob;
mod daemonset;
mod deployment;
mod endpoints;
mod endpointslice;
mod eviction;
mod job;
mod matching;
mod namespace;
mod node;
mod owned;
mod replicaset;
mod revision;
mod schedule;
mod scheduler;
mod service;
mod snapshot;
mod statefulset;
mod storage;
mod sync;

pub(super) use owned::is_ready;
pub(super) use sync::{Settings, run};
