//! What a map should hold, what was written, and the difference.

use std::collections::{BTreeMap, BTreeSet};

use super::{MapError, MapStore, Table};

/// One change of a map.
#[derive(Debug)]
pub enum Op<T: Table> {
    /// Add or replace an entry.
    Put(T::Key, T::Value),
    /// Remove an entry.
    Delete(T::Key),
}

impl<T: Table> PartialEq for Op<T> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Put(a, x), Self::Put(b, y)) => a == b && x == y,
            (Self::Delete(a), Self::Delete(b)) => a == b,
            _ => false,
        }
    }
}

/// How many entries were changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Added or replaced.
    pub written: usize,
    /// Removed.
    pub removed: usize,
}

/// The desired entries of one map beside the entries known to be in it.
///
/// Writing is split, because what is written first and what last matters between maps: for a new
/// identity [`write`](Self::write) the identity map, then the ipcache; to remove one
/// [`prune`](Self::prune) the ipcache, then the identity map. Before the first full sync after a
/// start a caller only writes and never prunes.
///
/// Only keys that were touched since they were last in order are looked at, so a change of one entry
/// costs one entry. What fails stays touched and is tried again by the next call.
#[derive(Debug)]
pub struct Desired<T: Table> {
    desired: BTreeMap<T::Key, T::Value>,
    written: BTreeMap<T::Key, T::Value>,
    touched: BTreeSet<T::Key>,
}

impl<T: Table> Default for Desired<T> {
    fn default() -> Self {
        Self { desired: BTreeMap::new(), written: BTreeMap::new(), touched: BTreeSet::new() }
    }
}

impl<T: Table> Desired<T> {
    /// Takes over what an earlier process left in the map: entries that are not desired will be
    /// removed by the next [`prune`](Self::prune).
    ///
    /// # Errors
    /// When the map cannot be listed.
    pub fn adopt(&mut self, store: &impl MapStore) -> Result<(), MapError> {
        self.written = store.entries::<T>()?.into_iter().collect();
        self.touched = self.written.keys().chain(self.desired.keys()).copied().collect();
        self.settle();
        Ok(())
    }

    /// Wants an entry.
    pub fn set(&mut self, key: T::Key, value: T::Value) {
        self.desired.insert(key, value);
        self.touch(key);
    }

    /// Wants entries and writes them at once: cheaper than one by one, for what is new as a whole.
    ///
    /// # Errors
    /// As [`write`](Self::write), which is tried when the map refuses.
    pub fn put_all(
        &mut self,
        store: &impl MapStore,
        entries: &[(T::Key, T::Value)],
    ) -> Result<(), MapError> {
        if store.put_all::<T>(entries).is_err() {
            entries.iter().for_each(|(key, value)| self.set(*key, *value));
            return self.write(store).map(drop);
        }
        self.desired.extend(entries.iter().copied());
        self.written.extend(entries.iter().copied());
        if !self.touched.is_empty() {
            entries.iter().for_each(|(key, _)| self.touch(*key));
        }
        Ok(())
    }

    /// Wants an entry no more.
    pub fn unset(&mut self, key: &T::Key) {
        self.desired.remove(key);
        self.touch(*key);
    }

    /// Wants exactly these entries.
    pub fn replace(&mut self, entries: BTreeMap<T::Key, T::Value>) {
        self.touched.extend(self.desired.keys().chain(entries.keys()).copied());
        self.desired = entries;
        self.settle();
    }

    /// Returns the desired entries.
    pub fn desired(&self) -> &BTreeMap<T::Key, T::Value> {
        &self.desired
    }

    /// Returns how many entries are known to be in the map.
    pub fn written(&self) -> usize {
        self.written.len()
    }

    /// Tells whether nothing is left to write or prune.
    pub fn is_settled(&self) -> bool {
        self.touched.is_empty()
    }

    /// Returns what [`write`](Self::write) and then [`prune`](Self::prune) would do, in order.
    pub fn diff(&self) -> Vec<Op<T>> {
        let puts = self.puts().into_iter().map(|(key, value)| Op::Put(key, value));
        puts.chain(self.deletes().into_iter().map(Op::Delete)).collect()
    }

    /// Adds and replaces entries; removes nothing. Tries every entry.
    ///
    /// # Errors
    /// The first failure; that entry is tried again by the next call.
    pub fn write(&mut self, store: &impl MapStore) -> Result<Changes, MapError> {
        let mut changes = Changes::default();
        let mut first = None;
        let puts = self.puts();
        // At once, and where that fails one by one: each entry that can be written is.
        if store.put_all::<T>(&puts).is_ok() {
            changes.written = puts.len();
            for (key, value) in puts {
                self.written.insert(key, value);
                self.touched.remove(&key);
            }
            return Ok(changes);
        }
        for (key, value) in puts {
            match store.put::<T>(&key, &value) {
                Ok(()) => {
                    self.written.insert(key, value);
                    self.touched.remove(&key);
                    changes.written += 1;
                }
                Err(error) => first = first.or(Some(error)),
            }
        }
        first.map_or(Ok(changes), Err)
    }

    /// Removes entries that are not desired. Tries every entry.
    ///
    /// # Errors
    /// The first failure; that entry is tried again by the next call.
    pub fn prune(&mut self, store: &impl MapStore) -> Result<Changes, MapError> {
        let mut changes = Changes::default();
        let mut first = None;
        for key in self.deletes() {
            match store.delete::<T>(&key) {
                Ok(()) => {
                    self.written.remove(&key);
                    self.touched.remove(&key);
                    changes.removed += 1;
                }
                Err(error) => first = first.or(Some(error)),
            }
        }
        first.map_or(Ok(changes), Err)
    }

    /// Wants an entry no more and removes it at once, and nothing else: what is not desired besides may
    /// be an earlier process's and still count.
    ///
    /// # Errors
    /// When the map refuses; the entry goes with the next [`prune`](Self::prune).
    pub fn remove(&mut self, store: &impl MapStore, key: &T::Key) -> Result<(), MapError> {
        self.unset(key);
        store.delete::<T>(key)?;
        self.written.remove(key);
        self.touched.remove(key);
        Ok(())
    }

    fn puts(&self) -> Vec<(T::Key, T::Value)> {
        self.touched
            .iter()
            .filter_map(|key| self.desired.get(key).map(|value| (*key, *value)))
            .filter(|(key, value)| self.written.get(key) != Some(value))
            .collect()
    }

    fn deletes(&self) -> Vec<T::Key> {
        self.touched
            .iter()
            .filter(|key| !self.desired.contains_key(key) && self.written.contains_key(key))
            .copied()
            .collect()
    }

    fn touch(&mut self, key: T::Key) {
        if self.desired.get(&key) == self.written.get(&key) {
            self.touched.remove(&key);
        } else {
            self.touched.insert(key);
        }
    }

    fn settle(&mut self) {
        let (desired, written) = (&self.desired, &self.written);
        self.touched.retain(|key| desired.get(key) != written.get(key));
    }
}

#[cfg(test)]
#[path = "tests/desired.rs"]
mod tests;
