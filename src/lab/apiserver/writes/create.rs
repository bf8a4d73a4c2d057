//! Creating objects.

use std::sync::Arc;

use serde_json::Value;

use super::update::Written;
use crate::lab::apiserver::call::{Call, Effect};
use crate::lab::apiserver::cluster::Cluster;
use crate::lab::apiserver::kinds;
use crate::lab::apiserver::metadata;
use crate::lab::apiserver::ownership::{self, Shape};
use crate::lab::apiserver::refusal::Refusal;
use crate::lab::apiserver::store::{Expect, Key, Object, WriteError};

/// Tries for a free generated name.
const TRIES: usize = 8;

/// Creates an object from the body of a request.
pub(in crate::lab::apiserver) fn create(
    cluster: &Cluster,
    call: &Call,
    mut value: Value,
) -> Result<Written, Refusal> {
    let resource = &*call.resource;
    check_kind(call, &value)?;
    metadata::check_types(&value)?;
    place(call, &mut value)?;
    if resource.namespaced {
        check_namespace(cluster, call)?;
    }
    let fields = metadata::of(&mut value)?;
    for member in ["resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"]
    {
        fields.shift_remove(member);
    }
    let generated = metadata::text(&value, "name").is_empty();
    let prefix = metadata::text(&value, "generateName").to_owned();
    for _ in 0..TRIES {
        let mut value = value.clone();
        if generated && !prefix.is_empty() {
            let name = format!("{prefix}{}", metadata::suffix());
            metadata::of(&mut value)?.insert("name".to_owned(), name.into());
        }
        if let Some(written) = attempt(cluster, call, value)? {
            return Ok(written);
        }
        if !generated {
            break;
        }
    }
    Err(Refusal::AlreadyExists(resource.target(metadata::text(&value, "name"))))
}

/// Completes, checks and stores an object; `None` if its name is taken.
fn attempt(cluster: &Cluster, call: &Call, mut value: Value) -> Result<Option<Written>, Refusal> {
    let resource = &*call.resource;
    let fields = metadata::of(&mut value)?;
    let managed = fields.shift_remove("managedFields");
    fields.insert("uid".to_owned(), uuid::Uuid::new_v4().to_string().into());
    fields.insert("creationTimestamp".to_owned(), metadata::now().into());
    if kinds::has_generation(resource) {
        fields.insert("generation".to_owned(), 1.into());
    } else {
        fields.shift_remove("generation");
    }
    kinds::prepare_create(cluster, resource, &mut value, call)?;
    match managed {
        // Server-side apply brings its own.
        Some(entries) if !entries.is_null() => {
            metadata::of(&mut value)?.insert("managedFields".to_owned(), entries);
        }
        _ => ownership::track(Shape::of(resource), None, &mut value, &call.writer()),
    }
    let name = metadata::text(&value, "name").to_owned();
    let mut causes = metadata::check_name(resource, &name);
    causes.extend(metadata::check(&value));
    causes.extend(kinds::validate(resource, None, &value));
    if !causes.is_empty() {
        return Err(Refusal::Invalid { target: resource.target(&name), causes });
    }
    let key = Key::new(metadata::text(&value, "namespace"), &name);
    if call.effect()? == Effect::DryRun {
        let taken = cluster.store.get(&resource.id, &key).is_some();
        return Ok((!taken).then_some(Written::Preview(value)));
    }
    let object = match cluster.store.put(resource, key, value, Expect::Absent) {
        Ok(object) => object,
        Err(WriteError::Mismatch) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    kinds::after_create(cluster, resource, &object);
    Ok(Some(Written::Created(object)))
}

/// Checks that the body is of the kind that the path names; a body may leave both out.
pub(super) fn check_kind(call: &Call, value: &Value) -> Result<(), Refusal> {
    let wanted = (call.resource.kind.as_str(), call.resource.api_version());
    let kind = value["kind"].as_str().unwrap_or(wanted.0);
    let version = value["apiVersion"].as_str().unwrap_or(&wanted.1);
    if version != wanted.1 {
        return Err(Refusal::BadRequest(format!(
            "the API version in the data ({version}) does not match the expected API version ({})",
            wanted.1
        )));
    }
    if kind != wanted.0 {
        return Err(Refusal::BadRequest(format!(
            "the kind in the data ({kind}) does not match the expected kind ({})",
            wanted.0
        )));
    }
    Ok(())
}

/// Makes namespace and name of the body those of the path.
fn place(call: &Call, value: &mut Value) -> Result<(), Refusal> {
    let metadata = metadata::of(value)?;
    let given = metadata.get("namespace").and_then(Value::as_str).unwrap_or_default();
    if !call.resource.namespaced {
        if !given.is_empty() {
            return Err(Refusal::BadRequest("namespace is not allowed on this type".to_owned()));
        }
        metadata.shift_remove("namespace");
        return Ok(());
    }
    let Some(namespace) = call.path.namespace.as_deref() else {
        return Err(Refusal::MethodNotAllowed);
    };
    if !given.is_empty() && given != namespace {
        return Err(Refusal::BadRequest(
            "the namespace of the provided object does not match the namespace sent on the request"
                .to_owned(),
        ));
    }
    metadata.insert("namespace".to_owned(), namespace.into());
    Ok(())
}

fn check_namespace(cluster: &Cluster, call: &Call) -> Result<(), Refusal> {
    let name = call.namespace();
    let Some(namespace) = cluster.namespace(name) else {
        let namespaces = call.catalog.by_id("namespaces").map(|r| r.target(name));
        return Err(Refusal::NotFound(namespaces.unwrap_or_default()));
    };
    if is_terminating(&namespace) {
        return Err(Refusal::Forbidden {
            target: call.resource.target(call.path.name.as_deref().unwrap_or_default()),
            detail: format!(
                "unable to create new content in namespace {name} because it is being terminated"
            ),
        });
    }
    Ok(())
}

fn is_terminating(namespace: &Arc<Object>) -> bool {
    namespace
        .fields
        .iter()
        .any(|(name, value)| &**name == "status.phase" && &**value == "Terminating")
}
