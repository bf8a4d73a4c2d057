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
        let mut column = Column::new(&text("name"), move |object, now| match find(object, &path) {
            Some(time) if is_date => age::since(time, now).into(),
            Some(value @ (Value::Array(_) | Value::Object(_))) => value.to_string().into(),
            Some(value) => value.clone(),
            None => Value::Null,
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

/// Follows a simple JSON path: `.spec.x`, `.spec["a.b"]`, `.items[0].y`, `.conditions[?(@.type=="Ready")].status`.
pub(super) fn find<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    let mut found = value;
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('[') {
            let (inside, after) = after.split_once(']')?;
            rest = after;
            found = match inside.strip_prefix("?(@.").and_then(|f| f.strip_suffix(')')) {
                Some(filter) => {
                    let (member, wanted) = filter.split_once("==")?;
                    let wanted = wanted.trim().trim_matches(['"', '\'']);
                    found.as_array()?.iter().find(|item| item[member.trim()] == wanted)?
                }
                None => match inside.parse::<usize>() {
                    Ok(index) => found.get(index)?,
                    Err(_) => found.get(inside.trim_matches(['"', '\'']))?,
                },
            };
        } else {
            let name = rest.strip_prefix('.').unwrap_or(rest);
            let end = name.find(['.', '[']).unwrap_or(name.len());
            rest = &name[end..];
            let name = &name[..end];
            if !name.is_empty() {
                found = found.get(name)?;
            } else if rest.is_empty() {
                break;
            } else if rest.starts_with('.') {
                return None;
            }
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::find;

    #[test]
    fn printer_paths_are_followed() {
        let object = json!({"spec": {"a.b": 1, "list": [{"x": 2}]},
            "status": {"conditions": [{"type": "Ready", "status": "True"}]}});
        for (path, value) in [
            (".spec['a.b']", json!(1)),
            (".spec.list[0].x", json!(2)),
            (".status.conditions[?(@.type==\"Ready\")].status", json!("True")),
        ] {
            assert_eq!(find(&object, path), Some(&value), "{path}");
        }
        for absent in
            [".spec.none", ".spec.list[7]", ".spec..x", ".spec[", "spec.list[?(@.x==3)].x"]
        {
            assert_eq!(find(&object, absent), None, "{absent}");
        }
    }
}
