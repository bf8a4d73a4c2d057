//! Writing services, in the right order.

use std::{
    collections::{BTreeMap, HashMap},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use skep_bpf::abi::BackendValue;

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
    service::{BackendId, BackendKey, FrontendKey, Services, maglev::Limit},
};

/// A frontend is not in the maps as it should be.
#[derive(Debug, thiserror::Error)]
#[error("{} not written", told(first, *count))]
pub struct ServiceError {
    /// How many.
    pub count: usize,
    /// One of them.
    pub first: FrontendKey,
    /// Why that one is not.
    #[source]
    pub source: MapError,
}

fn told(first: &FrontendKey, count: usize) -> String {
    match count.saturating_sub(1) {
        0 => format!("frontend {} is", first.vip),
        others => format!("frontend {} and {others} more are", first.vip),
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

/// So many backends are written at a time, and are worth a thread.
const PIECE: usize = 1024;

/// Backends to write, by as many threads as like: each takes one piece after the other.
struct Pieces<'a> {
    backends: &'a [(u32, BackendValue)],
    next: AtomicUsize,
}

impl<'a> Pieces<'a> {
    fn of(backends: &'a [(u32, BackendValue)]) -> Self {
        Self { backends, next: AtomicUsize::new(0) }
    }

    /// Writes all that nobody else does.
    fn put(&self, store: &impl MapStore) -> Result<(), MapError> {
        loop {
            let place = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(piece) = self.backends.chunks(PIECE).nth(place) else { return Ok(()) };
            store.put_all::<BackendTable>(piece)?;
        }
    }
}

/// What of the services is in the maps.
#[derive(Debug, Default)]
pub struct ServiceWriter {
    written: HashMap<FrontendKey, Written>,
    /// Backends that could not be written yet, by number.
    backends: BTreeMap<u32, BackendKey>,
    /// Frontends that could not be written yet.
    behind: Vec<FrontendKey>,
    /// What no frontend has: an earlier process ended amid a change.
    strays: Stale,
    /// The largest size of Maglev tables.
    limit: Limit,
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
        !self.behind.is_empty()
    }

    /// Yields the frontends that are in the maps.
    pub fn frontends(&self) -> impl Iterator<Item = &FrontendKey> {
        self.written.keys()
    }

    /// Makes frontends what `services` says; what it does not know goes. Whatever failed before is tried
    /// again.
    ///
    /// Backends come first, then lists, then the frontends that say how long the lists are; what is too
    /// much goes last. A frontend whose list cannot be written stays as it was.
    ///
    /// # Errors
    /// When maps refuse, a full one for example; all that fits is written.
    pub fn write(
        &mut self,
        store: &impl MapStore,
        services: &Services,
        keys: impl IntoIterator<Item = FrontendKey>,
        backends: &[(BackendId, BackendKey)],
    ) -> Result<(), ServiceError> {
        let mut keys: Vec<FrontendKey> = keys.into_iter().collect();
        if self.is_behind() {
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
        let pieces = Pieces::of(&all);
        // Thousands take the kernel longer than working out who names them takes us.
        let Plan { step, values, now, gone } = if all.len() < PIECE {
            pieces.put(store)?;
            self.plan(services, keys)
        } else {
            thread::scope(|scope| {
                let put = scope.spawn(|| pieces.put(store));
                let plan = self.plan(services, keys);
                pieces.put(store)?;
                put.join().expect("a write does not panic").map(|()| plan)
            })?
        };
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

    /// Writes frontend by frontend, so that those that fit are served.
    fn write_each(
        &mut self,
        store: &impl MapStore,
        services: &Services,
        keys: &[FrontendKey],
    ) -> Result<(), ServiceError> {
        let mut first = None;
        let refused = |(id, key): &(u32, BackendKey)| {
            store.put::<BackendTable>(id, &encode_backend(key)).is_err()
        };
        let waiting = std::mem::take(&mut self.backends);
        self.backends = waiting.into_iter().filter(refused).collect();
        for key in keys {
            if let Err(error) = self.write_one(store, services, key) {
                self.behind.push(*key);
                first = first.or(Some((*key, error)));
            }
        }
        let count = self.behind.len();
        first.map_or(Ok(()), |(first, source)| Err(ServiceError { count, first, source }))
    }

    /// Some places of a frontend's list may have been written, nobody knows which.
    fn doubt(&mut self, key: &FrontendKey) {
        if let Some(written) = self.written.get_mut(key) {
            written.list.doubt();
        }
    }

    fn write_one(
        &mut self,
        store: &impl MapStore,
        services: &Services,
        key: &FrontendKey,
    ) -> Result<(), MapError> {
        let before = self.written.get(key);
        let Some(frontend) = services.frontend(key) else {
            store.delete::<FrontendTable>(&encode_frontend_key(key))?;
            if let Some(before) = self.written.remove(key) {
                Stale::of(&before).delete_each(store);
            }
            return Ok(());
        };
        for backend in frontend.backends.candidates() {
            if let Some(key) = self.backends.get(&backend.id.0) {
                store.put::<BackendTable>(&backend.id.0, &encode_backend(key))?;
            }
        }
        let (wanted, step) = Written::next(key, frontend, self.limit, before);
        let put = store
            .put_all::<ListTable>(&step.blocks)
            .and_then(|()| store.put_all::<MemberTable>(&step.members))
            .and_then(|()| store.put_all::<RangeTable>(&step.ranges));
        if let Err(error) = put {
            step.undone(before).delete_each(store);
            self.doubt(key);
            return Err(error);
        }
        store.put::<FrontendTable>(&encode_frontend_key(key), &wanted.value)?;
        step.stale.delete_each(store);
        self.written.insert(*key, wanted);
        Ok(())
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
