//! Where an object does not have the types of its kind, in the words of a real API server.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use super::typed;
use crate::lab::apiserver::resource::Resource;

/// Returns what is wrong with the types of an object; `None` if the schema of its kind does not tell.
pub(super) fn explain(resource: &Resource, value: &Value) -> Option<String> {
    let mut generator = SchemaSettings::openapi3().into_generator();
    let schema = typed::schema(resource, &mut generator)?.to_value();
    let definitions: Map<String, Value> = generator.take_definitions(true).into_iter().collect();
    walk(&definitions, &schema, value, "")
}

/// Follows references to where a schema is spelled out.
fn resolve<'a>(definitions: &'a Map<String, Value>, mut schema: &'a Value) -> &'a Value {
    for _ in 0..8 {
        let reference = &schema["$ref"];
        let reference = if reference.is_null() { &schema["allOf"][0]["$ref"] } else { reference };
        let name = reference.as_str().and_then(|path| path.rsplit('/').next());
        match name.and_then(|name| definitions.get(name)) {
            Some(found) => schema = found,
            None => break,
        }
    }
    schema
}

fn walk(
    definitions: &Map<String, Value>,
    schema: &Value,
    value: &Value,
    path: &str,
) -> Option<String> {
    let schema = resolve(definitions, schema);
    let free = schema["x-kubernetes-int-or-string"] == true || schema["type"].is_null();
    if value.is_null() || free {
        return None;
    }
    let (wanted, found) = (schema["type"].as_str()?, word(value));
    let fits = match wanted {
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        other => other == found,
    };
    if !fits {
        let wanted = match (wanted, schema["format"].as_str()) {
            ("integer", Some(format)) => format,
            ("integer", None) => "int64",
            ("boolean", _) => "bool",
            ("array", _) => "[]",
            ("object", _) => "map",
            (other, _) => other,
        };
        return Some(format!(
            "json: cannot unmarshal {found} into Go struct field {path} of type {wanted}"
        ));
    }
    match value {
        Value::Object(members) => members.iter().find_map(|(name, member)| {
            let known = schema["properties"].get(name);
            let schema = known.or_else(|| schema.get("additionalProperties"));
            let at = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            walk(definitions, schema?, member, &at)
        }),
        Value::Array(items) => items.iter().enumerate().find_map(|(index, item)| {
            walk(definitions, schema.get("items")?, item, &format!("{path}[{index}]"))
        }),
        _ => None,
    }
}

fn word(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::lab::apiserver::builtin;

    #[test]
    fn wrong_types_are_named_with_their_place() {
        let pod = builtin::resources().find(|r| r.kind == "Pod").unwrap();
        for (spec, wanted) in [
            (
                json!({"containers": [{"name": "c", "image": 7}]}),
                "json: cannot unmarshal number into Go struct field spec.containers[0].image of type string",
            ),
            (
                json!({"containers": [{"ports": [{"containerPort": "80"}]}]}),
                "json: cannot unmarshal string into Go struct field spec.containers[0].ports[0].containerPort of type int32",
            ),
            (
                json!({"hostNetwork": "yes"}),
                "json: cannot unmarshal string into Go struct field spec.hostNetwork of type bool",
            ),
            (
                json!({"nodeSelector": {"a": 1}}),
                "json: cannot unmarshal number into Go struct field spec.nodeSelector.a of type string",
            ),
        ] {
            let found = explain(&pod, &json!({"metadata": {}, "spec": spec}));
            assert_eq!(found.as_deref(), Some(wanted));
        }
        let fine = json!({"spec": {"containers": [{"resources": {"limits": {"cpu": 1}}}]}});
        assert_eq!(explain(&pod, &fine), None);
    }
}
