//! Writing objects and lists into responses, in the form the client asked for.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::accept::Form;
use super::call::Call;
use super::resource::Resource;
use super::store::{EventKind, Object, head};
use super::table;

/// Returns a JSON response.
pub(super) fn json(code: StatusCode, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::from(body.into()));
    *response.status_mut() = code;
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// Returns a response with one object in the form of the call.
pub(super) fn object(call: &Call, code: StatusCode, object: &Object) -> Response<Body> {
    let body = match call.form {
        Form::Json if call.view.is_some() => viewed(call, object.value()).to_string().into(),
        Form::Json => encode(&call.resource, object),
        Form::Metadata => written(&Partial::of(&object.value())).into(),
        Form::Table => {
            let include = include_object(call);
            let value = table::read(&call.resource, include, object);
            let values = std::slice::from_ref(&value);
            written(&table::of(&call.resource, values, include, &value["metadata"])).into()
        }
    };
    with_warnings(call, json(code, body))
}

/// Returns a response with a value that is not stored.
pub(super) fn value(call: &Call, code: StatusCode, value: &Value) -> Response<Body> {
    let body = match call.form {
        Form::Json => viewed(call, value.clone()).to_string(),
        Form::Metadata => written(&Partial::of(value)),
        Form::Table => {
            let values = std::slice::from_ref(value);
            let include = include_object(call);
            written(&table::of(&call.resource, values, include, &value["metadata"]))
        }
    };
    with_warnings(call, json(code, body))
}

fn with_warnings(call: &Call, mut response: Response<Body>) -> Response<Body> {
    for warning in call.warnings() {
        let escaped = warning.replace('\\', "\\\\").replace('"', "\\\"");
        if let Ok(value) = HeaderValue::try_from(format!("299 - \"{escaped}\"")) {
            response.headers_mut().append(header::WARNING, value);
        }
    }
    response
}

/// How much of each object a table carries.
pub(super) fn include_object(call: &Call) -> table::Include {
    match call.parameters.text("includeObject") {
        Some("Object") => table::Include::Object,
        Some("None") => table::Include::Nothing,
        _ => table::Include::Metadata,
    }
}

/// Turns an object into what the path of the call shows of it.
fn viewed(call: &Call, mut value: Value) -> Value {
    if let Some((view, alias)) = call.view.as_ref().and_then(|v| Some((v, v.alias?))) {
        alias.outward(&mut value, view);
    }
    value
}

/// Returns the JSON of an object in the version of the resource.
fn encode(resource: &Resource, object: &Object) -> Bytes {
    let head = head(&resource.kind, &resource.api_version());
    let json = object.json();
    if json.starts_with(head.as_bytes()) {
        return json;
    }
    let mut out = head.into_bytes();
    out.extend_from_slice(&object.members());
    out.into()
}

/// The metadata of an object as an object of its own.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename = "PartialObjectMetadata", rename_all = "camelCase")]
pub(super) struct Partial<'a> {
    api_version: &'static str,
    metadata: &'a Value,
}

impl<'a> Partial<'a> {
    pub(super) fn of(object: &'a Value) -> Self {
        Self { api_version: "meta.k8s.io/v1", metadata: &object["metadata"] }
    }
}

fn written(answer: &impl Serialize) -> String {
    serde_json::to_string(answer).expect("JSON values and text serialise")
}

/// Returns a response with a list; `metadata` is that of the list.
pub(super) fn list(
    call: &Call,
    objects: &[Arc<Object>],
    metadata: Map<String, Value>,
) -> Response<Body> {
    let resource = &*call.resource;
    let metadata = Value::Object(metadata);
    let body = match call.form {
        Form::Json if call.view.is_some() => {
            let view = call.view.as_ref().unwrap_or(&call.resource);
            let items: Vec<Value> = objects.iter().map(|o| viewed(call, o.value())).collect();
            json!({"kind": view.list_kind, "apiVersion": view.api_version(),
                "metadata": metadata, "items": items})
            .to_string()
            .into()
        }
        Form::Json => {
            let size: usize = objects.iter().map(|o| o.members().len() + 2).sum();
            let mut out = head(&resource.list_kind, &resource.api_version()).into_bytes();
            out.reserve(size + 256);
            out.extend_from_slice(format!(",\"metadata\":{metadata},\"items\":[").as_bytes());
            let head = head(&resource.kind, &resource.api_version());
            for (index, object) in objects.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                let members = object.members();
                if resource.custom.is_some() {
                    out.extend_from_slice(head.as_bytes());
                    out.extend_from_slice(&members);
                } else {
                    // Items of typed lists leave out kind and apiVersion.
                    out.push(b'{');
                    out.extend_from_slice(&members[1..]);
                }
            }
            out.extend_from_slice(b"]}");
            out
        }
        Form::Metadata => {
            let values: Vec<Value> = objects.iter().map(|o| o.value()).collect();
            let items: Vec<Partial<'_>> = values.iter().map(Partial::of).collect();
            written(&json!({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1",
                "metadata": metadata, "items": items}))
            .into()
        }
        Form::Table => table::of_many(resource, objects, include_object(call), &metadata),
    };
    json(StatusCode::OK, body)
}

/// Returns a line of a watch; `first` is whether a table has to define its columns.
pub(super) fn line(call: &Call, kind: EventKind, object: &Object, first: bool) -> Bytes {
    let body = match call.form {
        Form::Json if call.view.is_some() => viewed(call, object.value()),
        Form::Json => {
            let line = object.line(kind);
            let head = head(&call.resource.kind, &call.resource.api_version());
            if object.json().starts_with(head.as_bytes()) {
                return line;
            }
            let mut out = format!("{{\"type\":\"{}\",\"object\":{head}", kind.word()).into_bytes();
            out.extend_from_slice(&object.members());
            out.extend_from_slice(b"}\n");
            return out.into();
        }
        Form::Metadata => json!(Partial::of(&object.value())),
        Form::Table => {
            let include = include_object(call);
            let value = table::read(&call.resource, include, object);
            let metadata = json!({"resourceVersion": object.revision.to_string()});
            let values = std::slice::from_ref(&value);
            let mut table = table::of(&call.resource, values, include, &metadata);
            if !first {
                table.column_definitions = None;
            }
            json!(table)
        }
    };
    format!("{}\n", json!({"type": kind.word(), "object": body})).into()
}
