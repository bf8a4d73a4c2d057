//! The bytes shared by the eBPF programs and user space: map names, keys,
//! values, events.
//!
//! There is one definition of each. Every struct is `repr(C)`, has no padding
//! and no `bool`, and is valid for any bit pattern; a test compares sizes and
//! offsets with the BTF of the compiled object. Integers are in host byte order
//! unless the field name ends in `_be`. Times are CLOCK_MONOTONIC in nanoseconds:
//! those of connections at the resolution of a timer tick, those of events exact.
//! Any change of a layout bumps
//! [`ABI_VERSION`], which is part of every map name.

mod addr;
mod config;
mod conntrack;
mod device;
mod endpoint;
mod event;
mod host;
mod ipcache;
mod metrics;
mod near;
mod pod;
mod reason;
mod service;
mod tables;

pub use addr::{Addr, Family};
pub use config::{Config, Mode, Timeouts, config_flags};
pub use conntrack::{
    Approval, CtKey, CtValue, End, FragKey, FragValue, OPENER, RESPONDER, Zone, ct_flags, ct_kind,
};
pub use device::{DeviceKind, DeviceValue, device_flags};
pub use endpoint::{EndpointValue, endpoint_flags};
pub use event::{Event, Observation, event_flags, event_kind};
pub use host::HostValue;
pub use ipcache::{
    IdentityValue, IpcacheKey, IpcacheValue, NodeValue, identity_flags, ipcache_flags, node_flags,
};
pub use metrics::{AdmissionQuota, Bucket, Counter, Direction, STRANGERS, metric_index};
pub use near::{NEAR_SLOTS, NearValue};
pub use reason::{Counted, DropReason, Note};
pub use service::{
    AffinityKey, AffinityValue, BackendValue, FrontendKey, FrontendValue, ListBlock, ListKey,
    MemberKey, NetnsValue, RANGE_PREFIX, RangeKey, SocketValue, frontend_flags, frontend_scope,
};
pub use tables::{
    ADDR_PREFIX, CellVerdict, PORT_PREFIX, PolicyAddrKey, PolicyCell, PolicyCellKey,
    PolicyIdentityKey, PolicyPortKey, policy, scope,
};

/// Version of every layout in this module; part of every map name and pin path.
pub const ABI_VERSION: u32 = 4;

