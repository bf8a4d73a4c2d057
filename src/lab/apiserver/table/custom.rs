//! The printer columns of custom resources.

use serde_json::Value;

use super::age;
use super::columns::{self, Column};

/// Returns the columns that a definition asks for.
pub(super) fn columns(definitions: &[Value]) -> Vec<Column> {
    let mut out = vec![columns::name()];
    for definition in definitions {
        let text = |member: &str| definition[member].as_str().unwrap_or_default().to_owned();
        let (path, kind) = (text("jsonPath"), text("type"));
        let is_date = kind == "date";
        let mut column = Column::new(&text("name"), move |object, now| {
            match find_all(object, &path).as_slice() {
                [] => Value::Null,
                [time, ..] if is_date => age::since(time, now).into(),
                [value] if !value.is_array() && !value.is_object() => (*value).clone(),
                all => all.iter().map(|value| shown(value)).collect::<Vec<_>>().join(" ").into(),
            }
        })
        .kind(&kind);
        column.priority = definition["priority"].as_i64().unwrap_or_default();
        column.description = text("description");
        out.push(column);
    }
    if definitions.is_empty() {
        out.push(columns::age());
    }
    out
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Follows a JSON path: `.spec.x`, `.spec["a.b"]`, `.a\.b`, `.items[0].y`, `.conditions[?(@.type=="Ready")].status`,
/// `.items[*].y`. Returns all that it leads to.
fn find_all<'a>(value: &'a Value, path: &str) -> Vec<&'a Value> {
    if path.is_empty() {
        return vec![value];
    }
    if let Some(after) = path.strip_prefix('[') {
        let Some((inside, rest)) = after.split_once(']') else { return Vec::new() };
        return chosen(value, inside).into_iter().flat_map(|item| find_all(item, rest)).collect();
    }
    let path = path.strip_prefix('.').unwrap_or(path);
    let end = end_of_name(path);
    let (name, rest) = path.split_at(end);
    match (name, rest) {
        ("", "") => vec![value],
        ("", rest) if rest.starts_with('.') => Vec::new(),
        ("", rest) => find_all(value, rest),
        (name, rest) => value.get(plain(name)).map_or_else(Vec::new, |found| find_all(found, rest)),
    }
}

/// Returns where a name ends: at a dot or bracket without a backslash before it.
fn end_of_name(path: &str) -> usize {
    let mut escaped = false;
    for (at, c) in path.char_indices() {
        match c {
            '\\' if !escaped => escaped = true,
            '.' | '[' if !escaped => return at,
            _ => escaped = false,
        }
    }
    path.len()
}

/// Removes quotes and backslashes.
fn plain(name: &str) -> String {
    name.trim_matches(['"', '\'']).replace('\\', "")
}

/// Returns what brackets choose: an item by its index, a member, items by a condition, all items.
fn chosen<'a>(value: &'a Value, inside: &str) -> Vec<&'a Value> {
    if inside == "*" {
        return match value {
            Value::Array(items) => items.iter().collect(),
            Value::Object(members) => members.values().collect(),
            _ => Vec::new(),
        };
    }
    let filter = inside.strip_prefix("?(@.").and_then(|filter| filter.strip_suffix(')'));
    if let Some((member, wanted)) = filter.and_then(|filter| filter.split_once("==")) {
        let wanted = wanted.trim().trim_matches(['"', '\'']);
        let items = value.as_array().into_iter().flatten();
        return items.filter(|item| item[member.trim()] == wanted).collect();
    }
    match inside.parse::<usize>() {
        Ok(index) => value.get(index).into_iter().collect(),
        Err(_) => value.get(plain(inside)).into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::find_all;

    #[test]
    fn printer_paths_are_followed() {
        let object = json!({"spec": {"a.b": 1, "list": [{"x": 2}]},
            "status": {"conditions": [{"type": "Ready", "status": "True"}]}});
        for (path, value) in [
            (".spec['a.b']", json!(1)),
            (r".spec['a\.b']", json!(1)),
            (r".spec.a\.b", json!(1)),
            (".spec.list[*].x", json!(2)),
            (".spec.list[0].x", json!(2)),
            (".status.conditions[?(@.type==\"Ready\")].status", json!("True")),
        ] {
            assert_eq!(find_all(&object, path), [&value], "{path}");
        }
        for absent in
            [".spec.none", ".spec.list[7]", ".spec..x", ".spec[", "spec.list[?(@.x==3)].x"]
        {
            assert!(find_all(&object, absent).is_empty(), "{absent}");
        }
    }
}
