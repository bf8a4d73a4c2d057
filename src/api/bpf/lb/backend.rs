//! The map of backends.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use skep_bpf::abi::BackendValue;

use crate::{
    api::Listed,
    flows::protocol_name,
    maps::{BackendTable, MapError, MapStore},
};

/// Who takes connections, as the datapath knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BpfBackend {
    /// Its number on the node that was asked.
    pub id: u32,
    /// Address.
    pub address: IpAddr,
    /// Port.
    pub port: u16,
    /// TCP, UDP or SCTP.
    pub protocol: String,
}

impl BpfBackend {
    /// Reads the map, ordered by number.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn list(store: &impl MapStore) -> Result<Vec<Self>, MapError> {
        let mut items: Vec<Self> =
            store.entries::<BackendTable>()?.iter().map(Self::from).collect();
        items.sort_by_key(|item| item.id);
        Ok(items)
    }
}

impl From<&(u32, BackendValue)> for BpfBackend {
    fn from((id, value): &(u32, BackendValue)) -> Self {
        let (address, protocol) = (value.addr.into(), protocol_name(value.proto));
        Self { id: *id, address, port: value.port, protocol }
    }
}

impl Listed for BpfBackend {
    const KIND: &'static str = "BpfBackendList";
    const PATH: &'static str = "/v1/bpf/lb/backends";
}
