//! The objects of the cluster, in memory, with one global revision.
//!
//! An object is serialised once per version; lists, watches and history share those bytes. Each resource keeps a bounded history
//! of events: watches read from it at their own pace, and one that falls behind it is told so (410) instead of being queued for.

mod collection;
mod links;
mod object;
mod watch;

pub(super) use collection::{At, Key, Page, Query};
pub(super) use links::Doomed;
pub(super) use object::{Event, EventKind, Object, head};
pub(super) use watch::{Gap, Watch};

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::Value;
use tokio::sync::Notify;

use collection::Collection;
use links::Links;

use super::resource::Resource;

/// What a write expects to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expect {
    /// No object of that name.
    Absent,
    /// The object at this revision.
    Revision(u64),
}

/// A write found something else than it expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the object is not as expected")]
pub(super) struct Mismatch;

/// How much history each resource keeps.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) events: usize,
    pub(super) bytes: usize,
}

struct Inner {
    revision: u64,
    collections: HashMap<Arc<str>, Collection>,
    links: Links,
}

/// The store; all methods are short and synchronous.
pub(super) struct Store {
    inner: Mutex<Inner>,
    window: Window,
    work: Notify,
}

impl Store {
    pub(super) fn new(window: Window) -> Self {
        let inner = Inner { revision: 1, collections: HashMap::new(), links: Links::default() };
        Self { inner: Mutex::new(inner), window, work: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no holder of this lock panics")
    }

    /// Returns the global revision.
    pub(super) fn revision(&self) -> u64 {
        self.lock().revision
    }

    pub(super) fn get(&self, resource: &str, key: &Key) -> Option<Arc<Object>> {
        self.lock().collections.get(resource)?.get(key)
    }

    /// Writes a new version; `value` needs no resourceVersion.
    pub(super) fn put(
        &self,
        resource: &Resource,
        key: Key,
        value: Value,
        expect: Expect,
    ) -> Result<Arc<Object>, Mismatch> {
        let mut inner = self.lock();
        let inner = &mut *inner;
        let window = self.window;
        let collection = inner
            .collections
            .entry(Arc::clone(&resource.id))
            .or_insert_with(|| Collection::new(window));
        let previous = collection.get(&key);
        let found = previous.as_ref().map_or(Expect::Absent, |p| Expect::Revision(p.revision));
        if found != expect {
            return Err(Mismatch);
        }
        inner.revision += 1;
        let kind = if previous.is_some() { EventKind::Modified } else { EventKind::Added };
        let object = Arc::new(Object::freeze(resource, key, value, inner.revision, kind));
        inner.links.replaced(&resource.id, previous.as_deref(), Some(&object));
        collection.record(Event { kind, object: Arc::clone(&object), previous });
        if inner.links.has_work() {
            self.work.notify_one();
        }
        Ok(object)
    }

    /// Removes an object; `value` is its last state, with the final metadata.
    pub(super) fn remove(
        &self,
        resource: &Resource,
        key: &Key,
        value: Value,
        expect: u64,
    ) -> Result<Arc<Object>, Mismatch> {
        let mut inner = self.lock();
        let inner = &mut *inner;
        let collection = inner.collections.get_mut(&*resource.id).ok_or(Mismatch)?;
        let previous = collection.get(key).filter(|p| p.revision == expect).ok_or(Mismatch)?;
        inner.revision += 1;
        let kind = EventKind::Deleted;
        let object = Arc::new(Object::freeze(resource, key.clone(), value, inner.revision, kind));
        inner.links.replaced(&resource.id, Some(&previous), None);
        collection.record(Event { kind, object: Arc::clone(&object), previous: Some(previous) });
        if inner.links.has_work() {
            self.work.notify_one();
        }
        Ok(object)
    }

    /// Returns one page of objects, in key order, and the revision it is true at.
    pub(super) fn list(&self, resource: &str, query: &Query<'_>) -> Result<Page, Gap> {
        let inner = self.lock();
        match inner.collections.get(resource) {
            Some(collection) => collection.list(inner.revision, query),
            None => Ok(Page::empty(match query.at {
                At::Latest => inner.revision,
                At::Exactly(revision) => revision,
            })),
        }
    }

    /// Starts a watch of everything that happens after `from`.
    pub(super) fn watch(self: &Arc<Self>, resource: &Arc<str>, from: u64) -> Watch {
        let mut inner = self.lock();
        let window = self.window;
        let collection = inner
            .collections
            .entry(Arc::clone(resource))
            .or_insert_with(|| Collection::new(window));
        Watch::new(Arc::clone(self), Arc::clone(resource), from, collection.subscribe())
    }

    /// Returns the resources that have objects in a namespace.
    pub(super) fn content_of(&self, namespace: &str) -> Vec<(Arc<str>, Vec<Key>)> {
        let inner = self.lock();
        inner
            .collections
            .iter()
            .map(|(id, collection)| (Arc::clone(id), collection.keys_in(namespace)))
            .filter(|(_, keys)| !keys.is_empty())
            .collect()
    }

    /// Forgets a whole resource, when its definition goes; its watches end.
    pub(super) fn drop_resource(&self, resource: &str) {
        self.lock().collections.remove(resource);
    }

    /// Returns the dependents of an object.
    pub(super) fn dependents(&self, uid: &str) -> HashSet<(Arc<str>, Key)> {
        self.lock().links.dependents(uid)
    }

    /// Tells whether an object with this uid exists.
    pub(super) fn exists(&self, uid: &str) -> bool {
        self.lock().links.exists(uid)
    }

    /// Asks for an object to be looked at by the garbage collector.
    pub(super) fn look_at(&self, resource: &Arc<str>, key: &Key) {
        self.lock().links.add_work((Arc::clone(resource), key.clone()));
        self.work.notify_one();
    }

    /// Waits until objects may have lost their owners, and returns them.
    pub(super) async fn next_doomed(&self) -> Vec<Doomed> {
        loop {
            let found = self.lock().links.take_work();
            if !found.is_empty() {
                return found;
            }
            self.work.notified().await;
        }
    }
}

#[cfg(test)]
mod tests;
