//! The map of frontends and the lists of their backends.

use std::{collections::HashSet, net::IpAddr};

use serde::{Deserialize, Serialize};
use skep_bpf::abi::{FrontendKey, FrontendValue, frontend_flags, frontend_scope};

use super::list::Lists;
use crate::{
    api::{Listed, Scope},
    flows::protocol_name,
    maps::{FrontendTable, MapError, MapStore},
};

/// What a client connects to, as the datapath knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BpfFrontend {
    /// Its number on the node that was asked.
    pub id: u32,
    /// Address. The unspecified one stands for all nodes: a node port, for clients inside.
    pub address: IpAddr,
    /// Port.
    pub port: u16,
    /// TCP, UDP or SCTP.
    pub protocol: String,
    /// Which clients find it.
    pub scope: Scope,
    /// How many places its list has; in a Maglev table a backend has many.
    pub places: u32,
    /// The numbers of the backends at these places, in order, each once. Without a table, fewer than
    /// places are gaps.
    pub backends: Vec<u32>,
    /// Seconds for which a client stays with its backend; 0 = it does not.
    pub affinity_seconds: u32,
    /// `drop-if-empty`, `ranges`, `maglev`, `passed-by-backends`, and numbers that this version does not know.
    pub flags: Vec<String>,
}

impl BpfFrontend {
    /// Reads the maps, ordered by address, port, protocol and scope, IPv4 first.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn list(store: &impl MapStore) -> Result<Vec<Self>, MapError> {
        let mut frontends = store.entries::<FrontendTable>()?;
        frontends.sort_by_key(|(key, _)| (IpAddr::from(key.addr), key.port, key.proto, key.scope));
        let lists = Lists::read(store)?;
        Ok(frontends.iter().map(|(key, value)| Self::new(key, value, &lists)).collect())
    }

    fn new(key: &FrontendKey, value: &FrontendValue, lists: &Lists) -> Self {
        let mut seen = HashSet::new();
        Self {
            id: value.service_id,
            address: key.addr.into(),
            port: key.port,
            protocol: protocol_name(key.proto),
            scope: scope(key.scope),
            places: value.places,
            backends: lists.places(value).filter(|id| seen.insert(*id)).collect(),
            affinity_seconds: value.affinity,
            flags: flags(value.flags),
        }
    }
}

pub(super) fn scope(code: u8) -> Scope {
    match code {
        frontend_scope::INTERNAL => Scope::Internal,
        frontend_scope::EXTERNAL => Scope::External,
        frontend_scope::BEHIND => Scope::Behind,
        _ => Scope::Unknown,
    }
}

fn flags(bits: u32) -> Vec<String> {
    const KNOWN: [(u32, &str); 4] = [
        (frontend_flags::DROP_IF_EMPTY, "drop-if-empty"),
        (frontend_flags::RANGES, "ranges"),
        (frontend_flags::MAGLEV, "maglev"),
        (frontend_flags::PASSED_BY_BACKENDS, "passed-by-backends"),
    ];
    let set = KNOWN.iter().filter(|(bit, _)| bits & bit != 0);
    let rest = KNOWN.iter().fold(bits, |rest, (bit, _)| rest & !bit);
    let unknown = (rest != 0).then(|| format!("{rest:#x}"));
    set.map(|(_, name)| (*name).to_owned()).chain(unknown).collect()
}

impl Listed for BpfFrontend {
    const KIND: &'static str = "BpfFrontendList";
    const PATH: &'static str = "/v1/bpf/lb/frontends";
}
