//! What an earlier process left in the maps.

use std::collections::{HashMap, HashSet};

use skep_bpf::abi::{FrontendValue, RangeKey, SlotKey};

use super::{
    arrange::lists,
    encode::{decode_backend, decode_frontend_key, service_id},
};
use crate::{
    maps::{
        BackendTable, Entries, FrontendTable, MaglevTable, MapError, MapStore, RangeTable,
        SlotTable,
    },
    service::{BackendId, BackendKey, FrontendKey, ServiceId},
};

/// Frontends and backends in the maps, with their numbers.
#[derive(Debug, Default)]
pub struct Left {
    /// Frontends.
    pub frontends: Vec<(FrontendKey, ServiceId)>,
    /// Backends.
    pub backends: Vec<(BackendKey, BackendId)>,
    pub(super) values: HashMap<FrontendKey, FrontendValue>,
    pub(super) lists: HashMap<u32, Vec<u32>>,
    pub(super) members: HashMap<u32, Vec<u32>>,
    pub(super) ranges: HashMap<u32, Vec<RangeKey>>,
    /// Which blocks there are of a table.
    pub(super) tables: HashMap<u32, HashSet<u32>>,
}

impl Left {
    /// Reads the maps.
    ///
    /// # Errors
    /// When a map cannot be listed.
    pub fn read(store: &impl MapStore) -> Result<Self, MapError> {
        let frontends = store.entries::<FrontendTable>()?;
        let values: HashMap<FrontendKey, FrontendValue> = frontends
            .into_iter()
            .filter_map(|(key, value)| Some((decode_frontend_key(&key)?, value)))
            .collect();
        let backends = store.entries::<BackendTable>()?.into_iter();
        let slots: Entries<SlotTable> = store.entries::<SlotTable>()?;
        let (members, places): (Vec<_>, Vec<_>) =
            slots.into_iter().partition(|(key, _)| key.slot & SlotKey::MEMBER != 0);
        let mut by_service: HashMap<u32, Vec<u32>> = HashMap::new();
        for (key, _) in members {
            by_service.entry(key.service_id).or_default().push(key.slot & !SlotKey::MEMBER);
        }
        let mut ranges: HashMap<u32, Vec<RangeKey>> = HashMap::new();
        for (key, _) in store.entries::<RangeTable>()? {
            ranges.entry(key.service_id).or_default().push(key);
        }
        let mut tables: HashMap<u32, HashSet<u32>> = HashMap::new();
        for (key, _) in store.entries::<MaglevTable>()? {
            tables.entry(key.table).or_default().insert(key.block);
        }
        Ok(Self {
            frontends: values.iter().map(|(key, value)| (*key, service_id(value))).collect(),
            backends: backends
                .filter_map(|(id, value)| Some((decode_backend(&value)?, BackendId(id))))
                .collect(),
            values,
            lists: lists(places.into_iter().map(|(key, id)| (key.service_id, key.slot, id))),
            members: by_service,
            ranges,
            tables,
        })
    }
}
