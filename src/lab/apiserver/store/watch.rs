//! Watches: readers of a resource's history, each at its own pace.

use std::sync::Arc;

use tokio::sync::watch::Receiver;

use super::Store;
use super::object::Event;

/// Events a watch takes at a time, so that no reader holds the lock for long.
const BATCH: usize = 128;

/// The history does not reach back far enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("events up to revision {oldest} are forgotten")]
pub(in crate::lab::apiserver) struct Gap {
    pub(in crate::lab::apiserver) oldest: u64,
}

/// A batch of events and the revision up to which nothing else happened.
#[derive(Debug)]
pub(in crate::lab::apiserver) struct Batch {
    pub(in crate::lab::apiserver) events: Vec<Event>,
    pub(in crate::lab::apiserver) upto: u64,
}

/// One watch of one resource.
pub(in crate::lab::apiserver) struct Watch {
    store: Arc<Store>,
    resource: Arc<str>,
    seen: u64,
    changed: Receiver<u64>,
}

impl Watch {
    pub(super) fn new(
        store: Arc<Store>,
        resource: Arc<str>,
        from: u64,
        changed: Receiver<u64>,
    ) -> Self {
        Self { store, resource, seen: from, changed }
    }

    /// Returns what happened since the last call, possibly nothing; `None` if the resource is gone.
    pub(in crate::lab::apiserver) fn poll(&mut self) -> Option<Result<Batch, Gap>> {
        self.changed.mark_unchanged();
        let inner = self.store.lock();
        let collection = inner.collections.get(&*self.resource)?;
        let batch = collection.events_after(self.seen, BATCH).map(|events| {
            let upto = match events.last() {
                Some(last) if events.len() == BATCH => last.object.revision,
                // A watch of the future waits for its revision.
                _ => inner.revision.max(self.seen),
            };
            Batch { events, upto }
        });
        if let Ok(batch) = &batch {
            self.seen = batch.upto;
            if batch.events.len() == BATCH {
                self.changed.mark_changed();
            }
        }
        Some(batch)
    }

    /// Waits for the next change; false if the resource is gone.
    pub(in crate::lab::apiserver) async fn changed(&mut self) -> bool {
        self.changed.changed().await.is_ok()
    }
}
