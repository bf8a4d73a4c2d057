//! What changes in connectivity from one set of objects to another.

mod changes;
mod ports;
mod workloads;

pub use changes::{Change, Changes, Extent, Set, diff};
pub use ports::{Ports, Probe};
