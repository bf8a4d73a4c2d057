//! Comparing the maps with what services say.

use std::collections::{HashMap, HashSet};

use super::{Left, encode::frontend_value, encode::range_keys};
use crate::{
    maps::{MapError, MapStore},
    service::{BackendId, BackendKey, Frontend, FrontendKey, Services},
};

/// Returns every difference between services and the maps, in words.
///
/// # Errors
/// When a map cannot be listed.
pub fn differences(store: &impl MapStore, services: &Services) -> Result<Vec<String>, MapError> {
    let left = Left::read(store)?;
    let backends: HashMap<BackendId, BackendKey> =
        left.backends.iter().map(|(key, id)| (*id, *key)).collect();
    let mut found = Vec::new();
    for (key, frontend) in services.frontends() {
        let what = fault(&left, &backends, key, frontend);
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
    key: &FrontendKey,
    frontend: &Frontend,
) -> Option<&'static str> {
    let Some(value) = left.values.get(key) else { return Some("is missing") };
    if *value != frontend_value(frontend) {
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
