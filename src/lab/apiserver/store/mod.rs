//! The objects of the cluster, in memory, with one global revision.
//!
//! An object is serialised once per version; lists, watches and history share those bytes. Each resource keeps a bounded history
//! of events: watches read from it at their own pace, and one that falls behind it is told so (410) instead of being queued for.

mod collection;
mod journal;
mod links;
mod object;
mod skim;
mod watch;

pub(super) use collection::{At, Key, Page, Query};
pub use journal::JournalError;
pub(super) use journal::{Recovered, secret};
pub(super) use links::Doomed;
pub(super) use object::{Event, EventKind, Object, head};
pub(super) use skim::Part;
#[cfg(test)]
pub(super) use skim::Without;
pub(super) use watch::{Gap, Watch};

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::Value;
use tokio::sync::Notify;

use collection::Collection;
use journal::Journal;
use links::Links;

use super::metadata;
use super::resource::Resource;

/// What a write expects to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expect {
    /// No object of that name.
    Absent,
    /// The object at this revision.
    Revision(u64),
}

/// Bytes of one object, as etcd refuses larger requests.
const OBJECT_BYTES: usize = 3 << 19;

/// A write did not happen.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    /// It found something else than it expected.
    #[error("the object is not as expected")]
    Mismatch,
    /// The object takes more bytes than fit.
    #[error(
        "etcdserver: request is too large: the object takes {size} bytes, at most {OBJECT_BYTES} fit"
    )]
    TooLarge {
        /// Bytes of the object as JSON.
        size: usize,
    },
    /// It cannot be remembered.
    #[error("cannot keep the object")]
    Disk(#[source] std::io::Error),
}

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
    journal: Option<Journal>,
}

impl Inner {
    /// Writes the file anew when most of it is history.
    fn tidy(&mut self) {
        let Some(journal) = self.journal.as_mut().filter(|journal| journal.is_wasteful()) else {
            return;
        };
        let definitions = "customresourcedefinitions.apiextensions.k8s.io";
        let all = self.collections.iter();
        let (first, rest): (Vec<_>, Vec<_>) = all.partition(|(id, _)| ***id == *definitions);
        let lines = first.into_iter().chain(rest).flat_map(|(id, collection)| {
            let objects = collection.objects().map(|object| journal::put_line(id, &object.json()));
            objects.chain(std::iter::once(journal::latest_line(id, collection.latest())))
        });
        if let Err(error) = journal.replace(lines) {
            tracing::warn!(%error, "the file of objects is not tidied");
        }
    }
}

/// The store; all methods are short and synchronous.
pub(super) struct Store {
    inner: Mutex<Inner>,
    window: Window,
    work: Notify,
}

impl Store {
    pub(super) fn new(window: Window) -> Self {
        let inner = Inner {
            revision: 1,
            collections: HashMap::new(),
            links: Links::default(),
            journal: None,
        };
        Self { inner: Mutex::new(inner), window, work: Notify::new() }
    }

    /// Makes a store that keeps its objects in a file; returns those of an earlier run, to be restored.
    pub(super) fn open(window: Window, path: &Path) -> Result<(Self, Recovered), JournalError> {
        let (journal, recovered) = Journal::open(path)?;
        let store = Self::new(window);
        {
            let mut inner = store.lock();
            inner.journal = Some(journal);
            inner.revision = recovered.revision.max(1);
            for (id, latest) in &recovered.latest {
                let mut collection = Collection::new(window);
                collection.forget(*latest);
                inner.collections.insert(id.as_str().into(), collection);
            }
        }
        Ok((store, recovered))
    }

    /// Puts an object of an earlier run in its place.
    pub(super) fn restore(&self, resource: &Resource, key: Key, value: Value) {
        let mut inner = self.lock();
        let inner = &mut *inner;
        let revision = metadata::text(&value, "resourceVersion").parse().unwrap_or_default();
        let unfinished = metadata::is_deleting(&value);
        let object = Object::freeze(resource, key, value, revision, EventKind::Added);
        let object = Arc::new(object);
        inner.links.replaced(&resource.id, None, Some(&object));
        if unfinished || !object.owners.is_empty() {
            inner.links.add_work((Arc::clone(&resource.id), object.key.clone()));
        }
        let window = self.window;
        let collection = inner
            .collections
            .entry(Arc::clone(&resource.id))
            .or_insert_with(|| Collection::new(window));
        collection.restore(object);
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
    ) -> Result<Arc<Object>, WriteError> {
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
            return Err(WriteError::Mismatch);
        }
        let revision = inner.revision + 1;
        let kind = if previous.is_some() { EventKind::Modified } else { EventKind::Added };
        let object = Arc::new(Object::freeze(resource, key, value, revision, kind));
        if object.size() > OBJECT_BYTES {
            return Err(WriteError::TooLarge { size: object.size() });
        }
        if let Some(journal) = &mut inner.journal {
            let line = journal::put_line(&resource.id, &object.json());
            journal.append(&line).map_err(WriteError::Disk)?;
        }
        inner.revision = revision;
        inner.links.replaced(&resource.id, previous.as_deref(), Some(&object));
        collection.record(Event { kind, object: Arc::clone(&object), previous });
        if inner.links.has_work() {
            self.work.notify_one();
        }
        inner.tidy();
        Ok(object)
    }

    /// Removes an object; `value` is its last state, with the final metadata.
    pub(super) fn remove(
        &self,
        resource: &Resource,
        key: &Key,
        value: Value,
        expect: u64,
    ) -> Result<Arc<Object>, WriteError> {
        let mut inner = self.lock();
        let inner = &mut *inner;
        let collection = inner.collections.get_mut(&*resource.id).ok_or(WriteError::Mismatch)?;
        let previous =
            collection.get(key).filter(|p| p.revision == expect).ok_or(WriteError::Mismatch)?;
        let revision = inner.revision + 1;
        if let Some(journal) = &mut inner.journal {
            let line = journal::delete_line(&resource.id, key, revision);
            journal.append(&line).map_err(WriteError::Disk)?;
        }
        inner.revision = revision;
        let kind = EventKind::Deleted;
        let object = Arc::new(Object::freeze(resource, key.clone(), value, revision, kind));
        inner.links.replaced(&resource.id, Some(&previous), None);
        collection.record(Event { kind, object: Arc::clone(&object), previous: Some(previous) });
        if inner.links.has_work() {
            self.work.notify_one();
        }
        inner.tidy();
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

    /// Returns the revision of the last change of each resource, 0 for one without any.
    pub(super) fn latest<const N: usize>(&self, resources: [&str; N]) -> [u64; N] {
        let inner = self.lock();
        resources.map(|id| inner.collections.get(id).map_or(0, Collection::latest))
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
        let mut inner = self.lock();
        inner.collections.remove(resource);
        if let Some(journal) = &mut inner.journal {
            // Without this line a restart finds instances of a definition that is gone, and leaves them out.
            journal.append(&journal::drop_line(resource)).ok();
        }
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
