//! Desired map entries -> diff -> typed writes, through the [`MapStore`] trait.

mod conntrack;
mod desired;
mod memory;
mod policy;
mod service;
mod store;
mod table;

pub use conntrack::{CollectorOptions, ConntrackCollector, Fate, Sweep, judge};
pub use desired::{Changes, Desired, Op};
pub use memory::MemoryStore;
pub use policy::{PolicyEntries, cell, cell_key, encode};
pub use service::{
    Extent as ServiceExtent, Left, ServiceError, ServiceWriter, decode_frontend_key,
    differences as service_differences, encode_backend, encode_frontend_key,
};
pub use store::{Entries, MapError, MapStore, Slice};
pub use table::{
    AffinityTable, BackendTable, ConfigTable, ConntrackTable, DeviceTable, EndpointTable,
    FrontendTable, HostTable, IdentityTable, IpcacheTable, ListTable, MemberTable, NearTable,
    NetnsTable, NodeAddrTable, NodeTable, PolicyAddrTable, PolicyCellTable, PolicyIdentityTable,
    PolicyPortTable, QuotaTable, RangeTable, RevisionTable, Table,
};
