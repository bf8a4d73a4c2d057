//! The maps as types: a name, a key, a value.

use skep_bpf::abi::{
    Addr, AdmissionQuota, AffinityKey, AffinityValue, BackendValue, Config, CtKey, CtValue,
    DeviceValue, EndpointValue, FrontendKey, FrontendValue, HostValue, IdentityValue, IpcacheKey,
    IpcacheValue, ListBlock, ListKey, MemberKey, NearValue, NetnsValue, NodeValue, PolicyAddrKey,
    PolicyCell, PolicyCellKey, PolicyIdentityKey, PolicyPortKey, RangeKey, maps,
};

/// A map whose entries user space reads and writes.
pub trait Table: 'static {
    /// Name of the map in the kernel.
    const NAME: &'static str;
    /// Key.
    type Key: aya::Pod + Ord + std::fmt::Debug + Send + Sync;
    /// Value.
    type Value: aya::Pod + PartialEq + std::fmt::Debug + Send + Sync;
    /// Of an array whose keys, from 1 on, need not all have entries: the value of those that have none.
    const ABSENT: Option<Self::Value> = None;
}

macro_rules! tables {
    ($($(#[$meta:meta])* $name:ident = $map:ident: $key:ty => $value:ty $(, else $absent:expr)?;)*) => {
        $(
            $(#[$meta])*
            #[derive(Debug)]
            pub enum $name {}

            impl Table for $name {
                const NAME: &'static str = maps::$map;
                type Key = $key;
                type Value = $value;
                $(const ABSENT: Option<$value> = Some($absent);)?
            }
        )*
    };
}

tables! {
    /// The pods of this node, by address.
    EndpointTable = ENDPOINT: Addr => EndpointValue;
    /// Near pods, by slot.
    NearTable = NEAR: u32 => NearValue;
    /// Devices, by ifindex.
    DeviceTable = DEVICE: u32 => DeviceValue;
    /// Owners of prefixes.
    IpcacheTable = IPCACHE: IpcacheKey => IpcacheValue;
    /// Nodes, by id.
    NodeTable = NODE: u32 => NodeValue;
    /// Node ids, by underlay address.
    NodeAddrTable = NODE_ADDR: Addr => u32;
    /// Known identities.
    IdentityTable = IDENTITY: u32 => IdentityValue;
    /// The configuration; its only key is 0.
    ConfigTable = CONFIG: u32 => Config;
    /// The host as an endpoint.
    HostTable = HOST: u32 => HostValue;
    /// The policy revision; its only key is 0.
    RevisionTable = REVISION: u32 => u32;
    /// Classes of identities, by policy.
    PolicyIdentityTable = POLICY_IDENTITY: PolicyIdentityKey => u32;
    /// Classes of addresses, by policy.
    PolicyAddrTable = POLICY_ADDR: PolicyAddrKey => u32;
    /// Classes of ports, by policy.
    PolicyPortTable = POLICY_PORT: PolicyPortKey => u32;
    /// Verdicts, by policy and classes.
    PolicyCellTable = POLICY_CELL: PolicyCellKey => PolicyCell;
    /// Frontends of services.
    FrontendTable = FRONTEND: FrontendKey => FrontendValue;
    /// Lists of backends, in blocks.
    ListTable = LIST: ListKey => ListBlock;
    /// Backends of frontends with affinity.
    MemberTable = MEMBER: MemberKey => u32;
    /// Addresses of pods and of the node, by the cookie of their network namespace.
    NetnsTable = NETNS: u64 => NetnsValue;
    /// Backends, by number.
    BackendTable = BACKEND: u32 => BackendValue, else BackendValue::NOBODY;
    /// Prefixes whose addresses may connect to a frontend.
    RangeTable = RANGE: RangeKey => u32;
    /// Clients that stay with a backend.
    AffinityTable = AFFINITY: AffinityKey => AffinityValue;
    /// Connections.
    ConntrackTable = CONNTRACK: CtKey => CtValue;
    /// Admission quotas, by endpoint id.
    QuotaTable = QUOTA: u32 => AdmissionQuota;
}
