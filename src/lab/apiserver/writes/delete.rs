//! Deleting objects: grace, finalizers, preconditions, propagation.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::lab::apiserver::call::{Call, Effect};
use crate::lab::apiserver::cluster::Cluster;
use crate::lab::apiserver::kinds;
use crate::lab::apiserver::metadata;
use crate::lab::apiserver::refusal::Refusal;
use crate::lab::apiserver::resource::Resource;
use crate::lab::apiserver::store::{At, Expect, Key, Object, Query, WriteError};

/// What happens to the dependents of a deleted object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::lab::apiserver) enum Propagation {
    #[default]
    Background,
    Foreground,
    Orphan,
}

/// The options of a DELETE.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::lab::apiserver) struct DeleteOptions {
    pub(in crate::lab::apiserver) grace: Option<i64>,
    pub(in crate::lab::apiserver) propagation: Propagation,
    pub(in crate::lab::apiserver) uid: Option<String>,
    pub(in crate::lab::apiserver) resource_version: Option<String>,
    /// Clients ask for dry runs in the body.
    pub(in crate::lab::apiserver) dry_run: bool,
}

/// The outcome of a DELETE.
#[derive(Debug)]
pub(in crate::lab::apiserver) enum Deleted {
    /// Gone; the last state of the object.
    Gone(Arc<Object>),
    /// Marked, or what a dry run would have removed.
    Pending(Arc<Object>),
}

/// The finalizers of the garbage collector.
pub(in crate::lab::apiserver) const FOREGROUND: &str = "foregroundDeletion";
pub(in crate::lab::apiserver) const ORPHAN: &str = "orphan";

const TRIES: usize = 16;

impl DeleteOptions {
    /// Reads options from the body and from the query.
    pub(in crate::lab::apiserver) fn parse(call: &Call, body: &Value) -> Result<Self, Refusal> {
        let bad = |what: &str| Refusal::BadRequest(format!("invalid DeleteOptions: {what}"));
        let grace = match &body["gracePeriodSeconds"] {
            Value::Null => call.parameters.number("gracePeriodSeconds")?.map(u64::cast_signed),
            number => Some(number.as_i64().ok_or_else(|| bad("gracePeriodSeconds"))?),
        };
        let word = body["propagationPolicy"]
            .as_str()
            .or_else(|| call.parameters.text("propagationPolicy"));
        let propagation = match word {
            None if body["orphanDependents"] == true => Propagation::Orphan,
            None | Some("Background") => Propagation::Background,
            Some("Foreground") => Propagation::Foreground,
            Some("Orphan") => Propagation::Orphan,
            Some(_) => return Err(bad("propagationPolicy")),
        };
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Ok(Self {
            grace,
            propagation,
            uid: text(&body["preconditions"]["uid"]),
            resource_version: text(&body["preconditions"]["resourceVersion"]),
            dry_run: body["dryRun"].as_array().is_some_and(|all| all.iter().any(|d| d == "All")),
        })
    }
}

