//! Finishes what deletions leave behind: dependents, the content of namespaces, the instances of definitions.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Notify;

use super::call::Effect;
use super::cluster::Cluster;
use super::kinds;
use super::metadata;
use super::resource::Resource;
use super::store::{At, Key, Object, Query};
use super::writes::{DeleteOptions, FOREGROUND, ORPHAN, Propagation, delete};

/// Wakes the tasks below.
#[derive(Default)]
pub(super) struct Reaper {
    notify: Notify,
}

impl Reaper {
    /// Something changed that a terminating namespace or definition may have waited for.
    pub(super) fn wake(&self) {
        self.notify.notify_one();
    }
}

/// Collects objects whose owners are gone, until shutdown.
pub(super) async fn collect_garbage(cluster: Arc<Cluster>) {
    while let Some(work) = cluster.shutdown.run_until_cancelled(cluster.store.next_doomed()).await {
        for (resource, key) in work {
            let catalog = cluster.registry.catalog();
            if let (Some(resource), Some(object)) =
                (catalog.by_id(&resource), cluster.store.get(&resource, &key))
            {
                collect(&cluster, resource, &object);
            }
            tokio::task::yield_now().await;
        }
    }
}

fn collect(cluster: &Cluster, resource: &Resource, object: &Arc<Object>) {
    let value = object.value();
    if metadata::is_deleting(&value) {
        if metadata::finalizers(&value).contains(&ORPHAN) {
            orphan_dependents(cluster, &object.uid);
            release(cluster, resource, object, ORPHAN);
        } else if metadata::finalizers(&value).contains(&FOREGROUND) {
            delete_dependents_first(cluster, resource, object);
        }
        return;
    }
    let owners = value["metadata"]["ownerReferences"].as_array().map_or(&[][..], Vec::as_slice);
    let gone = |owner: &Value| owner["uid"].as_str().is_some_and(|uid| !cluster.store.exists(uid));
    if owners.is_empty() || !owners.iter().any(gone) {
        return;
    }
    if owners.iter().all(gone) {
        let options = DeleteOptions { uid: Some(object.uid.to_string()), ..Default::default() };
        drop(delete(cluster, resource, &object.key, &options, Effect::Store));
    } else {
        cluster.change(&resource.id, &object.key, |value| {
            if let Some(owners) = value["metadata"]["ownerReferences"].as_array_mut() {
                owners.retain(|owner| !gone(owner));
            }
        });
    }
}

fn orphan_dependents(cluster: &Cluster, uid: &str) {
    for (resource, key) in cluster.store.dependents(uid) {
        cluster.change(&resource, &key, |value| {
            let Some(metadata) = value["metadata"].as_object_mut() else { return };
            if let Some(owners) = metadata.get_mut("ownerReferences").and_then(Value::as_array_mut)
            {
                owners.retain(|owner| owner["uid"] != uid);
                if owners.is_empty() {
                    metadata.shift_remove("ownerReferences");
                }
            }
        });
    }
}

fn delete_dependents_first(cluster: &Cluster, resource: &Resource, owner: &Arc<Object>) {
    let catalog = cluster.registry.catalog();
    let mut blocked = false;
    for (resource, key) in cluster.store.dependents(&owner.uid) {
        let Some(object) = cluster.store.get(&resource, &key) else { continue };
        let value = object.value();
        blocked |= value["metadata"]["ownerReferences"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|o| o["uid"] == *owner.uid && o["blockOwnerDeletion"] == true);
        if let Some(resource) = catalog.by_id(&resource).filter(|_| !metadata::is_deleting(&value))
        {
            let options =
                DeleteOptions { propagation: Propagation::Foreground, ..Default::default() };
            drop(delete(cluster, resource, &key, &options, Effect::Store));
        }
    }
    // Each dependent that goes makes the owner be looked at again.
    let left = cluster.store.dependents(&owner.uid);
    if !blocked || left.is_empty() {
        release(cluster, resource, owner, FOREGROUND);
    }
}

