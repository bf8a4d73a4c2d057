//! Updating objects: what every way of changing an object has in common.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::create::check_kind;
use crate::lab::apiserver::call::{Call, Effect};
use crate::lab::apiserver::cluster::Cluster;
use crate::lab::apiserver::kinds;
use crate::lab::apiserver::metadata;
use crate::lab::apiserver::ownership::{self, Shape};
use crate::lab::apiserver::refusal::{Cause, Refusal};
use crate::lab::apiserver::resource::Resource;
use crate::lab::apiserver::store::{Expect, Key, Object, WriteError};

/// Tries before a write that races with others gives up.
const TRIES: usize = 16;

/// The outcome of a write.
#[derive(Debug)]
pub(in crate::lab::apiserver) enum Written {
    Created(Arc<Object>),
    Updated(Arc<Object>),
    /// The last finalizer is gone, and so is the object; this was its last state.
    Removed(Value),
    /// What a dry run would have stored.
    Preview(Value),
}

/// Which part of an object a request may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::lab::apiserver) enum Part {
    /// Everything but the status.
    Main,
    Status,
}

/// How ownership of fields follows from a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::lab::apiserver) enum Ownership {
    /// The writer owns what it changed.
    Track,
    /// The change has set managedFields itself.
    Set,
}

/// Replaces an object with the body of a PUT.
pub(in crate::lab::apiserver) fn replace(
    cluster: &Cluster,
    call: &Call,
    value: &Value,
) -> Result<Written, Refusal> {
    check_kind(call, value)?;
    metadata::check_types(value)?;
    let name = call.name()?;
    let given = metadata::text(value, "name");
    if !given.is_empty() && given != name {
        return Err(Refusal::BadRequest(format!(
            "the name of the object ({given}) does not match the name on the URL ({name})"
        )));
    }
    modify(cluster, call, |_| Ok((value.clone(), Ownership::Track)))
}

/// Changes an object: `change` gets the current version and returns the wanted one.
pub(in crate::lab::apiserver) fn modify(
    cluster: &Cluster,
    call: &Call,
    mut change: impl FnMut(&Value) -> Result<(Value, Ownership), Refusal>,
) -> Result<Written, Refusal> {
    let key = call.key()?;
    let part = if call.subresource() == "status" { Part::Status } else { Part::Main };
    for _ in 0..TRIES {
        let current =
            cluster.store.get(&call.resource.id, &key).ok_or_else(|| call.not_found(&key.name))?;
        let old = in_version(current.value(), &call.resource);
        let (new, ownership) = change(&old)?;
        check_preconditions(call, &key, &old, &new)?;
        if let Some(written) = write(cluster, call, &current, &old, new, part, ownership)? {
            return Ok(written);
        }
    }
    Err(stale(call, &key))
}

/// Stored objects name the version they were written in; requests see their own.
pub(in crate::lab::apiserver) fn in_version(mut value: Value, resource: &Resource) -> Value {
    value["apiVersion"] = resource.api_version().into();
    value
}

fn stale(call: &Call, key: &Key) -> Refusal {
    Refusal::Conflict {
        target: call.resource.target(&key.name),
        detail: "the object has been modified; please apply your changes to the latest version and try again".to_owned(),
    }
}

/// Checks resourceVersion and uid of the wanted version.
fn check_preconditions(call: &Call, key: &Key, old: &Value, new: &Value) -> Result<(), Refusal> {
    metadata::check_types(new)?;
    let version = metadata::text(new, "resourceVersion");
    if !version.is_empty() && version != metadata::text(old, "resourceVersion") {
        return Err(stale(call, key));
    }
    let (uid, current) = (metadata::text(new, "uid"), metadata::text(old, "uid"));
    if !uid.is_empty() && uid != current {
        return Err(Refusal::Conflict {
            target: call.resource.target(&key.name),
            detail: format!(
                "Precondition failed: UID in precondition: {uid}, UID in object meta: {current}"
            ),
        });
    }
    Ok(())
}

