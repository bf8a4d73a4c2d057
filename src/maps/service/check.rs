//! Comparing the maps with what services say.

use std::collections::HashMap;

use super::{
    Left,
    encode::frontend_value,
    encode::range_keys,
    list::{self, List},
};
use crate::{
    maps::{MapError, MapStore},
    service::{BackendId, BackendKey, Frontend, FrontendKey, Services, maglev::Limit},
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
    let backends: HashMap<BackendId, BackendKey> =
        left.backends.iter().map(|(key, id)| (*id, *key)).collect();
    let mut found = Vec::new();
    for (key, frontend) in services.frontends() {
        let what = fault(&left, &backends, limit, key, frontend);
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
    let mut places = left.places(value);
    // Places of a list that is no table may be in any order, and the one that it has is right.
    let order = List::Plain(places.clone());
    let mut wanted_places = list::places(&mut wanted, key, frontend, limit, Some(&order));
    list::number(&mut wanted, Some(value));
    if *value != wanted {
        return Some("differs");
    }
    if places != wanted_places {
        places.sort_unstable();
        wanted_places.sort_unstable();
        return Some(if places == wanted_places {
            "has them in other places"
        } else {
            "has other backends"
        });
    }
    let protocol = frontend.backends.protocol;
    let is_right = |backend: &crate::service::Backend| {
        let wanted = BackendKey { address: backend.address, port: backend.port, protocol };
        backends.get(&backend.id) == Some(&wanted)
    };
    if !frontend.backends.list.iter().all(is_right) {
        return Some("has a backend that is missing or differs");
    }
    let mut members = left.members.get(&value.service_id).cloned().unwrap_or_default();
    let mut wanted: Vec<u32> = match value.affinity {
        0 => vec![],
        _ => frontend.backends.candidates().iter().map(|backend| backend.id.0).collect(),
    };
    members.sort_unstable();
    wanted.sort_unstable();
    if members != wanted {
        return Some("has other members");
    }
    let mut ranges = left.ranges.get(&value.service_id).cloned().unwrap_or_default();
    ranges.sort_unstable();
    (ranges != range_keys(key, frontend)).then_some("has other source ranges")
}
