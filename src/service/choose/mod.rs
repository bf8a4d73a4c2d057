//! Which endpoints take the traffic of a node, and why the others do not.

mod candidate;
mod fate;
mod topology;

pub use fate::Fate;
pub use topology::{NoHints, Topology};

pub(super) use candidate::{Candidate, Pool};
pub(super) use fate::choose;
