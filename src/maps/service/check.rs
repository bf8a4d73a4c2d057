//! Comparing the maps with what services say.

use std::collections::{HashMap, HashSet};

use skep_bpf::abi::{TableBlock, TableKey};

use super::{Left, encode::frontend_value, encode::range_keys, spread};
use crate::{
    maps::{MaglevTable, MapError, MapStore},
    service::{
        BackendId, BackendKey, Frontend, FrontendKey, Services,
        maglev::{self, Limit},
    },
};

/// Returns every difference between services and the maps, in words; Maglev tables have `limit` entries at
/// most.
///
/// # Errors
/// When a map cannot be listed.
pub fn differences(
    store: &impl MapStore,
    services: &Services,
    limit: Limit,
) -> Result<Vec<String>, MapError> {
    let left = Left::read(store)?;
    let tables: HashMap<TableKey, TableBlock> =
        store.entries::<MaglevTable>()?.into_iter().collect();
    let backends: HashMap<BackendId, BackendKey> =
        left.backends.iter().map(|(key, id)| (*id, *key)).collect();
    let mut found = Vec::new();
    for (key, frontend) in services.frontends() {
        let what = fault(&left, &backends, limit, key, frontend)
            .or_else(|| spread_fault(&left, &tables, limit, key, frontend));
        found.extend(what.map(|what| format!("frontend {} {what}", key.vip)));
    }
    let stray = left.values.keys().filter(|key| services.frontend(key).is_none());
    found.extend(stray.map(|key| format!("frontend {} is too many", key.vip)));
    found.sort_unstable();
    Ok(found)
}

/// Says what is wrong with a frontend in the maps.
fn fault(
    left: &Left,
    backends: &HashMap<BackendId, BackendKey>,
    limit: Limit,
    key: &FrontendKey,
    frontend: &Frontend,
) -> Option<&'static str> {
    let Some(value) = left.values.get(key) else { return Some("is missing") };
    let mut wanted = frontend_value(frontend);
    spread::number(&mut wanted, spread::size(key, frontend, limit), Some(value));
    if *value != wanted {
        return Some("differs");
    }
    let places = left.lists.get(&value.service_id).map_or(&[][..], Vec::as_slice);
    let places: HashSet<u32> = places.iter().take(value.backends as usize).copied().collect();
    let candidates = frontend.backends.candidates();
    if places.len() != candidates.len()
        || candidates.iter().any(|backend| !places.contains(&backend.id.0))
    {
        return Some("has other backends");
    }
    let protocol = frontend.backends.protocol;
    let is_right = |backend: &crate::service::Backend| {
        let wanted = BackendKey { address: backend.address, port: backend.port, protocol };
        backends.get(&backend.id) == Some(&wanted)
    };
    if !frontend.backends.list.iter().all(is_right) {
        return Some("has a backend that is missing or differs");
    }
    let mut ranges = left.ranges.get(&value.service_id).cloned().unwrap_or_default();
    ranges.sort_unstable();
    (ranges != range_keys(key, frontend)).then_some("has other source ranges")
}

/// Says whether the Maglev table of a frontend is wrong.
fn spread_fault(
    left: &Left,
    tables: &HashMap<TableKey, TableBlock>,
    limit: Limit,
    key: &FrontendKey,
    frontend: &Frontend,
) -> Option<&'static str> {
    let value = left.values.get(key).filter(|value| value.table_size != 0)?;
    let entries = maglev::table(&frontend.backends, limit);
    let blocks = spread::blocks(value.table, &entries);
    let is_right = blocks.iter().all(|(key, block)| tables.get(key) == Some(block));
    (!is_right).then_some("has another Maglev table")
}
