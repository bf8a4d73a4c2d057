//! The four kinds of patches.

use serde_json::Value;

use super::create::{check_kind, create};
use super::strategic;
use super::update::{Ownership, Written, modify};
use crate::lab::apiserver::access;
use crate::lab::apiserver::call::Call;
use crate::lab::apiserver::cluster::Cluster;
use crate::lab::apiserver::kinds;
use crate::lab::apiserver::metadata;
use crate::lab::apiserver::ownership::{self, Shape};
use crate::lab::apiserver::refusal::Refusal;

/// A parsed patch.
#[derive(Debug, Clone)]
pub(in crate::lab::apiserver) enum Patch {
    Json(json_patch::Patch),
    Merge(Value),
    Strategic(Value),
    Apply(Value),
}

const BUILT_IN: &str = "application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml";
const CUSTOM: &str =
    "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";

/// Operations of one JSON patch.
const MAX_OPERATIONS: usize = 10_000;

impl Patch {
    /// Parses a patch by its media type.
    pub(in crate::lab::apiserver) fn parse(
        call: &Call,
        media: &str,
        value: Value,
    ) -> Result<Self, Refusal> {
        match media {
            "application/json-patch+json" => {
                let patch: json_patch::Patch = serde_json::from_value(value).map_err(|error| {
                    Refusal::BadRequest(format!("error decoding patch: {error}"))
                })?;
                if patch.0.len() > MAX_OPERATIONS {
                    return Err(Refusal::TooLarge { limit: MAX_OPERATIONS });
                }
                Ok(Self::Json(patch))
            }
            "application/merge-patch+json" => Ok(Self::Merge(object(value)?)),
            "application/strategic-merge-patch+json" if call.resource.custom.is_none() => {
                Ok(Self::Strategic(object(value)?))
            }
            "application/apply-patch+yaml" => Ok(Self::Apply(object(value)?)),
            _ => Err(Refusal::UnsupportedMedia {
                accepted: if call.resource.custom.is_some() { CUSTOM } else { BUILT_IN },
            }),
        }
    }
}

fn object(value: Value) -> Result<Value, Refusal> {
    if value.is_object() {
        Ok(value)
    } else {
        Err(Refusal::BadRequest("the patch is not a JSON object".to_owned()))
    }
}

/// Applies a patch to the object that the path names; server-side apply creates a missing one.
pub(in crate::lab::apiserver) fn patch(
    cluster: &Cluster,
    call: &Call,
    patch: &Patch,
) -> Result<Written, Refusal> {
    match patch {
        Patch::Json(operations) => {
            modify(cluster, call, |current| {
                let mut new = current.clone();
                json_patch::patch(&mut new, operations).map_err(|error| Refusal::Invalid {
                target: call.resource.target(call.path.name.as_deref().unwrap_or_default()),
                causes: vec![crate::lab::apiserver::refusal::Cause {
                    reason: "FieldValueInvalid",
                    message: format!("the server rejected our request due to an error in our request: {error}"),
                    field: "patch".to_owned(),
                }],
            })?;
                Ok((object(new)?, Ownership::Track))
            })
        }
        Patch::Merge(changes) => modify(cluster, call, |current| {
            let mut new = current.clone();
            json_patch::merge(&mut new, changes);
            Ok((object(new)?, Ownership::Track))
        }),
        Patch::Strategic(changes) => modify(cluster, call, |current| {
            let mut new = current.clone();
            strategic::merge(Shape::of(&call.resource), &mut new, changes)?;
            Ok((object(new)?, Ownership::Track))
        }),
        Patch::Apply(wish) => apply(cluster, call, wish),
    }
}

fn apply(cluster: &Cluster, call: &Call, wish: &Value) -> Result<Written, Refusal> {
    if call.parameters.text("fieldManager").is_none() {
        return Err(Refusal::Invalid {
            target: call.resource.target(call.name()?),
            causes: vec![crate::lab::apiserver::refusal::Cause::required(
                "fieldManager",
                "is required for apply patch",
            )],
        });
    }
    if wish["kind"].is_null() || wish["apiVersion"].is_null() {
        return Err(Refusal::BadRequest(
            "apiVersion and kind must be set in an apply configuration".to_owned(),
        ));
    }
    check_kind(call, wish)?;
    metadata::check_types(wish)?;
    if !wish["metadata"]["managedFields"].is_null() {
        return Err(Refusal::BadRequest("metadata.managedFields must be nil".to_owned()));
    }
    let given = metadata::text(wish, "name");
    if !given.is_empty() && given != call.name()? {
        return Err(Refusal::BadRequest(format!(
            "the name of the object ({given}) does not match the name on the URL ({})",
            call.name()?
        )));
    }
    let mut wish = wish.clone();
    without_nulls(&mut wish);
    if call.resource.custom.is_none() {
        kinds::write_quantities(&mut wish);
    }
    let writer = call.writer();
    let shape = Shape::of(&call.resource);
    let force = call.parameters.flag("force");
    let exists = cluster.store.get(&call.resource.id, &call.key()?).is_some();
    if !exists && call.subresource().is_empty() {
        access::require(cluster, call, "create")?;
        let applied = ownership::apply(shape, &Value::Null, &wish, &writer, force)
            .map_err(Refusal::ApplyConflict)?;
        let mut object = applied;
        object["kind"] = call.resource.kind.as_str().into();
        object["apiVersion"] = call.resource.api_version().into();
        metadata::of(&mut object)?.insert("name".to_owned(), call.name()?.into());
        return create(cluster, call, object);
    }
    // What the request may not change is neither wanted nor owned.
    if let Some(members) = wish.as_object_mut() {
        match call.subresource() {
            "status" => members.retain(|name, _| name == "status" || name == "metadata"),
            _ if call.resource.has_status() => {
                members.shift_remove("status");
            }
            _ => {}
        }
    }
    modify(cluster, call, |current| {
        let applied = ownership::apply(shape, current, &wish, &writer, force)
            .map_err(Refusal::ApplyConflict)?;
        Ok((applied, Ownership::Set))
    })
}

/// A null in an apply means: not wanted.
fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(without_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(without_nulls),
        _ => {}
    }
}