/// Names of the maps, as the kernel shows them and as they are pinned.
pub mod maps {
    /// `Addr` -> [`super::EndpointValue`]: the pods of this node. Hash.
    pub const ENDPOINT: &str = "endpoint_v4";
    /// Slot ([`super::Addr::near_slot`]) -> [`super::NearValue`]: the same, for a glance. Array.
    pub const NEAR: &str = "near_v4";
    /// ifindex (u32) -> [`super::DeviceValue`]. Hash.
    pub const DEVICE: &str = "device_v4";
    /// [`super::IpcacheKey`] -> [`super::IpcacheValue`]. LPM trie.
    pub const IPCACHE: &str = "ipcache_v4";
    /// node id (u32) -> [`super::NodeValue`]. Hash.
    pub const NODE: &str = "node_v4";
    /// node address (`Addr`) -> node id (u32). Hash.
    pub const NODE_ADDR: &str = "node_addr_v4";
    /// identity (u32) -> [`super::IdentityValue`]: the known identities. Hash.
    pub const IDENTITY: &str = "identity_v4";
    /// One [`super::Config`]. Array.
    pub const CONFIG: &str = "config_v4";
    /// One [`super::HostValue`]. Array.
    pub const HOST: &str = "host_v4";
    /// One u32, the policy revision; bumped last. Array.
    pub const REVISION: &str = "revision_v4";
    /// [`super::PolicyIdentityKey`] -> class (u32). Hash.
    pub const POLICY_IDENTITY: &str = "policy_id_v4";
    /// [`super::PolicyPortKey`] -> class (u32). LPM trie.
    pub const POLICY_PORT: &str = "policy_port_v4";
    /// [`super::PolicyAddrKey`] -> class (u32). LPM trie.
    pub const POLICY_ADDR: &str = "policy_addr_v4";
    /// [`super::PolicyCellKey`] -> [`super::PolicyCell`]. Hash.
    pub const POLICY_CELL: &str = "policy_cell_v4";
    /// [`super::FrontendKey`] -> [`super::FrontendValue`]. Hash.
    pub const FRONTEND: &str = "frontend_v4";
    /// [`super::ListKey`] -> [`super::ListBlock`]. Hash.
    pub const LIST: &str = "list_v4";
    /// [`super::MemberKey`] -> 1 (u32). Hash.
    pub const MEMBER: &str = "member_v4";
    /// Cookie of a network namespace (u64) -> [`super::NetnsValue`]. Hash.
    pub const NETNS: &str = "netns_v4";
    /// number (u32), never 0 -> [`super::BackendValue`], or [`super::BackendValue::NOBODY`]. Array.
    pub const BACKEND: &str = "backend_v4";
    /// [`super::RangeKey`] -> 1 (u32). LPM trie.
    pub const RANGE: &str = "range_v4";
    /// [`super::AffinityKey`] -> [`super::AffinityValue`]. LRU hash.
    pub const AFFINITY: &str = "affinity_v4";
    /// socket -> [`super::SocketValue`]. Socket storage.
    pub const SOCKET: &str = "socket_v4";
    /// [`super::CtKey`] -> [`super::CtValue`]. Plain hash.
    pub const CONNTRACK: &str = "ct_v4";
    /// [`super::FragKey`] -> [`super::FragValue`]. LRU hash.
    pub const FRAGMENT: &str = "frag_v4";
    /// [`super::metric_index`] -> [`super::Counter`]. Per-CPU array.
    pub const METRICS: &str = "metrics_v4";
    /// endpoint id (u32) -> [`super::Bucket`]. Per-CPU LRU hash: the new-flow rate of one endpoint.
    pub const ADMISSION: &str = "admission_v4";
    /// endpoint id or [`super::STRANGERS`] (u32) -> [`super::AdmissionQuota`], published by the collector. Hash.
    pub const QUOTA: &str = "quota_v4";
    /// [`super::Event`] records. Ring buffer.
    pub const EVENTS: &str = "events_v4";
    /// Per-CPU state of a packet in flight, one slot per hook. Per-CPU array.
    pub const SCRATCH: &str = "scratch_v4";

    /// Every map that is pinned and shared by all programs.
    pub const PINNED: [&str; 28] = [
        ENDPOINT,
        NEAR,
        DEVICE,
        IPCACHE,
        NODE,
        NODE_ADDR,
        IDENTITY,
        CONFIG,
        HOST,
        REVISION,
        POLICY_IDENTITY,
        POLICY_PORT,
        POLICY_ADDR,
        POLICY_CELL,
        FRONTEND,
        LIST,
        MEMBER,
        NETNS,
        BACKEND,
        RANGE,
        AFFINITY,
        SOCKET,
        CONNTRACK,
        FRAGMENT,
        METRICS,
        ADMISSION,
        QUOTA,
        EVENTS,
    ];
}

/// Names of the programs in the object, one per hook.
pub mod programs {
    /// Ingress of a pod's host-side veth: what the pod sends.
    pub const FROM_POD: &str = "from_pod";
    /// Egress of a pod's host-side veth: what reaches the pod through the stack.
    pub const TO_POD: &str = "to_pod";
    /// Ingress of a node device: what the node receives.
    pub const FROM_NETDEV: &str = "from_netdev";
    /// Egress of a node device: what leaves the node.
    pub const TO_NETDEV: &str = "to_netdev";
    /// Ingress of the VXLAN device: what other nodes sent over the overlay.
    pub const FROM_OVERLAY: &str = "from_overlay";
    /// Egress of the VXLAN device: what goes to other nodes over the overlay.
    pub const TO_OVERLAY: &str = "to_overlay";