/// Removes a finalizer, and the object if it was the last.
fn release(cluster: &Cluster, resource: &Resource, object: &Arc<Object>, finalizer: &str) {
    let changed = cluster.change(&resource.id, &object.key, |value| {
        let Some(metadata) = value["metadata"].as_object_mut() else { return };
        if let Some(list) = metadata.get_mut("finalizers").and_then(Value::as_array_mut) {
            list.retain(|f| f != finalizer);
            if list.is_empty() {
                metadata.shift_remove("finalizers");
            }
        }
    });
    if let Some(changed) = changed {
        finish(cluster, resource, &changed);
    }
}

/// Removes an object that is marked deleted and that nothing holds.
pub(super) fn finish(cluster: &Cluster, resource: &Resource, object: &Arc<Object>) {
    let value = object.value();
    if metadata::is_deleting(&value)
        && kinds::is_finished(resource, &value)
        && let Ok(removed) = cluster.store.remove(resource, &object.key, value, object.revision)
    {
        kinds::after_remove(cluster, resource, &removed);
    }
}

/// Empties terminating namespaces and definitions, until shutdown.
pub(super) async fn empty_terminating(cluster: Arc<Cluster>) {
    const AGAIN: Duration = Duration::from_millis(200);
    let mut waiting = false;
    loop {
        let pause = if waiting { AGAIN } else { Duration::from_secs(3600) };
        let woken = tokio::time::timeout(pause, cluster.reaper.notify.notified());
        if cluster.shutdown.run_until_cancelled(woken).await.is_none() {
            return;
        }
        waiting = empty_namespaces(&cluster) | empty_definitions(&cluster);
    }
}

fn terminating(cluster: &Cluster, resource: &str) -> Vec<Arc<Object>> {
    let query =
        Query { namespace: None, at: At::Latest, after: None, limit: None, matches: &|_| true };
    let objects = cluster.store.list(resource, &query).map(|page| page.objects).unwrap_or_default();
    objects.into_iter().filter(|object| metadata::is_deleting(&object.value())).collect()
}

/// Returns whether a namespace still waits for something.
fn empty_namespaces(cluster: &Cluster) -> bool {
    let catalog = cluster.registry.catalog();
    let mut waiting = false;
    for namespace in terminating(cluster, "namespaces") {
        for (resource, keys) in cluster.store.content_of(&namespace.key.name) {
            let Some(resource) = catalog.by_id(&resource) else { continue };
            delete_all(cluster, resource, &keys);
        }
        if !cluster.store.content_of(&namespace.key.name).is_empty() {
            waiting = true;
            continue;
        }
        let changed = cluster.change("namespaces", &namespace.key, |value| {
            value["spec"]["finalizers"] = Value::Array(Vec::new());
        });
        if let (Some(object), Some(resource)) = (changed, catalog.by_id("namespaces")) {
            finish(cluster, resource, &object);
        }
    }
    waiting
}

/// Returns whether a definition still waits for its instances.
fn empty_definitions(cluster: &Cluster) -> bool {
    const ID: &str = "customresourcedefinitions.apiextensions.k8s.io";
    let catalog = cluster.registry.catalog();
    let mut waiting = false;
    for definition in terminating(cluster, ID) {
        let name = &definition.key.name;
        let query =
            Query { namespace: None, at: At::Latest, after: None, limit: None, matches: &|_| true };
        let instances =
            || cluster.store.list(name, &query).map(|page| page.objects).unwrap_or_default();
        if let Some(resource) = catalog.by_id(name) {
            let keys: Vec<Key> = instances().iter().map(|object| object.key.clone()).collect();
            delete_all(cluster, resource, &keys);
        }
        if !instances().is_empty() {
            waiting = true;
            continue;
        }
        if let Some(resource) = catalog.by_id(ID) {
            release(cluster, resource, &definition, kinds::CLEANUP);
        }
    }
    waiting
}

fn delete_all(cluster: &Cluster, resource: &Resource, keys: &[Key]) {
    for key in keys {
        let marked = cluster
            .store
            .get(&resource.id, key)
            .is_some_and(|object| metadata::is_deleting(&object.value()));
        if !marked {
            drop(delete(cluster, resource, key, &DeleteOptions::default(), Effect::Store));
        }
    }
}
