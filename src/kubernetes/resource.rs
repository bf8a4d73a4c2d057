//! Kinds by name, for objects without a type of their own.

use kube::{
    ResourceExt,
    api::{ApiResource, DynamicObject, GroupVersionKind},
};
use serde_json::{Map, Value, json};

/// Returns how the API server calls a kind.
pub fn resource(group: &str, version: &str, kind: &str, plural: &str) -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural)
}

/// Returns an object as JSON with what people write of its metadata and some other fields; what is null
/// is left out.
pub fn written(object: &DynamicObject, fields: &[&str]) -> Value {
    let meta = &object.metadata;
    let mut metadata = json!({
        "name": object.name_any(), "namespace": meta.namespace,
        "labels": meta.labels, "annotations": meta.annotations,
    });
    if let Some(metadata) = metadata.as_object_mut() {
        metadata.retain(|_, value| !value.is_null());
    }
    let mut json = Map::from_iter([("metadata".to_owned(), metadata)]);
    for field in fields {
        if let Some(value) = object.data.get(*field).filter(|value| !value.is_null()) {
            json.insert((*field).to_owned(), value.clone());
        }
    }
    Value::Object(json)
}
