//! What agents tell of checks that were answered.
//!
//! While checks run, a [`Witness`](super::Witness) follows the flows of all nodes into a `ledger`, which keeps each
//! kind of packet once (`talk`). They begin when each agent is heard (`begin`). As soon as a check was answered, what
//! agents must tell of it (`expected`) is looked up there; what does not come in time fails the check, and the gate
//! of its node.

use std::time::Duration;

mod begin;
mod expected;
mod ledger;
mod talk;

pub(super) use ledger::Audit;
pub use ledger::Ledger;
pub use talk::{Talk, Told};

/// How long agents may take to tell. It has nothing to do with how fast packets are: flows come in order, and on a
/// machine that is busy with the test they are 16 s behind without that any is lost (three labs on two cores). What
/// came is waited for no longer.
pub(super) const TOLD_WITHIN: Duration = Duration::from_secs(40);
