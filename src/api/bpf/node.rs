//! The node map.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use skep_bpf::abi::{Addr, NodeValue, node_flags};

use crate::{
    api::Listed,
    maps::{MapError, MapStore, NodeTable},
    model::Addresses,
};

/// A node, as the datapath knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BpfNode {
    /// Number on the node that was asked; never on the wire.
    pub id: u32,
    /// Underlay addresses.
    pub addresses: Addresses,
    /// Whether this is the node that was asked.
    pub local: bool,
    /// Whether its agent has published itself ready.
    pub ready: bool,
}

impl BpfNode {
    /// Reads the map, ordered by number.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn list(store: &impl MapStore) -> Result<Vec<Self>, MapError> {
        let mut items: Vec<Self> = store.entries::<NodeTable>()?.iter().map(Self::from).collect();
        items.sort_by_key(|item| item.id);
        Ok(items)
    }
}

impl From<&(u32, NodeValue)> for BpfNode {
    fn from((id, value): &(u32, NodeValue)) -> Self {
        let v4 = match present(value.addr_v4) {
            Some(IpAddr::V4(address)) => Some(address),
            _ => None,
        };
        let v6 = match present(value.addr_v6) {
            Some(IpAddr::V6(address)) => Some(address),
            _ => None,
        };
        Self {
            id: *id,
            addresses: Addresses { v4, v6 },
            local: value.flags & node_flags::LOCAL != 0,
            ready: value.flags & node_flags::READY != 0,
        }
    }
}

fn present(addr: Addr) -> Option<IpAddr> {
    (!addr.is_zero()).then(|| addr.into())
}

impl Listed for BpfNode {
    const KIND: &'static str = "BpfNodeList";
    const PATH: &'static str = "/v1/bpf/node";
}
