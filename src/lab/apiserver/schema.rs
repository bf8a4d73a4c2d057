//! Structural schemas: pruning, defaulting and validating values by OpenAPI v3.

use serde_json::Value;

use super::formats;
use super::pattern;
use super::refusal::Cause;

/// Members of every object that schemas do not describe.
const ALWAYS: &[&str] = &["apiVersion", "kind", "metadata"];

fn flag(schema: &Value, name: &str) -> bool {
    schema[name] == true
}

fn is_embedded(schema: &Value, root: bool) -> bool {
    root || flag(schema, "x-kubernetes-embedded-resource")
}

/// Removes fields that the schema does not have; returns their paths.
pub(super) fn prune(schema: &Value, value: &mut Value) -> Vec<String> {
    let mut unknown = Vec::new();
    prune_at(schema, value, "", true, &mut unknown);
    unknown
}

fn prune_at(schema: &Value, value: &mut Value, path: &str, root: bool, unknown: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            let keep = flag(schema, "x-kubernetes-preserve-unknown-fields");
            let properties = schema.get("properties");
            let additional =
                schema.get("additionalProperties").filter(|a| **a != Value::Bool(false));
            let embedded = is_embedded(schema, root);
            members.retain(|name, member| {
                let at = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                if embedded && ALWAYS.contains(&name.as_str()) {
                    return true;
                }
                match (properties.and_then(|p| p.get(name)), additional) {
                    (Some(schema), _) => prune_at(schema, member, &at, false, unknown),
                    (None, Some(Value::Bool(_))) => {}
                    (None, Some(schema)) => prune_at(schema, member, &at, false, unknown),
                    (None, None) if keep => {}
                    (None, None) => {
                        unknown.push(at);
                        return false;
                    }
                }
                true
            });
        }
        Value::Array(items) => {
            let Some(schema) = schema.get("items") else { return };
            for (index, item) in items.iter_mut().enumerate() {
                prune_at(schema, item, &format!("{path}[{index}]"), false, unknown);
            }
        }
        _ => {}
    }
}

/// Sets the defaults of absent fields.
pub(super) fn default(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
                let nullable = flag(schema, "nullable");
                match (members.get_mut(name), schema.get("default")) {
                    (None, Some(value)) => {
                        members.insert(name.clone(), value.clone());
                    }
                    (Some(member), Some(value)) if member.is_null() && !nullable => {
                        *member = value.clone();
                    }
                    _ => {}
                }
                if let Some(member) = members.get_mut(name) {
                    default(schema, member);
                }
            }
            if let Some(additional) = schema.get("additionalProperties").filter(|a| a.is_object()) {
                let known = schema.get("properties");
                for (name, member) in members.iter_mut() {
                    if known.and_then(|k| k.get(name)).is_none() {
                        default(additional, member);
                    }
                }
            }
        }
        Value::Array(items) => {
            if let Some(schema) = schema.get("items") {
                items.iter_mut().for_each(|item| default(schema, item));
            }
        }
        _ => {}
    }
}