    /// connect(2) of an IPv4 socket.
    pub const CONNECT4: &str = "connect4";
    /// connect(2) of an IPv6 socket.
    pub const CONNECT6: &str = "connect6";
    /// getpeername(2) of an IPv4 socket.
    pub const GETPEERNAME4: &str = "getpeername4";
    /// getpeername(2) of an IPv6 socket.
    pub const GETPEERNAME6: &str = "getpeername6";

    /// sendmsg(2) with an address, of an IPv4 socket of UDP.
    pub const SENDMSG4: &str = "sendmsg4";
    /// sendmsg(2) with an address, of an IPv6 socket of UDP.
    pub const SENDMSG6: &str = "sendmsg6";
    /// recvmsg(2) that asks who sent it, of an IPv4 socket of UDP.
    pub const RECVMSG4: &str = "recvmsg4";
    /// recvmsg(2) that asks who sent it, of an IPv6 socket of UDP.
    pub const RECVMSG6: &str = "recvmsg6";

    /// Every program that sees sockets of a control group.
    pub const SOCKETS: [&str; 8] =
        [CONNECT4, CONNECT6, GETPEERNAME4, GETPEERNAME6, SENDMSG4, SENDMSG6, RECVMSG4, RECVMSG6];

    /// Every program that sees packets, in the order of the hooks.
    pub const PACKETS: [&str; 6] =
        [FROM_POD, TO_POD, FROM_NETDEV, TO_NETDEV, FROM_OVERLAY, TO_OVERLAY];
}

/// Identity numbers with a fixed meaning.
pub mod identity {
    /// Unknown: an address of the cluster whose owner is not known yet.
    pub const UNKNOWN: u32 = 0;
    /// This node.
    pub const HOST: u32 = 1;
    /// Health endpoints.
    pub const HEALTH: u32 = 4;
    /// Another node.
    pub const REMOTE_NODE: u32 = 6;
    /// The Kubernetes API server.
    pub const KUBE_APISERVER: u32 = 7;
    /// Ingress proxies.
    pub const INGRESS: u32 = 8;
    /// The outside, IPv4.
    pub const WORLD_V4: u32 = 9;
    /// The outside, IPv6.
    pub const WORLD_V6: u32 = 10;
    /// First number that other nodes get that policies tell apart by their labels; known to one node
    /// only.
    pub const FIRST_NODE: u32 = 1 << 25;
    /// Last such number.
    pub const LAST_NODE: u32 = (1 << 26) - 1;
    /// First number that a label set may get.
    pub const FIRST_CLUSTER: u32 = 256;
    /// Last number that a label set may get.
    pub const LAST_CLUSTER: u32 = 65_535;
}

/// What the kind nibble of `skb->mark` says (`Config::mark_shift` places it).
pub mod mark {
    /// No mark: not seen by skep.
    pub const NONE: u32 = 0;
    /// Source address translated; do not look again.
    pub const SNAT_DONE: u32 = 0x3;
    /// An outer packet made by skep's VXLAN device.
    pub const OVERLAY: u32 = 0x4;
    /// On its way back to the host that sent it, by skep itself.
    pub const RETURNED: u32 = 0x6;
    /// On its way to a pod and admitted; its source address says who sent it.
    pub const ADDRESSED: u32 = 0x5;
    /// Came over the overlay to a port of this host that is a pod's, and nobody has judged it yet; the upper
    /// 16 bits carry the identity of who sent it.
    pub const HANDED_ON: u32 = 0x7;
    /// Sent by a pod and admitted; the upper 16 bits carry the identity.
    pub const POD: u32 = 0xF;
    /// Default shift of the kind nibble: mask 0x0f00.
    pub const DEFAULT_SHIFT: u32 = 8;
}
