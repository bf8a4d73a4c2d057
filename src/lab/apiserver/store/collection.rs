//! The objects of one resource and the recent history of events.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

use tokio::sync::watch;

use super::Window;
use super::object::{Event, EventKind, Object};
use super::watch::Gap;

/// Namespace (empty for cluster-scoped objects) and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::lab::apiserver) struct Key {
    pub(in crate::lab::apiserver) namespace: Box<str>,
    pub(in crate::lab::apiserver) name: Box<str>,
}

impl Key {
    pub(in crate::lab::apiserver) fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

/// The revision a list is to be true at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::lab::apiserver) enum At {
    Latest,
    Exactly(u64),
}

/// Which objects to list.
pub(in crate::lab::apiserver) struct Query<'a> {
    pub(in crate::lab::apiserver) namespace: Option<&'a str>,
    pub(in crate::lab::apiserver) at: At,
    /// Start after this key.
    pub(in crate::lab::apiserver) after: Option<Key>,
    pub(in crate::lab::apiserver) limit: Option<usize>,
    pub(in crate::lab::apiserver) matches: &'a dyn Fn(&Object) -> bool,
}

/// A page of a list.
#[derive(Debug)]
pub(in crate::lab::apiserver) struct Page {
    pub(in crate::lab::apiserver) revision: u64,
    pub(in crate::lab::apiserver) objects: Vec<Arc<Object>>,
    /// Objects that match but did not fit.
    pub(in crate::lab::apiserver) remaining: usize,
}

impl Page {
    pub(super) fn empty(revision: u64) -> Self {
        Self { revision, objects: Vec::new(), remaining: 0 }
    }
}

pub(super) struct Collection {
    objects: BTreeMap<Key, Arc<Object>>,
    history: VecDeque<Event>,
    bytes: usize,
    /// Events up to this revision are forgotten.
    compacted: u64,
    window: Window,
    changed: watch::Sender<u64>,
}

impl Collection {
    pub(super) fn new(window: Window) -> Self {
        Self {
            objects: BTreeMap::new(),
            history: VecDeque::new(),
            bytes: 0,
            compacted: 0,
            window,
            changed: watch::Sender::new(0),
        }
    }

    pub(super) fn get(&self, key: &Key) -> Option<Arc<Object>> {
        self.objects.get(key).cloned()
    }

    /// Returns the revision of the last event.
    pub(super) fn latest(&self) -> u64 {
        *self.changed.borrow()
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    pub(super) fn keys_in(&self, namespace: &str) -> Vec<Key> {
        self.in_namespace(Some(namespace), None).map(|(key, _)| key.clone()).collect()
    }

    pub(super) fn objects(&self) -> impl Iterator<Item = &Arc<Object>> {
        self.objects.values()
    }

    /// Takes in an object of an earlier run.
    pub(super) fn restore(&mut self, object: Arc<Object>) {
        self.objects.insert(object.key.clone(), object);
    }

    /// Forgets the events up to a revision.
    pub(super) fn forget(&mut self, latest: u64) {
        self.compacted = latest;
        self.changed.send_replace(latest);
    }

    /// Applies an event to the objects and appends it to the history.
    pub(super) fn record(&mut self, event: Event) {
        let key = event.object.key.clone();
        let revision = event.object.revision;
        if event.kind == EventKind::Deleted {
            self.objects.remove(&key);
        } else {
            self.objects.insert(key, Arc::clone(&event.object));
        }
        self.bytes += event.object.size();
        self.history.push_back(event);
        while self.history.len() > self.window.events
            || (self.bytes > self.window.bytes && self.history.len() > 1)
        {
            let Some(oldest) = self.history.pop_front() else { break };
            self.bytes -= oldest.object.size();
            self.compacted = oldest.object.revision;
        }
        self.changed.send_replace(revision);
    }

    /// Returns events after `revision`, oldest first, at most `limit`.
    pub(super) fn events_after(&self, revision: u64, limit: usize) -> Result<Vec<Event>, Gap> {
        if revision < self.compacted {
            return Err(Gap { oldest: self.compacted });
        }
        let start = self.history.partition_point(|event| event.object.revision <= revision);
        Ok(self.history.iter().skip(start).take(limit).cloned().collect())
    }

    pub(super) fn list(&self, current: u64, query: &Query<'_>) -> Result<Page, Gap> {
        match query.at {
            At::Exactly(revision) if revision < current => self.list_at(revision, query),
            _ => {
                let found = self.in_namespace(query.namespace, query.after.as_ref());
                Ok(page(current, found.map(|(_, object)| object), query))
            }
        }
    }

    /// Lists the past: today's objects with the events since undone.
    fn list_at(&self, revision: u64, query: &Query<'_>) -> Result<Page, Gap> {
        if revision < self.compacted {
            return Err(Gap { oldest: self.compacted });
        }
        let mut past: BTreeMap<&Key, &Arc<Object>> =
            self.in_namespace(query.namespace, query.after.as_ref()).collect();
        for event in self.history.iter().rev() {
            if event.object.revision <= revision {
                break;
            }
            let key = &event.object.key;
            if query.namespace.is_some_and(|n| *n != *key.namespace)
                || query.after.as_ref().is_some_and(|after| key <= after)
            {
                continue;
            }
            match &event.previous {
                Some(previous) => past.insert(key, previous),
                None => past.remove(key),
            };
        }
        Ok(page(revision, past.into_values(), query))
    }

    fn in_namespace<'a>(
        &'a self,
        namespace: Option<&str>,
        after: Option<&Key>,
    ) -> impl Iterator<Item = (&'a Key, &'a Arc<Object>)> {
        let start = match (after, namespace) {
            (Some(after), _) => Bound::Excluded(after.clone()),
            (None, Some(namespace)) => Bound::Included(Key::new(namespace, "")),
            (None, None) => Bound::Unbounded,
        };
        let namespace: Option<Box<str>> = namespace.map(Into::into);
        self.objects
            .range((start, Bound::Unbounded))
            .take_while(move |(key, _)| namespace.as_ref().is_none_or(|n| *n == key.namespace))
    }
}

fn page<'a>(
    revision: u64,
    objects: impl Iterator<Item = &'a Arc<Object>>,
    query: &Query<'_>,
) -> Page {
    let mut page = Page::empty(revision);
    for object in objects.filter(|object| (query.matches)(object)) {
        if query.limit.is_some_and(|limit| page.objects.len() >= limit) {
            page.remaining += 1;
        } else {
            page.objects.push(Arc::clone(object));
        }
    }
    page
}
