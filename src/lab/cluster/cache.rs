//! A cache of one kind, kept by a watch.

use std::{
    collections::BTreeMap,
    fmt::Debug,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use futures::StreamExt;
use kube::{
    Api, Resource, ResourceExt,
    runtime::{
        WatchStreamExt,
        watcher::{self, Event, watcher},
    },
};
use serde::de::DeserializeOwned;
use tokio::{sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;
use tracing::debug;

/// What can be cached.
pub(crate) trait Cached:
    Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + Sync + 'static
{
}

impl<K> Cached for K where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + Sync + 'static
{
}

type Objects<K> = BTreeMap<(String, String), Arc<K>>;

/// All objects of a kind, by namespace and name.
pub(crate) struct Cache<K> {
    objects: RwLock<Objects<K>>,
    /// The highest resource version seen; 0 before the first list is complete.
    seen: watch::Sender<u64>,
}

impl<K: Cached> Cache<K> {
    /// Starts watching; every change is announced on `changed` as well.
    pub(crate) fn start(
        api: Api<K>,
        changed: watch::Sender<u64>,
        shutdown: CancellationToken,
    ) -> Arc<Self> {
        let cache = Arc::new(Self { objects: RwLock::default(), seen: watch::Sender::new(0) });
        let kept = Arc::clone(&cache);
        tokio::spawn(async move {
            let events = watcher(api, watcher::Config::default().timeout(60)).default_backoff();
            let mut events = std::pin::pin!(events);
            let mut listed = Objects::new();
            while let Some(Some(event)) = shutdown.run_until_cancelled(events.next()).await {
                match event {
                    Ok(event) => {
                        kept.take(event, &mut listed);
                        changed.send_modify(|count| *count += 1);
                    }
                    Err(error) => debug!(kind = %K::kind(&()), %error, "watch interrupted"),
                }
            }
        });
        cache
    }

    fn take(&self, event: Event<K>, listed: &mut Objects<K>) {
        let mut objects = self.objects.write().unwrap_or_else(PoisonError::into_inner);
        let version = match event {
            Event::Init => {
                listed.clear();
                return;
            }
            Event::InitApply(object) => {
                listed.insert(key(&object), Arc::new(object));
                return;
            }
            Event::InitDone => {
                *objects = std::mem::take(listed);
                objects.values().map(|object| version(object.as_ref())).max().unwrap_or(1)
            }
            Event::Apply(object) => {
                let version = version(&object);
                objects.insert(key(&object), Arc::new(object));
                version
            }
            Event::Delete(object) => {
                objects.remove(&key(&object));
                version(&object)
            }
        };
        drop(objects);
        self.note(version);
    }

    fn note(&self, version: u64) {
        self.seen.send_if_modified(|seen| {
            let newer = version > *seen;
            *seen = version.max(*seen);
            newer
        });
    }

    /// Waits until the first list is complete.
    pub(crate) async fn ready(&self) {
        self.reached(1).await;
    }

    /// Waits until the cache shows a write, a bounded time.
    pub(crate) async fn reached(&self, version: u64) {
        let mut seen = self.seen.subscribe();
        let reached = seen.wait_for(|seen| *seen >= version);
        // After that long the watch is broken, and has listed anew. Earlier it may only be slow, and what
        // it does not show yet would be made twice.
        timeout(Duration::from_secs(60), reached).await.ok();
    }

    /// Returns all objects, in order of namespace and name.
    pub(crate) fn all(&self) -> Vec<Arc<K>> {
        let objects = self.objects.read().unwrap_or_else(PoisonError::into_inner);
        objects.values().cloned().collect()
    }

    /// Returns one object.
    pub(crate) fn one(&self, namespace: &str, name: &str) -> Option<Arc<K>> {
        let objects = self.objects.read().unwrap_or_else(PoisonError::into_inner);
        objects.get(&(namespace.to_owned(), name.to_owned())).cloned()
    }
}

fn key<K: Cached>(object: &K) -> (String, String) {
    (object.namespace().unwrap_or_default(), object.name_any())
}

fn version<K: Cached>(object: &K) -> u64 {
    object.resource_version().and_then(|version| version.parse().ok()).unwrap_or(1)
}
