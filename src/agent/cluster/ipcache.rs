//! Entries of the ipcache and who may claim them.

use std::net::IpAddr;

use ipnet::IpNet;
use skep_bpf::abi::{IpcacheKey, IpcacheValue, ipcache_flags};

use crate::model::{Identity, Incarnation, NodeId};

/// A claim on a prefix. Derived order: the field order is the precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Claim {
    rank: Rank,
    pub(super) value: IpcacheValue,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Outside,
    PodCidr,
    Pod(Incarnation),
    Node,
}

/// Whose claim it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Owner {
    /// A node: its addresses and pod CIDRs.
    Node(String),
    /// An endpoint slice of another node.
    Slice(String),
    /// The endpoints of this node.
    Local,
    /// The API server.
    ApiServer,
}

impl Claim {
    pub(super) fn pod(identity: Identity, node: NodeId, incarnation: Incarnation) -> Self {
        Self { rank: Rank::Pod(incarnation), value: value(identity, node, 0) }
    }

    pub(super) fn pod_cidr(node: NodeId) -> Self {
        Self { rank: Rank::PodCidr, value: value(Identity::UNKNOWN, node, ipcache_flags::POD_CIDR) }
    }

    /// An address outside of the cluster, which no node is in front of.
    pub(super) fn outside(identity: Identity) -> Self {
        Self { rank: Rank::Outside, value: value(identity, NodeId(0), 0) }
    }

    pub(super) fn node(identity: Identity, node: NodeId) -> Self {
        Self { rank: Rank::Node, value: value(identity, node, ipcache_flags::NODE) }
    }
}

fn value(identity: Identity, node: NodeId, flags: u32) -> IpcacheValue {
    IpcacheValue { identity: identity.0, node_id: node.0, flags, ..IpcacheValue::default() }
}

/// Returns the key of one address.
pub(in crate::agent) fn address_key(address: IpAddr) -> IpcacheKey {
    IpcacheKey { prefix_len: 128, addr: address.into() }
}

/// Returns the key of a prefix; the bits of a mapped address come first.
pub(in crate::agent) fn prefix_key(net: IpNet) -> IpcacheKey {
    let mapped = if net.addr().is_ipv4() { 96 } else { 0 };
    IpcacheKey { prefix_len: mapped + u32::from(net.prefix_len()), addr: net.network().into() }
}
