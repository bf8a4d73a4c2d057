//! The endpoint map.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use skep_bpf::abi::{Addr, EndpointValue, endpoint_flags};

use crate::{
    api::Listed,
    maps::{EndpointTable, MapError, MapStore},
    model::MacAddr,
};

/// An address of a local pod, as the datapath knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BpfEndpoint {
    /// Address.
    pub address: IpAddr,
    /// Number of the endpoint on its node.
    pub endpoint_id: u32,
    /// Index of the host-side veth.
    pub ifindex: u32,
    /// Identity.
    pub identity: u32,
    /// Which use of the address this is.
    pub incarnation: u32,
    /// Whether packets are delivered.
    pub ready: bool,
    /// MAC in the pod.
    pub mac: MacAddr,
    /// MAC of the host side.
    pub host_mac: MacAddr,
}

impl BpfEndpoint {
    /// Reads the map, ordered by address.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn list(store: &impl MapStore) -> Result<Vec<Self>, MapError> {
        let mut items: Vec<Self> =
            store.entries::<EndpointTable>()?.iter().map(Self::from).collect();
        items.sort_by_key(|item| item.address);
        Ok(items)
    }
}

impl From<&(Addr, EndpointValue)> for BpfEndpoint {
    fn from((addr, value): &(Addr, EndpointValue)) -> Self {
        Self {
            address: (*addr).into(),
            endpoint_id: value.endpoint_id,
            ifindex: value.ifindex,
            identity: value.identity,
            incarnation: value.incarnation,
            ready: value.flags & endpoint_flags::READY != 0,
            mac: MacAddr(value.mac),
            host_mac: MacAddr(value.host_mac),
        }
    }
}

impl Listed for BpfEndpoint {
    const KIND: &'static str = "BpfEndpointList";
    const PATH: &'static str = "/v1/bpf/endpoint";
}
