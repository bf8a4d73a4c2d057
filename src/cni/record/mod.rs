//! What a node remembers of its endpoints: one small file each.
//!
//! A record is on disk before ADD returns. It counts only in the boot that wrote it; a file that
//! cannot be read is set aside, and the others are not affected.

mod counter;
mod endpoint;
mod store;

pub use counter::{Counter, CounterError};
pub use endpoint::{EndpointRecord, host_ifname};
pub use store::{Loaded, RecordError, RecordStore, write_atomically};
