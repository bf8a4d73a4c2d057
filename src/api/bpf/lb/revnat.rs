//! What the source of answers becomes.

use std::{collections::BTreeMap, net::IpAddr};

use serde::{Deserialize, Serialize};

use crate::{
    api::{Connection, Listed},
    flows::protocol_name,
    maps::{FrontendTable, MapError, MapStore},
    model::everywhere,
};

/// An address and port that answers of backends get as their source. There is no map of it: each connection
/// remembers its own, so that a frontend that is gone still answers those it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BpfRevNat {
    /// Numbers of the frontends there, for clients inside and outside; none if they are gone.
    pub numbers: Vec<u32>,
    /// Address. The unspecified one stands for a port of all nodes, of which connections have one.
    pub address: IpAddr,
    /// Port.
    pub port: u16,
    /// TCP, UDP or SCTP.
    pub protocol: String,
    /// Connections whose packets are translated. Those that were made by connect(2) need no translation.
    pub connections: u64,
}

impl BpfRevNat {
    /// Reads the map of frontends and counts connections; ordered by address, port and protocol, IPv4 first.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn list(store: &impl MapStore, connections: &[Connection]) -> Result<Vec<Self>, MapError> {
        let mut numbers: BTreeMap<(IpAddr, u16, String), Vec<u32>> = BTreeMap::new();
        let mut frontends = store.entries::<FrontendTable>()?;
        frontends.sort_unstable_by_key(|(_, value)| value.service_id);
        for (key, value) in frontends {
            let place = (key.addr.into(), key.port, protocol_name(key.proto));
            numbers.entry(place).or_default().push(value.service_id);
        }
        let mut counts: BTreeMap<_, u64> = numbers.keys().map(|place| (place.clone(), 0)).collect();
        for one in connections {
            let Some(frontend) = one.service else { continue };
            let place = (frontend.address, frontend.port, one.protocol.clone());
            *counts.entry(place).or_default() += 1;
        }
        let row = |((address, port, protocol), connections)| {
            let at = |address| numbers.get(&(address, port, String::clone(&protocol)));
            let numbers = at(address).or_else(|| at(everywhere(address))).cloned();
            Self { numbers: numbers.unwrap_or_default(), address, port, protocol, connections }
        };
        Ok(counts.into_iter().map(row).collect())
    }
}

impl Listed for BpfRevNat {
    const KIND: &'static str = "BpfRevNatList";
    const PATH: &'static str = "/v1/bpf/lb/revnat";
}
