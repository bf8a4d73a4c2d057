//! Cluster duties: leader election, identity collection, conditions of policies.
//!
//! Several operators may run; a Lease elects the one that works. What it does is decided by pure
//! state machines ([`election::Candidate`], [`collection::Collector`]) that get the time as an
//! argument, and every write carries the version of what was read, so that an operator that is
//! late or wrong loses to whoever was there.

mod certificates;
mod collection;
mod election;
mod error;
mod metrics;
mod run;
mod validity;

pub use error::OperatorError;
pub use run::{run, run_until};
