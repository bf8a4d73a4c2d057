//! Writing services, in the right order.

use std::collections::{BTreeMap, HashMap};

use super::{
    encode::{encode_backend, encode_frontend_key},
    left::Left,
    list::{self, List},
    stale::Stale,
    written::{Step, Written},
};
use crate::{
    maps::{
        BackendTable, Entries, FrontendTable, ListTable, MapError, MapStore, MemberTable,
        RangeTable,
    },
    service::{BackendId, BackendKey, Changes, FrontendKey, Services, maglev::Limit},
};

/// A frontend is not in the maps as it should be.
#[derive(Debug, thiserror::Error)]
#[error("frontend {} is {}{}", first.vip, state(*partly), others(*count))]
pub struct ServiceError {
    /// How many.
    pub count: usize,
    /// One of them.
    pub first: FrontendKey,
    /// That one is there, with those of its backends that fit.
    pub partly: bool,
    /// Why that one is not.
    #[source]
    pub source: MapError,
}

fn state(partly: bool) -> &'static str {
    if partly { "written with some of its backends only" } else { "not written" }
}

fn others(count: usize) -> String {
    match count.saturating_sub(1) {
        0 => String::new(),
        others => format!(", and {others} more are behind"),
    }
}

/// How many entries services have in the maps, by map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// In the map of frontends.
    pub frontends: usize,
    /// In the map of lists.
    pub blocks: usize,
    /// In the map of members.
    pub members: usize,
    /// In the map of ranges.
    pub ranges: usize,
}

/// What becomes of some frontends.
#[derive(Default)]
struct Plan {
    /// What to write and remove for all of them.
    step: Step,
    /// The frontends that differ.
    values: Entries<FrontendTable>,
    now: Vec<(FrontendKey, Written)>,
    gone: Vec<FrontendKey>,
}

/// What of the services is in the maps.
#[derive(Debug, Default)]
pub struct ServiceWriter {
    pub(super) written: HashMap<FrontendKey, Written>,
    /// Backends that could not be written yet, by number.
    pub(super) backends: BTreeMap<u32, BackendKey>,
    /// Frontends that could not be written yet.
    pub(super) behind: Vec<FrontendKey>,
    /// What no frontend has: an earlier process ended amid a change.
    strays: Stale,
    /// The largest size of Maglev tables.
    pub(super) limit: Limit,
}

impl ServiceWriter {
    /// Starts with what an earlier process left; Maglev tables have `limit` entries at most.
    pub fn new(left: Left, limit: Limit) -> Self {
        let written = left.values.iter().map(|(key, value)| {
            let list = List::of(value, left.places(value));
            let members = left.members.get(&value.service_id).cloned().unwrap_or_default();
            let ranges = left.ranges.get(&value.service_id).cloned().unwrap_or_default();
            (*key, Written { value: *value, list, members, ranges })
        });
        let written: HashMap<_, _> = written.collect();
        let strays = Stale::strays(&left);
        Self { written, strays, limit, ..Self::default() }
    }

    /// Returns how many frontends are in the maps.
    pub fn len(&self) -> usize {
        self.written.len()
    }

    /// Counts what is in the maps, without reading them.
    pub fn extent(&self) -> Extent {
        let mut extent = Extent { frontends: self.written.len(), ..Extent::default() };
        for written in self.written.values() {
            extent.blocks += list::length(&written.value) as usize;
            extent.members += written.members.len();
            extent.ranges += written.ranges.len();
        }
        extent
    }

    /// Tells whether no frontend is in the maps.
    pub fn is_empty(&self) -> bool {
        self.written.is_empty()
    }

    /// Tells whether something could not be written.
    pub fn is_behind(&self) -> bool {
        !self.behind.is_empty() || !self.backends.is_empty()
    }

    /// Yields the frontends that are in the maps.
    pub fn frontends(&self) -> impl Iterator<Item = &FrontendKey> {
        self.written.keys()
    }

    /// Makes frontends that have changed what `services` says; what it does not know goes. Whatever failed
    /// before is tried again.
    ///
    /// Backends come first, then lists, then the frontends that say how long the lists are; what is too
    /// much goes last. A frontend does without backends that cannot be written, and stays as it was if its
    /// list cannot. Backends that are retired stay: see [`Self::named`].
    ///
    /// # Errors
    /// When maps refuse, a full one for example; all that fits is written.
    pub fn write(
        &mut self,
        store: &impl MapStore,
        services: &Services,
        changes: &Changes,
    ) -> Result<(), ServiceError> {
        let Changes { changed, removed, backends, retired, .. } = changes;
        let mut keys: Vec<FrontendKey> = changed.iter().chain(removed).copied().collect();
        for id in retired.backends() {
            self.backends.remove(&id.0);
        }
        if !self.behind.is_empty() {
            keys.append(&mut self.behind);
            keys.sort_unstable();
            keys.dedup();
        }
        std::mem::take(&mut self.strays).delete_each(store);
        if self.write_all(store, services, &keys, backends).is_ok() {
            return Ok(());
        }
        self.backends.extend(backends.iter().map(|(id, key)| (id.0, *key)));
        keys.iter().for_each(|key| self.doubt(key));
        self.write_each(store, services, &keys)
    }

    /// Writes everything in a few calls.
    fn write_all(
        &mut self,
        store: &impl MapStore,
        services: &Services,
        keys: &[FrontendKey],
        backends: &[(BackendId, BackendKey)],
    ) -> Result<(), MapError> {
        let waiting = self.backends.iter().map(|(id, key)| (*id, encode_backend(key)));
        let new = backends.iter().map(|(id, key)| (id.0, encode_backend(key)));
        let all: Vec<_> = waiting.chain(new).collect();
        store.put_all::<BackendTable>(&all)?;
        let Plan { step, values, now, gone } = self.plan(services, keys);
        store.put_all::<ListTable>(&step.blocks)?;
        store.put_all::<MemberTable>(&step.members)?;
        store.put_all::<RangeTable>(&step.ranges)?;
        store.put_all::<FrontendTable>(&values)?;
        self.backends.clear();
        self.written.extend(now);
        let keys: Vec<_> = gone.iter().map(encode_frontend_key).collect();
        store.delete_all::<FrontendTable>(&keys)?;
        gone.iter().for_each(|key| drop(self.written.remove(key)));
        step.stale.delete(store)
    }

    /// Works out what becomes of frontends.
    fn plan(&self, services: &Services, keys: &[FrontendKey]) -> Plan {
        let mut plan = Plan { now: Vec::with_capacity(keys.len()), ..Plan::default() };
        for key in keys {
            let before = self.written.get(key);
            let Some(frontend) = services.frontend(key) else {
                if let Some(before) = before {
                    plan.gone.push(*key);
                    plan.step.stale.add(before);
                }
                continue;
            };
            let (wanted, step) = Written::next(key, frontend, self.limit, before);
            plan.step.join(step);
            if before.is_none_or(|before| before.value != wanted.value) {
                plan.values.push((encode_frontend_key(key), wanted.value));
            }
            plan.now.push((*key, wanted));
        }
        plan
    }

    /// Removes backends that no frontend names any more, once no program can be about to read them.
    ///
    /// # Errors
    /// When the map refuses.
    pub fn remove_backends(
        store: &impl MapStore,
        ids: impl IntoIterator<Item = BackendId>,
    ) -> Result<(), MapError> {
        ids.into_iter().try_for_each(|id| store.delete::<BackendTable>(&id.0))
    }
}
