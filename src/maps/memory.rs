//! A store in memory, for tests and dry runs.

use std::{
    any::{Any, TypeId},
    collections::{BTreeMap, HashMap},
    ops::Bound,
    sync::Mutex,
};

use super::{Entries, MapError, MapStore, Slice, Table};

/// A [`MapStore`] without a kernel.
#[derive(Debug, Default)]
pub struct MemoryStore {
    tables: Mutex<HashMap<TypeId, Box<dyn Any + Send>>>,
}

impl MemoryStore {
    fn with<T: Table, R>(&self, act: impl FnOnce(&mut BTreeMap<T::Key, T::Value>) -> R) -> R {
        let mut tables = self.tables.lock().expect("no panic while holding the lock");
        let table = tables
            .entry(TypeId::of::<T>())
            .or_insert_with(|| Box::new(BTreeMap::<T::Key, T::Value>::new()));
        act(table.downcast_mut().expect("the type id names the type"))
    }
}

impl MapStore for MemoryStore {
    type Cursor<T: Table> = Option<T::Key>;

    fn get<T: Table>(&self, key: &T::Key) -> Result<Option<T::Value>, MapError> {
        Ok(self.with::<T, _>(|table| table.get(key).copied()))
    }

    fn put<T: Table>(&self, key: &T::Key, value: &T::Value) -> Result<(), MapError> {
        self.with::<T, _>(|table| table.insert(*key, *value));
        Ok(())
    }

    fn put_all<T: Table>(&self, entries: &[(T::Key, T::Value)]) -> Result<(), MapError> {
        self.with::<T, _>(|table| table.extend(entries.iter().copied()));
        Ok(())
    }

    fn delete<T: Table>(&self, key: &T::Key) -> Result<(), MapError> {
        self.with::<T, _>(|table| table.remove(key));
        Ok(())
    }

    fn slice<T: Table>(
        &self,
        cursor: &mut Option<T::Key>,
        limit: usize,
    ) -> Result<Slice<T>, MapError> {
        let from = cursor.map_or(Bound::Unbounded, Bound::Excluded);
        let (entries, last) = self.with::<T, _>(|table| {
            let mut rest = table.range((from, Bound::Unbounded)).map(|(key, value)| (*key, *value));
            let entries: Entries<T> = rest.by_ref().take(limit.max(1)).collect();
            (entries, rest.next().is_none())
        });
        *cursor = entries.last().map(|(key, _)| *key).filter(|_| !last);
        Ok(Slice { entries, last })
    }
}
