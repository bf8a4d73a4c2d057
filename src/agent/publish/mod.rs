//! What this node tells the cluster: its endpoints and that it is ready.

mod counts;
mod packing;
mod readiness;
mod slices;

pub(super) use counts::{News, Published};
pub(super) use readiness::announce;
pub(super) use slices::{Publisher, publish};