/// Deletes one object.
pub(in crate::lab::apiserver) fn delete(
    cluster: &Cluster,
    resource: &Resource,
    key: &Key,
    options: &DeleteOptions,
    effect: Effect,
) -> Result<Deleted, Refusal> {
    let target = || resource.target(&key.name);
    for _ in 0..TRIES {
        let current =
            cluster.store.get(&resource.id, key).ok_or_else(|| Refusal::NotFound(target()))?;
        check(resource, key, &current, options)?;
        if effect == Effect::DryRun || options.dry_run {
            return Ok(Deleted::Pending(current));
        }
        let old = current.value();
        let mut new = old.clone();
        let grace = kinds::grace(resource, &old, options.grace);
        mark(resource, &mut new, grace, options.propagation)?;
        if grace == 0 && kinds::is_finished(resource, &new) {
            match cluster.store.remove(resource, key, new, current.revision) {
                Ok(object) => {
                    kinds::after_remove(cluster, resource, &object);
                    return Ok(Deleted::Gone(object));
                }
                Err(WriteError::Mismatch) => continue,
                Err(error) => return Err(error.into()),
            }
        }
        if new == old {
            return Ok(Deleted::Pending(current));
        }
        let expect = Expect::Revision(current.revision);
        match cluster.store.put(resource, key.clone(), new, expect) {
            Ok(object) => {
                cluster.store.look_at(&resource.id, key);
                kinds::after_update(cluster, resource, &object);
                return Ok(Deleted::Pending(object));
            }
            Err(WriteError::Mismatch) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Refusal::Conflict {
        target: target(),
        detail: "the object was changed too often while it was being deleted".to_owned(),
    })
}

fn check(
    resource: &Resource,
    key: &Key,
    current: &Object,
    options: &DeleteOptions,
) -> Result<(), Refusal> {
    let failed = |what: &str, wanted: &str, found: &str| Refusal::Conflict {
        target: resource.target(&key.name),
        detail: format!(
            "Precondition failed: {what} in precondition: {wanted}, {what} in object meta: {found}"
        ),
    };
    if let Some(uid) = options.uid.as_deref().filter(|uid| **uid != *current.uid) {
        return Err(failed("UID", uid, &current.uid));
    }
    let revision = current.revision.to_string();
    match options.resource_version.as_deref().filter(|version| *version != revision) {
        Some(version) => Err(failed("ResourceVersion", version, &revision)),
        None => Ok(()),
    }
}

/// Writes the deletion into the metadata. A deletion under way can only be shortened.
fn mark(
    resource: &Resource,
    object: &mut Value,
    grace: i64,
    propagation: Propagation,
) -> Result<(), Refusal> {
    let finalizer = match propagation {
        Propagation::Background => None,
        Propagation::Foreground => Some(FOREGROUND),
        Propagation::Orphan => Some(ORPHAN),
    };
    let metadata = metadata::of(object)?;
    let under_way = metadata.get("deletionGracePeriodSeconds").and_then(Value::as_i64);
    if under_way.is_none_or(|left| grace < left) {
        let at = metadata::seconds_from_now(grace);
        metadata.insert("deletionTimestamp".to_owned(), at.into());
        metadata.insert("deletionGracePeriodSeconds".to_owned(), grace.into());
        if kinds::has_generation(resource) && under_way.is_none() {
            let generation = metadata.get("generation").and_then(Value::as_i64).unwrap_or(1) + 1;
            metadata.insert("generation".to_owned(), generation.into());
        }
    }
    if let Some(finalizer) = finalizer {
        let list = metadata.entry("finalizers").or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut().filter(|l| !l.iter().any(|f| f == finalizer)) {
            list.push(finalizer.into());
        }
    }
    kinds::mark_deleted(resource, object);
    Ok(())
}

/// Deletes every object of a collection that matches; returns what they were.
pub(in crate::lab::apiserver) fn delete_collection(
    cluster: &Cluster,
    call: &Call,
    options: &DeleteOptions,
    matches: &dyn Fn(&Object) -> bool,
) -> Result<Vec<Arc<Object>>, Refusal> {
    let query = Query {
        namespace: call.path.namespace.as_deref(),
        at: At::Latest,
        after: None,
        limit: None,
        matches,
    };
    let page = cluster
        .store
        .list(&call.resource.id, &query)
        .map_err(|gap| Refusal::Expired(gap.to_string()))?;
    let effect = call.effect()?;
    let mut deleted = Vec::new();
    for object in page.objects {
        match delete(cluster, &call.resource, &object.key, options, effect) {
            Ok(Deleted::Gone(object) | Deleted::Pending(object)) => deleted.push(object),
            Err(Refusal::NotFound(_)) => {}
            Err(refusal) => return Err(refusal),
        }
    }
    Ok(deleted)
}
