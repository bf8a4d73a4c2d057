//! The map of clients that stay with their backend.

use std::{net::IpAddr, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use skep_bpf::abi::{Addr, AffinityKey, AffinityValue};

use crate::{
    api::Listed,
    flows::BootClock,
    maps::{AffinityTable, MapError, MapStore},
};

/// A client that stays with a backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BpfAffinity {
    /// The client's address; or `netns:COOKIE`, by the kernel's cookie of a network namespace, for all
    /// sockets in it: at connect they have no address yet.
    pub client: String,
    /// The frontend's number on the node that was asked.
    pub frontend: u32,
    /// The backend's number on the node that was asked.
    pub backend: u32,
    /// When the client's last connection was made. Entries stay when their time is over.
    pub last_used: Timestamp,
}

impl BpfAffinity {
    /// Reads the map, ordered by frontend and client.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn list(store: &impl MapStore, clock: &BootClock) -> Result<Vec<Self>, MapError> {
        let mut entries = store.entries::<AffinityTable>()?;
        entries.sort_by_key(|(key, _)| (key.service_id, key.client));
        Ok(entries.iter().map(|(key, value)| Self::new(key, value, clock)).collect())
    }

    fn new(key: &AffinityKey, value: &AffinityValue, clock: &BootClock) -> Self {
        Self {
            client: client(key.client),
            frontend: key.service_id,
            backend: value.backend_id,
            last_used: clock.wall(Duration::from_nanos(value.last_used)),
        }
    }
}

/// The keys of network namespaces are all zero where hosts are told apart.
fn client(addr: Addr) -> String {
    match addr.words() {
        [cookie, 0] => format!("netns:{cookie}"),
        _ => IpAddr::from(addr).to_string(),
    }
}

impl Listed for BpfAffinity {
    const KIND: &'static str = "BpfAffinityList";
    const PATH: &'static str = "/v1/bpf/lb/affinity";
}