/// Stores one attempt; `None` if another write came first.
fn write(
    cluster: &Cluster,
    call: &Call,
    current: &Arc<Object>,
    old: &Value,
    mut new: Value,
    part: Part,
    ownership: Ownership,
) -> Result<Option<Written>, Refusal> {
    let resource = &*call.resource;
    let target = || resource.target(&current.key.name);
    let managed = new["metadata"].get("managedFields").cloned();
    metadata::keep_fixed(old, &mut new)?;
    limit_to(resource, part, old, &mut new);
    kinds::prepare_update(cluster, resource, old, &mut new, call)?;
    drop_empty_maps(&mut new)?;
    let added: Vec<&str> = metadata::finalizers(&new)
        .into_iter()
        .filter(|f| !metadata::finalizers(old).contains(f))
        .collect();
    let mut causes = metadata::check(&new);
    if metadata::is_deleting(old) && !added.is_empty() {
        let detail = format!(
            "no new finalizers can be added if the object is being deleted, found new finalizers {added:?}"
        );
        causes.push(Cause::forbidden("metadata.finalizers", &detail));
    }
    causes.extend(kinds::validate(resource, Some(old), &new));
    if !causes.is_empty() {
        return Err(Refusal::Invalid { target: target(), causes });
    }
    if kinds::has_generation(resource) && differs_beyond_status(old, &new) {
        let generation = old["metadata"]["generation"].as_i64().unwrap_or(1) + 1;
        new["metadata"]["generation"] = generation.into();
    }
    match (ownership, managed) {
        (Ownership::Set, Some(entries)) => new["metadata"]["managedFields"] = entries,
        (Ownership::Set, None) => {
            metadata::of(&mut new)?.shift_remove("managedFields");
        }
        (Ownership::Track, given) => {
            // A client may clear or rewrite the entries; an unchanged list is tracked from.
            let mut before = old.clone();
            match given {
                Some(Value::Array(entries))
                    if entries.len() <= 1 && entries.iter().all(is_blank) =>
                {
                    metadata::of(&mut before)?.shift_remove("managedFields");
                }
                Some(entries @ Value::Array(_)) => before["metadata"]["managedFields"] = entries,
                _ => {}
            }
            ownership::track(Shape::of(resource), Some(&before), &mut new, &call.writer());
        }
    }
    new["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"].clone();
    if same_but_for_times(old, &new) {
        return Ok(Some(Written::Updated(Arc::clone(current))));
    }
    if call.effect()? == Effect::DryRun {
        return Ok(Some(Written::Preview(new)));
    }
    if metadata::is_deleting(&new) && kinds::is_finished(resource, &new) {
        let removed = cluster.store.remove(resource, &current.key, new, current.revision);
        return Ok(unless_raced(removed)?.map(|object| {
            kinds::after_remove(cluster, resource, &object);
            Written::Removed(in_version(object.value(), resource))
        }));
    }
    let stored =
        cluster.store.put(resource, current.key.clone(), new, Expect::Revision(current.revision));
    Ok(unless_raced(stored)?.map(|object| {
        kinds::after_update(cluster, resource, &object);
        Written::Updated(object)
    }))
}

/// A write that lost a race is tried again, one that cannot be remembered is not.
fn unless_raced(written: Result<Arc<Object>, WriteError>) -> Result<Option<Arc<Object>>, Refusal> {
    match written {
        Ok(object) => Ok(Some(object)),
        Err(WriteError::Mismatch) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Takes everything outside the part from the old version.
fn limit_to(resource: &Resource, part: Part, old: &Value, new: &mut Value) {
    let (Some(old), true) = (old.as_object(), resource.has_status()) else { return };
    match part {
        Part::Main => restore(old, new, "status"),
        Part::Status => {
            let names: Vec<String> = old
                .keys()
                .chain(new.as_object().into_iter().flat_map(Map::keys))
                .filter(|name| !matches!(name.as_str(), "status" | "metadata"))
                .cloned()
                .collect();
            for name in names {
                restore(old, new, &name);
            }
            if resource.custom.is_some() {
                // The status of a custom resource comes without its metadata, but for managedFields.
                restore(old, new, "metadata");
            }
        }
    }
}

fn restore(old: &Map<String, Value>, new: &mut Value, member: &str) {
    let Some(new) = new.as_object_mut() else { return };
    match old.get(member) {
        Some(value) => {
            new.insert(member.to_owned(), value.clone());
        }
        None => {
            new.shift_remove(member);
        }
    }
}

/// Empty labels, annotations and lists of metadata are not stored.
fn drop_empty_maps(object: &mut Value) -> Result<(), Refusal> {
    let metadata = metadata::of(object)?;
    metadata.retain(|_, value| match value {
        Value::Null => false,
        Value::Object(map) => !map.is_empty(),
        Value::Array(list) => !list.is_empty(),
        _ => true,
    });
    Ok(())
}

fn is_blank(entry: &Value) -> bool {
    entry.as_object().is_some_and(Map::is_empty)
}

fn differs_beyond_status(old: &Value, new: &Value) -> bool {
    let (Some(old), Some(new)) = (old.as_object(), new.as_object()) else { return true };
    let counts = |name: &str| !matches!(name, "metadata" | "status" | "kind" | "apiVersion");
    old.iter().filter(|(n, _)| counts(n)).any(|(name, value)| new.get(name) != Some(value))
        || new.keys().any(|name| counts(name) && !old.contains_key(name))
}

/// Compares two versions; times of managedFields are no difference.
fn same_but_for_times(old: &Value, new: &Value) -> bool {
    fn same_members(old: &Value, new: &Value, special: &str) -> bool {
        let (Some(old), Some(new)) = (old.as_object(), new.as_object()) else { return old == new };
        let all = old.keys().chain(new.keys()).filter(|name| *name != special);
        all.into_iter().all(|name| old.get(name) == new.get(name))
    }
    let entries = |object: &Value| {
        object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default()
    };
    let (before, after) = (entries(old), entries(new));
    same_members(old, new, "metadata")
        && same_members(&old["metadata"], &new["metadata"], "managedFields")
        && before.len() == after.len()
        && before.iter().zip(&after).all(|(a, b)| same_members(a, b, "time"))
}
