//! Desired map entries -> diff -> typed writes, through the [`MapStore`] trait.

mod memory;
mod store;
mod table;

pub use memory::MemoryStore;
pub use store::{Entries, MapError, MapStore};
pub use table::{
    ConfigTable, ConntrackTable, DeviceTable, EndpointTable, IdentityTable, IpcacheTable,
    NodeAddrTable, NodeTable, QuotaTable, RevisionTable, Table,
};
