//! What an earlier process left in the maps.

use std::collections::{BTreeMap, HashMap};

use skep_bpf::abi::{FrontendValue, ListBlock, RangeKey};

use super::encode::{decode_backend, decode_frontend_key, service_id};
use crate::{
    maps::{BackendTable, FrontendTable, ListTable, MapError, MapStore, MemberTable, RangeTable},
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
    /// The blocks of each list.
    pub(super) lists: HashMap<u32, BTreeMap<u32, ListBlock>>,
    pub(super) members: HashMap<u32, Vec<u32>>,
    pub(super) ranges: HashMap<u32, Vec<RangeKey>>,
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
        let mut lists: HashMap<u32, BTreeMap<u32, ListBlock>> = HashMap::new();
        for (key, block) in store.entries::<ListTable>()? {
            lists.entry(key.list).or_default().insert(key.block, block);
        }
        let mut members: HashMap<u32, Vec<u32>> = HashMap::new();
        for (key, _) in store.entries::<MemberTable>()? {
            members.entry(key.service_id).or_default().push(key.backend_id);
        }
        let mut ranges: HashMap<u32, Vec<RangeKey>> = HashMap::new();
        for (key, _) in store.entries::<RangeTable>()? {
            ranges.entry(key.service_id).or_default().push(key);
        }
        Ok(Self {
            frontends: values.iter().map(|(key, value)| (*key, service_id(value))).collect(),
            backends: backends
                .filter_map(|(id, value)| Some((decode_backend(&value)?, BackendId(id))))
                .collect(),
            values,
            lists,
            members,
            ranges,
        })
    }

    /// Returns what is at the places of a frontend's list, up to the first block that is not there.
    pub(super) fn places(&self, value: &FrontendValue) -> Vec<u32> {
        let Some(blocks) = self.lists.get(&value.list) else { return vec![] };
        let whole = (0..).zip(blocks).take_while(|(wanted, (block, _))| wanted == *block);
        whole.flat_map(|(_, (_, block))| block.backends).take(value.places as usize).collect()
    }
}
