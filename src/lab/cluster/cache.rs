//! A cache of one kind, kept by a watch.

use std::{
    collections::BTreeMap,
    fmt::Debug,
    sync::{Arc, PoisonError, RwLock},
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
use tokio::sync::watch;
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
    seen: watch::Sender<Seen>,
}

/// How far a cache has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seen {
    /// The highest resource version.
    version: u64,
    /// Lists that were begun.
    begun: u64,
    /// The last list that is complete: its number, counted from 1.
    listed: u64,
}

impl<K: Cached> Cache<K> {
    /// Starts watching; every change is announced on `changed` as well.
    pub(crate) fn start(
        api: Api<K>,
        changed: watch::Sender<u64>,
        shutdown: CancellationToken,
    ) -> Arc<Self> {
        let cache = Arc::new(Self { objects: RwLock::default(), seen: watch::Sender::default() });
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
        let mut seen = *self.seen.borrow();
        match event {
            Event::Init => {
                listed.clear();
                seen.begun += 1;
            }
            Event::InitApply(object) => {
                listed.insert(key(&object), Arc::new(object));
            }
            Event::InitDone => {
                *objects = std::mem::take(listed);
                let latest = objects.values().map(|object| version(object.as_ref())).max();
                seen.version = seen.version.max(latest.unwrap_or(1));
                seen.listed = seen.begun;
            }
            Event::Apply(object) => {
                seen.version = seen.version.max(version(&object));
                objects.insert(key(&object), Arc::new(object));
            }
            Event::Delete(object) => {
                seen.version = seen.version.max(version(&object));
                objects.remove(&key(&object));
            }
        }
        drop(objects);
        self.seen.send_replace(seen);
    }

    /// Waits until the first list is complete.
    pub(crate) async fn ready(&self) {
        // The cache holds the sender itself.
        self.seen.subscribe().wait_for(|seen| seen.listed > 0).await.ok();
    }

    /// Waits until the cache shows a write that has just been made, however long that takes: what
    /// it does not show would be made twice.
    ///
    /// It shows it when it has seen its version, or anything that was listed since: an object that
    /// is gone again by then is in no list.
    pub(crate) async fn reached(&self, version: u64) {
        let mut seen = self.seen.subscribe();
        let begun = seen.borrow().begun;
        seen.wait_for(|seen| seen.version >= version || seen.listed > begun).await.ok();
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

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use k8s_openapi::api::core::v1::ConfigMap;
    use serde_json::{from_value, json};

    use super::*;

    fn map(name: &str, version: &str) -> ConfigMap {
        from_value(json!({ "metadata": { "name": name, "resourceVersion": version } })).unwrap()
    }

    fn shows(cache: &Cache<ConfigMap>, version: u64) -> bool {
        cache.reached(version).now_or_never().is_some()
    }

    #[test]
    fn a_cache_shows_a_write_by_its_version_or_by_a_later_list() {
        let cache = Cache { objects: RwLock::default(), seen: watch::Sender::default() };
        let mut listed = Objects::new();
        let mut take = |event| cache.take(event, &mut listed);
        take(Event::Init);
        take(Event::InitApply(map("a", "7")));
        assert!(cache.ready().now_or_never().is_none());
        take(Event::InitDone);
        assert!(cache.ready().now_or_never().is_some());
        assert!(shows(&cache, 7) && !shows(&cache, 9));
        take(Event::Apply(map("b", "9")));
        assert!(shows(&cache, 9) && !shows(&cache, 12));
        let mut waiting = Box::pin(cache.reached(12));
        assert!(waiting.as_mut().now_or_never().is_none());
        // A list that had begun before the write may have missed it: only a later one counts.
        let mut listed = Objects::new();
        cache.take(Event::Init, &mut listed);
        let mut late = Box::pin(cache.reached(13));
        assert!(late.as_mut().now_or_never().is_none());
        cache.take(Event::InitDone, &mut listed);
        assert!(waiting.now_or_never().is_some());
        assert!(late.as_mut().now_or_never().is_none());
        cache.take(Event::Init, &mut listed);
        cache.take(Event::InitDone, &mut listed);
        assert!(late.now_or_never().is_some());
    }
}
