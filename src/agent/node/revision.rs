//! The policy revision: monotonic, over restarts and rebuilt maps too.

use std::{path::Path, sync::Arc};

use crate::{
    cni::record::{Counter, CounterError},
    maps::{MapError, MapStore, RevisionTable},
};

/// The revision could not be raised.
#[derive(Debug, thiserror::Error)]
pub enum RevisionError {
    /// Its file cannot be written.
    #[error(transparent)]
    Counter(#[from] CounterError),
    /// Its map cannot be written.
    #[error(transparent)]
    Map(#[from] MapError),
}

/// Raises the revision after everything that it covers has been written.
#[derive(Debug)]
pub(in crate::agent) struct Revision<M> {
    store: Arc<M>,
    counter: Counter,
}

impl<M: MapStore> Revision<M> {
    /// Takes up where the map and the file left off. A new map gets its first revision.
    ///
    /// # Errors
    /// When either cannot be used.
    pub(in crate::agent) fn open(store: Arc<M>, state_dir: &Path) -> Result<Self, RevisionError> {
        let current = store.get::<RevisionTable>(&0)?.unwrap_or(0);
        let counter = Counter::open(state_dir, "revision", current)?;
        let mut revision = Self { store, counter };
        if current == 0 {
            revision.bump()?;
        }
        Ok(revision)
    }

    /// Returns the revision.
    pub(in crate::agent) fn current(&self) -> u32 {
        self.store.get::<RevisionTable>(&0).ok().flatten().unwrap_or(0)
    }

    /// Makes every approved leg be judged again.
    ///
    /// # Errors
    /// When the file or the map cannot be written.
    pub(in crate::agent) fn bump(&mut self) -> Result<u32, RevisionError> {
        let next = self.counter.draw()?;
        self.store.put::<RevisionTable>(&0, &next)?;
        Ok(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maps::MemoryStore;

    #[test]
    fn rises_over_restarts_and_new_maps() {
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(MemoryStore::default());
        let mut last = 0;
        for store in [Arc::clone(&store), store, Arc::new(MemoryStore::default())] {
            let mut revision = Revision::open(Arc::clone(&store), dir.path()).unwrap();
            assert!(store.get::<RevisionTable>(&0).unwrap().unwrap() >= last);
            let next = revision.bump().unwrap();
            assert!(next > last);
            assert_eq!(store.get::<RevisionTable>(&0).unwrap(), Some(next));
            last = next;
        }
    }
}
