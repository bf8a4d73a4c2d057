//! Whether the schemas of a definition are structural: every value has a type, so that objects can be pruned.

use serde_json::Value;

use crate::lab::apiserver::pattern;
use crate::lab::apiserver::refusal::Cause;
use crate::lab::apiserver::schema;

/// Levels of a schema, so that checking it takes no deep stack.
const DEPTH: usize = 64;
const TYPES: &[&str] = &["array", "boolean", "integer", "number", "object", "string"];

/// Checks the schema of one version.
pub(super) fn check(causes: &mut Vec<Cause>, schema: &Value, path: &str) {
    if schema["type"] != "object" {
        let detail = "must be object at the root";
        causes.push(match schema["type"].as_str() {
            None | Some("") => Cause::required(format!("{path}.type"), detail),
            Some(_) => Cause::invalid(format!("{path}.type"), &schema["type"], detail),
        });
    }
    walk(causes, schema, path, 0);
}

fn walk(causes: &mut Vec<Cause>, schema: &Value, path: &str, depth: usize) {
    if depth > DEPTH {
        causes.push(Cause::forbidden(path, "is nested too deeply"));
        return;
    }
    let free = schema["x-kubernetes-int-or-string"] == true
        || schema["x-kubernetes-preserve-unknown-fields"] == true;
    match schema["type"].as_str() {
        None | Some("") if !free => {
            let detail = "must not be empty for specified object fields";
            causes.push(Cause::required(format!("{path}.type"), detail));
        }
        Some(kind) if !kind.is_empty() && !TYPES.contains(&kind) => {
            causes.push(Cause::unsupported(format!("{path}.type"), &schema["type"], TYPES));
        }
        Some("array") if schema["items"].is_null() => {
            let detail = "must be specified for arrays";
            causes.push(Cause::required(format!("{path}.items"), detail));
        }
        _ => {}
    }
    if schema["x-kubernetes-preserve-unknown-fields"] == false {
        let field = format!("{path}.x-kubernetes-preserve-unknown-fields");
        causes.push(Cause::invalid(field, &false.into(), "must be true or undefined"));
    }
    if schema["properties"].is_object() && schema["additionalProperties"].is_object() {
        let detail = "additionalProperties and properties are mutual exclusive";
        causes.push(Cause::forbidden(format!("{path}.additionalProperties"), detail));
    }
    if let Some(text) = schema["pattern"].as_str()
        && let Err(error) = pattern::compile(text)
    {
        let detail = format!("must be a valid regular expression, but isn't: {error}");
        causes.push(Cause::invalid(format!("{path}.pattern"), &schema["pattern"], &detail));
    }
    if schema["x-kubernetes-list-type"] == "map"
        && schema["x-kubernetes-list-map-keys"].as_array().is_none_or(Vec::is_empty)
    {
        let detail = "must not be empty if x-kubernetes-list-type is map";
        causes.push(Cause::required(format!("{path}.x-kubernetes-list-map-keys"), detail));
    }
    check_default(causes, schema, path);
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        walk(causes, property, &format!("{path}.properties[{name}]"), depth + 1);
    }
    for member in ["items", "additionalProperties"] {
        if schema[member].is_object() {
            walk(causes, &schema[member], &format!("{path}.{member}"), depth + 1);
        }
    }
}

/// A default has to be a value that the schema allows.
fn check_default(causes: &mut Vec<Cause>, schema: &Value, path: &str) {
    let Some(default) = schema.get("default") else { return };
    for cause in schema::validate(schema, default) {
        let field = match cause.field.as_str() {
            "" => format!("{path}.default"),
            field => format!("{path}.default.{field}"),
        };
        causes.push(Cause { field, ..cause });
    }
}
