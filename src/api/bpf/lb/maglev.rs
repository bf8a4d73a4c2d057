//! Maglev tables: which backend all nodes choose for a connection from outside.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
};

use serde::{Deserialize, Serialize};
use skep_bpf::abi::{BackendValue, FrontendKey, FrontendValue, frontend_flags};

use super::{frontend::scope, list::Lists};
use crate::{
    api::{Listed, Scope},
    flows::protocol_name,
    maps::{BackendTable, FrontendTable, MapError, MapStore},
};

/// The table of one frontend, as the datapath knows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BpfMaglev {
    /// Its number.
    pub table: u32,
    /// The frontend's number on the node that was asked.
    pub frontend: u32,
    /// The frontend's address.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
    /// TCP, UDP or SCTP.
    pub protocol: String,
    /// Which clients find it.
    pub scope: Scope,
    /// How many entries the table has.
    pub entries: u32,
    /// How many of them lead to nobody; 0 unless the maps are broken.
    pub missing: u32,
    /// What each backend has of it, by number.
    pub shares: Vec<MaglevShare>,
}

/// What a backend has of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MaglevShare {
    /// The backend's number on the node that was asked.
    pub backend: u32,
    /// Its address, if it is in the map of backends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// Its port, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// How many entries lead to it.
    pub entries: u32,
    /// How much of the table that is, with one digit behind the point.
    pub percent: f64,
}

/// What is read once for all tables.
struct Maps {
    lists: Lists,
    backends: HashMap<u32, BackendValue>,
}

impl BpfMaglev {
    /// Reads the maps, ordered by the frontends' address, port, protocol and scope, IPv4 first. Blocks that no
    /// frontend names are left out.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn list(store: &impl MapStore) -> Result<Vec<Self>, MapError> {
        let mut frontends = store.entries::<FrontendTable>()?;
        frontends.retain(|(_, value)| value.flags & frontend_flags::MAGLEV != 0);
        frontends.sort_by_key(|(key, _)| (IpAddr::from(key.addr), key.port, key.proto, key.scope));
        let maps = Maps {
            lists: Lists::read(store)?,
            backends: store.entries::<BackendTable>()?.into_iter().collect(),
        };
        Ok(frontends.iter().map(|(key, value)| Self::new(key, value, &maps)).collect())
    }

    fn new(key: &FrontendKey, value: &FrontendValue, maps: &Maps) -> Self {
        let counts = maps.counts(value);
        let found: u32 = counts.values().sum();
        let share = |(id, entries): (&u32, &u32)| maps.share(*id, *entries, value.places);
        Self {
            table: value.list,
            frontend: value.service_id,
            address: key.addr.into(),
            port: key.port,
            protocol: protocol_name(key.proto),
            scope: scope(key.scope),
            entries: value.places,
            missing: value.places.saturating_sub(found),
            shares: counts.iter().map(share).collect(),
        }
    }
}

impl Maps {
    /// Counts the entries of each backend. A block that is not there has none.
    fn counts(&self, value: &FrontendValue) -> BTreeMap<u32, u32> {
        let mut counts = BTreeMap::new();
        for id in self.lists.places(value) {
            *counts.entry(id).or_default() += 1;
        }
        counts
    }

    fn share(&self, backend: u32, entries: u32, size: u32) -> MaglevShare {
        let known = self.backends.get(&backend);
        MaglevShare {
            backend,
            address: known.map(|value| value.addr.into()),
            port: known.map(|value| value.port),
            entries,
            percent: (f64::from(entries) * 1000.0 / f64::from(size)).round() / 10.0,
        }
    }
}

impl Listed for BpfMaglev {
    const KIND: &'static str = "BpfMaglevList";
    const PATH: &'static str = "/v1/bpf/lb/maglev";
}
