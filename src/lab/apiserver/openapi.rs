//! OpenAPI v3 documents: enough for kubectl to leave validation to the server.

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::catalog::Catalog;
use super::resource::Resource;

fn segment(group: &str, version: &str) -> String {
    if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") }
}

/// Returns `/openapi/v3`: where the document of each group version is. The hash changes with the document.
pub(super) fn index(catalog: &Catalog) -> Value {
    let mut paths = Map::new();
    for (group, versions) in catalog.groups() {
        for version in versions {
            let at = segment(group, version);
            let text = catalog.document(&format!("openapi/{at}"), || text(catalog, group, version));
            let digest: String =
                Sha256::digest(&text)[..16].iter().map(|b| format!("{b:02X}")).collect();
            let url = format!("/openapi/v3/{at}?hash={digest}");
            paths.insert(at, json!({"serverRelativeURL": url}));
        }
    }
    json!({"paths": paths})
}

/// Returns the document of one group version, if it is served.
pub(super) fn document(catalog: &Catalog, group: &str, version: &str) -> Option<bytes::Bytes> {
    catalog.of(group, version).next()?;
    let name = format!("openapi/{}", segment(group, version));
    Some(catalog.document(&name, || text(catalog, group, version)))
}

fn text(catalog: &Catalog, group: &str, version: &str) -> String {
    let mut paths = Map::new();
    let mut schemas = Map::new();
    for resource in catalog.of(group, version) {
        let scope = if resource.namespaced { "/namespaces/{namespace}" } else { "" };
        let path = format!("/{}{scope}/{}/{{name}}", segment(group, version), resource.plural);
        paths.insert(path, operations(resource));
        let mut schema = resource
            .custom
            .as_ref()
            .and_then(|custom| custom.schema.clone())
            .unwrap_or_else(|| json!({"type": "object"}));
        schema["x-kubernetes-group-version-kind"] = json!([kind_of(resource)]);
        schemas.insert(schema_name(resource), schema);
    }
    json!({
        "openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "unversioned"},
        "paths": paths, "components": {"schemas": schemas},
    })
    .to_string()
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

fn operations(resource: &Resource) -> Value {
    let answer = json!({"200": {"description": "OK", "content": {"application/json": {
        "schema": {"$ref": format!("#/components/schemas/{}", schema_name(resource))}}}}});
    let validation =
        json!([{"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}]);
    json!({
        "get": {
            "x-kubernetes-action": "get", "x-kubernetes-group-version-kind": kind_of(resource),
            "responses": answer.clone(),
        },
        "patch": {
            "parameters": validation,
            "x-kubernetes-action": "patch", "x-kubernetes-group-version-kind": kind_of(resource),
            "responses": answer,
        },
    })
}
