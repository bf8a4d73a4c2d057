//! OpenAPI documents: what `kubectl explain` shows, and what lets kubectl leave validation to the server.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock};

use bytes::Bytes;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::catalog::Catalog;
use super::kinds;
use super::resource::Resource;

fn segment(group: &str, version: &str) -> String {
    if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") }
}

fn is_built_in(catalog: &Catalog, group: &str, version: &str) -> bool {
    catalog.of(group, version).all(|resource| resource.custom.is_none())
}

/// Returns `/openapi/v3`: where the document of each group version is. The hash changes with the document.
pub(super) fn index(catalog: &Catalog) -> Value {
    let mut paths = Map::new();
    for (group, versions) in catalog.groups() {
        for version in versions {
            let at = segment(group, version);
            let digest = if is_built_in(catalog, group, version) {
                // Such a document is the same as long as the program is.
                Sha256::digest(format!("{}/{at}", env!("CARGO_PKG_VERSION")))
            } else {
                Sha256::digest(custom(catalog, group, version))
            };
            let digest: String = digest[..16].iter().map(|b| format!("{b:02X}")).collect();
            let url = format!("/openapi/v3/{at}?hash={digest}");
            paths.insert(at, json!({"serverRelativeURL": url}));
        }
    }
    json!({"paths": paths})
}

/// Returns the document of one group version, if it is served.
pub(super) fn document(catalog: &Catalog, group: &str, version: &str) -> Option<Bytes> {
    static BUILT_IN: OnceLock<Mutex<HashMap<String, Bytes>>> = OnceLock::new();
    catalog.of(group, version).next()?;
    if !is_built_in(catalog, group, version) {
        return Some(custom(catalog, group, version));
    }
    let mut known = BUILT_IN.get_or_init(Mutex::default).lock().expect("no holder panics");
    let at = segment(group, version);
    Some(known.entry(at).or_insert_with(|| text(catalog, group, version).into()).clone())
}

fn custom(catalog: &Catalog, group: &str, version: &str) -> Bytes {
    let name = format!("openapi/{}", segment(group, version));
    catalog.document(&name, || text(catalog, group, version))
}

fn text(catalog: &Catalog, group: &str, version: &str) -> String {
    let mut generator = SchemaSettings::openapi3().into_generator();
    let metadata = reference(&generator.subschema_for::<ObjectMeta>());
    let mut paths = Map::new();
    let mut own = Vec::new();
    for resource in catalog.of(group, version) {
        let name = match kinds::schema(resource, &mut generator) {
            Some(schema) => reference(&schema),
            None => schema_name(resource),
        };
        let scope = if resource.namespaced { "/namespaces/{namespace}" } else { "" };
        let path = format!("/{}{scope}/{}/{{name}}", segment(group, version), resource.plural);
        paths.insert(path, operations(resource, &name));
        own.push((resource, name));
    }
    let mut schemas = definitions(generator);
    for (resource, name) in own {
        let schema = schemas.entry(name).or_insert_with(|| custom_schema(resource, &metadata));
        schema["x-kubernetes-group-version-kind"] = json!([kind_of(resource)]);
        // The types call it required; clients may leave it out.
        if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
            required.retain(|member| member != "metadata");
        }
    }
    json!({
        "openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "unversioned"},
        "paths": paths, "components": {"schemas": schemas},
    })
    .to_string()
}

fn definitions(mut generator: SchemaGenerator) -> Map<String, Value> {
    generator.take_definitions(true).into_iter().collect()
}

/// Returns the name at the end of a `$ref`.
fn reference(schema: &schemars::Schema) -> String {
    let target = schema.get("$ref").and_then(Value::as_str).unwrap_or_default();
    target.rsplit('/').next().unwrap_or_default().to_owned()
}

/// Completes the schema of a custom kind with the members that every object has.
fn custom_schema(resource: &Resource, metadata: &str) -> Value {
    let schema = resource.custom.as_ref().and_then(|custom| custom.schema.clone());
    let mut schema = schema.unwrap_or_else(|| json!({"type": "object"}));
    for (member, description) in [
        (
            "apiVersion",
            "APIVersion defines the versioned schema of this representation of an object.",
        ),
        ("kind", "Kind is a string value representing the REST resource this object represents."),
    ] {
        schema["properties"][member] = json!({"type": "string", "description": description});
    }
    schema["properties"]["metadata"] = json!({
        "description": "Standard object's metadata.",
        "allOf": [{"$ref": format!("#/components/schemas/{metadata}")}],
    });
    schema
}

fn kind_of(resource: &Resource) -> Value {
    json!({"group": resource.group, "version": resource.version, "kind": resource.kind})
}

/// Reversed group, version and kind, as the names of schemas are made.
fn schema_name(resource: &Resource) -> String {
    let group = if resource.group.is_empty() { "core" } else { &resource.group };
    let reversed: Vec<&str> = group.rsplit('.').collect();
    format!("{}.{}.{}", reversed.join("."), resource.version, resource.kind)
}

/// Returns the OpenAPI v2 document with its media type, as JSON or as protobuf.
///
/// It has no definitions: kubectl asks for it only when it is given a List, and leaves the items to the server then.
pub(super) fn version_two(accept: &str) -> (&'static str, Vec<u8>) {
    const PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
    const TITLE: &str = "Kubernetes";
    const VERSION: &str = "unversioned";
    if !accept.contains("proto-openapi.spec.v2") {
        let document =
            json!({"swagger": "2.0", "info": {"title": TITLE, "version": VERSION}, "paths": {}});
        return ("application/json", document.to_string().into_bytes());
    }
    let field = |number: u8, content: &[u8]| {
        let length = u8::try_from(content.len()).expect("the texts above are short");
        [&[number << 3 | 2, length], content].concat()
    };
    let info = [field(1, TITLE.as_bytes()), field(2, VERSION.as_bytes())].concat();
    (PROTOBUF, [field(1, b"2.0"), field(2, &info), field(8, &[])].concat())
}

fn field_validation() -> Value {
    json!([{"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}])
}

/// No request body is described: kubectl would compute strategic merges by it, and the schemas of the types do not
/// tell how lists are merged.
fn operations(resource: &Resource, schema: &str) -> Value {
    let answer = json!({"200": {"description": "OK", "content": {"application/json": {
        "schema": {"$ref": format!("#/components/schemas/{schema}")}}}}});
    json!({
        "get": {
            "x-kubernetes-action": "get", "x-kubernetes-group-version-kind": kind_of(resource),
            "responses": answer.clone(),
        },
        "patch": {
            "parameters": field_validation(),
            "x-kubernetes-action": "patch", "x-kubernetes-group-version-kind": kind_of(resource),
            "responses": answer,
        },
    })
}
