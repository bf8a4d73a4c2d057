//! Writing services one by one, when not all of them fit.

use std::collections::HashSet;

use super::{
    encode::{encode_backend, encode_frontend_key},
    list,
    stale::Stale,
    writer::{ServiceError, ServiceWriter},
    written::Written,
};
use crate::{
    maps::{
        BackendTable, FrontendTable, ListTable, MapError, MapStore, MemberTable, RangeTable, Table,
    },
    service::{BackendId, BackendKey, Frontend, FrontendKey, Named, Services},
};

impl ServiceWriter {
    /// Writes frontend by frontend, so that those that fit are served.
    pub(super) fn write_each(
        &mut self,
        store: &impl MapStore,
        services: &Services,
        keys: &[FrontendKey],
    ) -> Result<(), ServiceError> {
        let mut first: Option<ServiceError> = None;
        let refused = |(id, key): &(u32, BackendKey)| {
            store.put::<BackendTable>(id, &encode_backend(key)).is_err()
        };
        let waiting = std::mem::take(&mut self.backends);
        self.backends = waiting.into_iter().filter(refused).collect();
        for key in keys {
            let written = match services.frontend(key) {
                Some(frontend) => self.put_frontend(store, key, frontend),
                None => self.remove_frontend(store, key),
            };
            if let Err(source) = written {
                self.behind.push(*key);
                let partly = source.map == BackendTable::NAME && self.written.contains_key(key);
                first = first.or(Some(ServiceError { count: 0, first: *key, partly, source }));
            }
        }
        let count = self.behind.len();
        first.map_or(Ok(()), |first| Err(ServiceError { count, ..first }))
    }

    /// Writes a frontend with all backends that are in the maps.
    fn put_frontend(
        &mut self,
        store: &impl MapStore,
        key: &FrontendKey,
        frontend: &Frontend,
    ) -> Result<(), MapError> {
        let (refused, full) = self.refused(store, frontend);
        if refused.is_empty() {
            return self.put_list(store, key, frontend);
        }
        let frontend = frontend.without(&refused);
        // A new frontend that has nobody would turn its clients away.
        if self.written.contains_key(key) || !frontend.backends.candidates().is_empty() {
            self.put_list(store, key, &frontend)?;
        }
        full
    }

    /// Returns the backends that the maps refuse, and why.
    fn refused(
        &self,
        store: &impl MapStore,
        frontend: &Frontend,
    ) -> (HashSet<BackendId>, Result<(), MapError>) {
        let (mut refused, mut full) = (HashSet::new(), Ok(()));
        for backend in frontend.backends.candidates() {
            if let Some(key) = self.backends.get(&backend.id.0)
                && let Err(error) = store.put::<BackendTable>(&backend.id.0, &encode_backend(key))
            {
                refused.insert(backend.id);
                full = full.and(Err(error));
            }
        }
        (refused, full)
    }

    /// Writes a frontend whose backends are in the maps.
    fn put_list(
        &mut self,
        store: &impl MapStore,
        key: &FrontendKey,
        frontend: &Frontend,
    ) -> Result<(), MapError> {
        let before = self.written.get(key);
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

    fn remove_frontend(
        &mut self,
        store: &impl MapStore,
        key: &FrontendKey,
    ) -> Result<(), MapError> {
        store.delete::<FrontendTable>(&encode_frontend_key(key))?;
        if let Some(before) = self.written.remove(key) {
            Stale::of(&before).delete_each(store);
        }
        Ok(())
    }

    /// Some places of a frontend's list may have been written, nobody knows which.
    pub(super) fn doubt(&mut self, key: &FrontendKey) {
        if let Some(written) = self.written.get_mut(key) {
            written.list.doubt();
        }
    }

    /// Returns the numbers that the maps still name because frontends could not be written. Nobody else may
    /// get them: who comes to such a frontend would be led to another service.
    ///
    /// # Errors
    /// When a map cannot be read.
    pub fn named(&self, store: &impl MapStore) -> Result<Named, MapError> {
        let mut named = Named::default();
        for written in self.behind.iter().filter_map(|key| self.written.get(key)) {
            named.services.insert(written.value.service_id);
            named.backends.extend(&written.members);
            for key in list::keys(&written.value) {
                let block = store.get::<ListTable>(&key)?.unwrap_or_default();
                named.backends.extend(block.backends);
            }
        }
        Ok(named)
    }
}
