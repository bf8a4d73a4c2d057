//! Desired map entries -> diff -> typed writes, through the [`MapStore`] trait.

mod conntrack;
mod desired;
mod memory;
mod store;
mod table;

pub use conntrack::{CollectorOptions, ConntrackCollector, Fate, Sweep, judge};
pub use desired::{Changes, Desired, Op};
pub use memory::MemoryStore;
pub use store::{Entries, MapError, MapStore, Slice};
pub use table::{
    ConfigTable, ConntrackTable, DeviceTable, EndpointTable, IdentityTable, IpcacheTable,
    NodeAddrTable, NodeTable, QuotaTable, RevisionTable, Table,
};
