//! The ipcache.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use skep_bpf::abi::{Family, IpcacheKey, IpcacheValue, ipcache_flags};

use crate::{
    api::Listed,
    maps::{IpcacheTable, MapError, MapStore},
};

/// The owner of a prefix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IpcacheEntry {
    /// Prefix.
    pub prefix: IpNet,
    /// Identity; 0 for a pod CIDR.
    pub identity: u32,
    /// The node behind which it is, as in `skep bpf node list`; 0 = none.
    pub node_id: u32,
    /// What it is.
    pub kind: IpcacheKind,
    /// Encryption key index; 0 = in clear.
    pub key_index: u32,
}

/// What a prefix stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IpcacheKind {
    /// A pod.
    Pod,
    /// The pod CIDR of a node: part of the cluster, owner not known yet.
    PodCidr,
    /// A node's own address.
    Node,
    /// A prefix outside the cluster.
    Cidr,
}

impl IpcacheKind {
    /// Returns the word that people see.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pod => "pod",
            Self::PodCidr => "pod-cidr",
            Self::Node => "node",
            Self::Cidr => "cidr",
        }
    }
}

impl IpcacheEntry {
    /// Reads the map, ordered by prefix.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn list(store: &impl MapStore) -> Result<Vec<Self>, MapError> {
        let mut items: Vec<Self> =
            store.entries::<IpcacheTable>()?.iter().map(Self::from).collect();
        items.sort_by_key(|item| item.prefix);
        Ok(items)
    }
}

impl From<&(IpcacheKey, IpcacheValue)> for IpcacheEntry {
    fn from((key, value): &(IpcacheKey, IpcacheValue)) -> Self {
        let kind = if value.flags & ipcache_flags::POD_CIDR != 0 {
            IpcacheKind::PodCidr
        } else if value.flags & ipcache_flags::NODE != 0 {
            IpcacheKind::Node
        } else if value.node_id != 0 {
            IpcacheKind::Pod
        } else {
            IpcacheKind::Cidr
        };
        Self {
            prefix: prefix(key),
            identity: value.identity,
            node_id: value.node_id,
            kind,
            key_index: value.key_index,
        }
    }
}

/// The map counts prefixes in 128 bits; a length that no address of the family has is the kernel
/// giving back what nobody wrote, and is shown as the nearest one.
fn prefix(key: &IpcacheKey) -> IpNet {
    let addr = key.addr;
    let address = IpAddr::from(addr);
    let length = match addr.family() {
        Family::V4 => key.prefix_len.saturating_sub(96).min(32),
        Family::V6 => key.prefix_len.min(128),
    };
    let length = u8::try_from(length).expect("at most 128");
    IpNet::new(address, length).expect("the length fits the family")
}

impl Listed for IpcacheEntry {
    const KIND: &'static str = "IpcacheEntryList";
    const PATH: &'static str = "/v1/bpf/ipcache";
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use skep_bpf::abi::{IpcacheKey, IpcacheValue, ipcache_flags};

    use super::{IpcacheEntry, IpcacheKind};
    use crate::maps::{IpcacheTable, MapStore, MemoryStore};

    #[test]
    fn prefixes_of_both_families_are_read_back() {
        let store = MemoryStore::default();
        for (address, prefix_len, flags) in [
            ("10.244.1.7", 128, 0),
            ("10.244.2.0", 96 + 24, ipcache_flags::POD_CIDR),
            ("fd00:10:244:1::7", 128, 0),
            ("fd31::2", 128, ipcache_flags::NODE),
        ] {
            let address: IpAddr = address.parse().unwrap();
            let key = IpcacheKey { prefix_len, addr: address.into() };
            let value = IpcacheValue { node_id: 2, flags, ..IpcacheValue::default() };
            store.put::<IpcacheTable>(&key, &value).unwrap();
        }
        let shown: Vec<_> = IpcacheEntry::list(&store)
            .unwrap()
            .iter()
            .map(|entry| (entry.prefix.to_string(), entry.kind))
            .collect();
        assert_eq!(
            shown,
            [
                ("10.244.1.7/32".to_owned(), IpcacheKind::Pod),
                ("10.244.2.0/24".to_owned(), IpcacheKind::PodCidr),
                ("fd00:10:244:1::7/128".to_owned(), IpcacheKind::Pod),
                ("fd31::2/128".to_owned(), IpcacheKind::Node),
            ]
        );
    }
}