/// Returns where a value violates the schema.
pub(super) fn validate(schema: &Value, value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    check(schema, value, "", true, &mut causes);
    causes
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn check(schema: &Value, value: &Value, path: &str, root: bool, causes: &mut Vec<Cause>) {
    if value.is_null() && flag(schema, "nullable") {
        return;
    }
    let found = type_name(value);
    if flag(schema, "x-kubernetes-int-or-string") {
        if !matches!(found, "integer" | "string") {
            causes.push(type_cause(path, "integer,string", found));
        }
        return;
    }
    if let Some(wanted) = schema["type"].as_str().filter(|t| !t.is_empty())
        && wanted != found
        && !(wanted == "number" && found == "integer")
    {
        causes.push(type_cause(path, wanted, found));
        return;
    }
    if let Some(allowed) = schema["enum"].as_array().filter(|allowed| !allowed.contains(value)) {
        let allowed: Vec<String> = allowed.iter().map(Value::to_string).collect();
        causes.push(Cause {
            reason: "FieldValueNotSupported",
            message: format!(
                "Unsupported value: {value}: supported values: {}",
                allowed.join(", ")
            ),
            field: path.to_owned(),
        });
    }
    match value {
        Value::Object(members) => {
            for name in
                schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str)
            {
                if !members.contains_key(name) {
                    causes.push(Cause::required(join(path, name), ""));
                }
            }
            check_count(schema, "Properties", members.len(), path, value, causes);
            for (name, member) in members {
                if root && matches!(name.as_str(), "metadata" | "kind" | "apiVersion") {
                    continue;
                }
                let known = schema["properties"].get(name);
                if let Some(schema) =
                    known.or_else(|| schema.get("additionalProperties").filter(|a| a.is_object()))
                {
                    check(schema, member, &join(path, name), false, causes);
                }
            }
        }
        Value::Array(items) => {
            check_count(schema, "Items", items.len(), path, value, causes);
            if let Some(schema) = schema.get("items") {
                for (index, item) in items.iter().enumerate() {
                    check(schema, item, &format!("{path}[{index}]"), false, causes);
                }
            }
            check_unique(schema, items, path, causes);
        }
        Value::String(text) => {
            check_count(schema, "Length", text.chars().count(), path, value, causes);
            if let Some(pattern) = schema["pattern"].as_str().filter(|p| !pattern::matches(p, text))
            {
                let detail = format!("{path} in body should match '{pattern}'");
                causes.push(Cause::invalid(path, value, &detail));
            }
            if let Some(format) = schema["format"].as_str().filter(|f| !formats::holds(f, text)) {
                let detail = format!("{path} in body must be of type {format}: {value}");
                causes.push(Cause::invalid(path, value, &detail));
            }
        }
        Value::Number(number) => {
            check_range(schema, number.as_f64().unwrap_or_default(), path, value, causes);
            check_width(schema, value, path, causes);
        }
        _ => {}
    }
    check_combined(schema, value, path, causes);
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn type_cause(path: &str, wanted: &str, found: &str) -> Cause {
    Cause {
        reason: "FieldValueTypeInvalid",
        message: format!(
            "Invalid value: {found:?}: {path} in body must be of type {wanted}: {found:?}"
        ),
        field: path.to_owned(),
    }
}

fn check_count(
    schema: &Value,
    what: &str,
    count: usize,
    path: &str,
    value: &Value,
    causes: &mut Vec<Cause>,
) {
    let bound = |name: String| schema[name.as_str()].as_u64();
    let count = count as u64;
    if let Some(most) = bound(format!("max{what}")).filter(|most| count > *most) {
        causes.push(match what {
            "Length" => Cause::too_long(path, usize::try_from(most).unwrap_or(usize::MAX)),
            _ => Cause {
                reason: "FieldValueTooMany",
                message: format!("Too many: {count}: must have at most {most} items"),
                field: path.to_owned(),
            },
        });
    }
    if let Some(least) = bound(format!("min{what}")).filter(|least| count < *least) {
        let unit = if what == "Length" { "chars long" } else { "items" };
        let verb = if what == "Length" { "be" } else { "have" };
        let detail = format!("{path} in body should {verb} at least {least} {unit}");
        causes.push(Cause::invalid(path, value, &detail));
    }
}

fn check_range(schema: &Value, number: f64, path: &str, value: &Value, causes: &mut Vec<Cause>) {
    let exclusive = |name: &str| flag(schema, name);
    if let Some(most) = schema["maximum"].as_f64()
        && (number > most || (number >= most && exclusive("exclusiveMaximum")))
    {
        let detail = format!("{path} in body should be less than or equal to {most}");
        causes.push(Cause::invalid(path, value, &detail));
    }
    if let Some(least) = schema["minimum"].as_f64()
        && (number < least || (number <= least && exclusive("exclusiveMinimum")))
    {
        let detail = format!("{path} in body should be greater than or equal to {least}");
        causes.push(Cause::invalid(path, value, &detail));
    }
}

/// Whole numbers of a format fit into its bits, and multiples are multiples.
fn check_width(schema: &Value, value: &Value, path: &str, causes: &mut Vec<Cause>) {
    let fits = match schema["format"].as_str() {
        Some("int32") => value.as_i64().is_some_and(|n| i32::try_from(n).is_ok()),
        Some("int64") => value.is_i64(),
        _ => true,
    };
    if !fits {
        let format = schema["format"].as_str().unwrap_or_default();
        let detail = format!("{path} in body must be of type {format}: {value}");
        causes.push(Cause::invalid(path, value, &detail));
    }
    let (number, step) = (value.as_f64().unwrap_or_default(), schema["multipleOf"].as_f64());
    if let Some(step) = step.filter(|step| *step > 0.0 && (number / step).fract() != 0.0) {
        let detail = format!("{path} in body should be a multiple of {step}");
        causes.push(Cause::invalid(path, value, &detail));
    }
}

/// Sets have no equal items, maps no equal keys.
fn check_unique(schema: &Value, items: &[Value], path: &str, causes: &mut Vec<Cause>) {
    let keys: Vec<&str> = match schema["x-kubernetes-list-type"].as_str() {
        Some("set") => Vec::new(),
        Some("map") => schema["x-kubernetes-list-map-keys"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect(),
        _ => return,
    };
    let mut seen = std::collections::HashSet::new();
    for (index, item) in items.iter().enumerate() {
        let id = if keys.is_empty() {
            item.to_string()
        } else {
            keys.iter().map(|key| item[*key].to_string()).collect::<Vec<_>>().join(",")
        };
        if !seen.insert(id) {
            causes.push(Cause {
                reason: "FieldValueDuplicate",
                message: format!("Duplicate value: {item}"),
                field: format!("{path}[{index}]"),
            });
        }
    }
}

fn check_combined(schema: &Value, value: &Value, path: &str, causes: &mut Vec<Cause>) {
    let holds = |schema: &Value| {
        let mut found = Vec::new();
        check(schema, value, path, false, &mut found);
        found.is_empty()
    };
    for schema in schema["allOf"].as_array().into_iter().flatten() {
        check(schema, value, path, false, causes);
    }
    let mut failed = |name: &str| {
        let detail = format!("{path:?} must validate {name} schema");
        causes.push(Cause::invalid(path, value, &detail));
    };
    if schema["anyOf"].as_array().is_some_and(|any| !any.iter().any(holds)) {
        failed("at least one");
    }
    if schema["oneOf"].as_array().is_some_and(|one| one.iter().filter(|s| holds(s)).count() != 1) {
        failed("one and only one");
    }
    if schema.get("not").is_some_and(holds) {
        failed("no");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn widget() -> Value {
        json!({"type": "object", "properties": {"spec": {"type": "object", "required": ["size"],
            "properties": {
                "size": {"type": "integer", "minimum": 1},
                "mode": {"type": "string", "enum": ["a", "b"], "default": "a"},
                "port": {"x-kubernetes-int-or-string": true},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                "tags": {"type": "array", "items": {"type": "string", "maxLength": 3}, "x-kubernetes-list-type": "set"}}}}})
    }

    #[test]
    fn unknown_fields_go_and_defaults_come() {
        let mut value = json!({"metadata": {"name": "x"}, "spec": {"size": 1, "junk": 1, "free": {"any": 1}}, "more": 1});
        assert_eq!(prune(&widget(), &mut value), ["spec.junk", "more"]);
        default(&widget(), &mut value);
        assert_eq!(
            value,
            json!({"metadata": {"name": "x"}, "spec": {"size": 1, "free": {"any": 1}, "mode": "a"}})
        );
    }

    #[test]
    fn violations_are_named_as_kubernetes_does() {
        let first = |spec: Value| {
            validate(&widget(), &json!({"spec": spec}))
                .into_iter()
                .next()
                .map(|c| (c.reason, c.field))
        };
        assert_eq!(first(json!({"size": 1, "port": "http", "tags": ["a", "b"]})), None);
        for (spec, reason, field) in [
            (json!({"size": "1"}), "FieldValueTypeInvalid", "spec.size"),
            (json!({"size": 0}), "FieldValueInvalid", "spec.size"),
            (json!({}), "FieldValueRequired", "spec.size"),
            (json!({"size": 1, "mode": "c"}), "FieldValueNotSupported", "spec.mode"),
            (json!({"size": 1, "tags": ["a", "a"]}), "FieldValueDuplicate", "spec.tags[1]"),
            (json!({"size": 1, "tags": ["long"]}), "FieldValueTooLong", "spec.tags[0]"),
        ] {
            assert_eq!(first(spec), Some((reason, field.to_owned())));
        }
        let message = &validate(&widget(), &json!({"spec": {"size": "1"}}))[0].message;
        assert_eq!(
            message,
            "Invalid value: \"string\": spec.size in body must be of type integer: \"string\""
        );
    }
}
