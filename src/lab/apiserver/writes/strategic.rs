//! Strategic merge patches: merge patches that know which lists have keys.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::lab::apiserver::ownership::{ListShape, Shape};
use crate::lab::apiserver::refusal::Refusal;

const DIRECTIVE: &str = "$patch";
const RETAIN: &str = "$retainKeys";
const DELETE_FROM: &str = "$deleteFromPrimitiveList/";
const ORDER: &str = "$setElementOrder/";

/// Merges a patch into an object.
pub(super) fn merge(shape: Shape<'_>, target: &mut Value, patch: &Value) -> Result<(), Refusal> {
    let Value::Object(changes) = patch else {
        target.clone_from(patch);
        return Ok(());
    };
    match changes.get(DIRECTIVE).and_then(Value::as_str) {
        Some("replace") => {
            *target = plain(patch);
            return Ok(());
        }
        Some("delete") => {
            *target = Value::Null;
            return Ok(());
        }
        Some("merge") | None => {}
        Some(other) => {
            return Err(Refusal::BadRequest(format!("unknown patch directive {other:?}")));
        }
    }
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(members) = target else { return Ok(()) };
    if let Some(keep) = changes.get(RETAIN).and_then(Value::as_array) {
        members.retain(|name, _| keep.iter().any(|k| k.as_str() == Some(name)));
    }
    for (name, change) in changes {
        if let Some(list) = name.strip_prefix(DELETE_FROM) {
            delete_from(members, list, change);
        } else if name.starts_with('$') {
            continue;
        } else if change.is_null() {
            // Removed below, all at once: one by one takes quadratic time.
        } else if let Value::Array(items) = change {
            let order = changes.get(&format!("{ORDER}{name}")).and_then(Value::as_array);
            let list = members.entry(name.clone()).or_insert_with(|| Value::Array(Vec::new()));
            merge_list(shape.member(name), list, items, order)?;
        } else if change.is_object() {
            let member = members.entry(name.clone()).or_insert(Value::Null);
            merge(shape.member(name), member, change)?;
            if member.is_null() {
                members.shift_remove(name);
            }
        } else {
            members.insert(name.clone(), change.clone());
        }
    }
    // An order without a change of the list itself only reorders.
    for (name, order) in changes.iter().filter_map(|(n, v)| Some((n.strip_prefix(ORDER)?, v))) {
        if let (Some(Value::Array(list)), Some(order)) = (members.get_mut(name), order.as_array()) {
            reorder(shape.member(name), list, order);
        }
    }
    let nulls: HashSet<&String> =
        changes.iter().filter(|(_, change)| change.is_null()).map(|(name, _)| name).collect();
    if !nulls.is_empty() {
        members.retain(|name, _| !nulls.contains(name));
    }
    Ok(())
}

fn delete_from(members: &mut Map<String, Value>, list: &str, gone: &Value) {
    if let (Some(Value::Array(list)), Some(gone)) = (members.get_mut(list), gone.as_array()) {
        list.retain(|item| !gone.contains(item));
    }
}

fn merge_list(
    shape: Shape<'_>,
    target: &mut Value,
    patch: &[Value],
    order: Option<&Vec<Value>>,
) -> Result<(), Refusal> {
    let replace = patch.iter().any(|item| item[DIRECTIVE] == "replace");
    let Value::Array(items) = target else {
        *target = Value::Array(Vec::new());
        return merge_list(shape, target, patch, order);
    };
    match shape.patch_list() {
        ListShape::Map(keys) if !replace => {
            let key = keys[0];
            for change in patch {
                let Some(id) = change.get(key) else {
                    return Err(Refusal::BadRequest(format!(
                        "map: {change} does not contain declared merge key: {key}"
                    )));
                };
                let at = items.iter().position(|item| item.get(key) == Some(id));
                if change[DIRECTIVE] == "delete" {
                    if let Some(at) = at {
                        items.remove(at);
                    }
                } else if let Some(at) = at {
                    merge(shape.item(), &mut items[at], change)?;
                } else {
                    items.push(plain(change));
                }
            }
        }
        ListShape::Set if !replace => {
            for change in patch {
                if !items.contains(change) {
                    items.push(change.clone());
                }
            }
        }
        _ => {
            *items = patch
                .iter()
                .filter(|item| {
                    item.get(DIRECTIVE).is_none() || item.as_object().is_some_and(|o| o.len() > 1)
                })
                .map(plain)
                .collect();
        }
    }
    if let Some(order) = order {
        reorder(shape, items, order);
    }
    Ok(())
}

/// Sorts items into the given order; items it does not name keep their place after the one before them.
fn reorder(shape: Shape<'_>, items: &mut Vec<Value>, order: &[Value]) {
    let rank = |item: &Value| match shape.patch_list() {
        ListShape::Map(keys) => order
            .iter()
            .position(|o| o.get(keys[0]).is_some_and(|id| item.get(keys[0]) == Some(id))),
        _ => order.iter().position(|o| o == item),
    };
    let mut last = 0;
    let mut ranked: Vec<(usize, Value)> = items
        .drain(..)
        .map(|item| {
            last = rank(&item).unwrap_or(last);
            (last, item)
        })
        .collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    items.extend(ranked.into_iter().map(|(_, item)| item));
}

/// Returns a value without the directives in it.
fn plain(value: &Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members
                .iter()
                .filter(|(name, value)| !name.starts_with('$') && !value.is_null())
                .map(|(name, value)| (name.clone(), plain(value)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(plain).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn patched(target: &Value, patch: &Value) -> Value {
        let mut target = target.clone();
        merge(Shape::Builtin { parent: "", field: "" }, &mut target, patch).unwrap();
        target
    }

    #[test]
    fn keyed_lists_merge_by_key_and_others_are_replaced() {
        let pod = json!({"spec": {"containers": [{"name": "a", "image": "1", "args": ["x"]},
            {"name": "b", "image": "1"}], "tolerations": [{"key": "x"}]}});
        let patch = json!({"spec": {
            "$setElementOrder/containers": [{"name": "b"}, {"name": "a"}],
            "containers": [{"name": "a", "image": "2", "args": ["y"]}],
            "tolerations": [{"key": "y"}]}});
        assert_eq!(
            patched(&pod, &patch),
            json!({"spec": {"containers": [{"name": "b", "image": "1"},
                {"name": "a", "image": "2", "args": ["y"]}], "tolerations": [{"key": "y"}]}})
        );
    }

    #[test]
    fn directives_delete_and_replace() {
        let object = json!({"metadata": {"finalizers": ["a", "b"], "labels": {"x": "1", "y": "2"}},
            "spec": {"volumes": [{"name": "v", "emptyDir": {}}, {"name": "w"}],
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}});
        let patch = json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"], "labels": {"x": null}},
            "spec": {"volumes": [{"name": "v", "$patch": "delete"}],
            "strategy": {"$retainKeys": ["type"], "type": "Recreate"}}});
        assert_eq!(
            patched(&object, &patch),
            json!({"metadata": {"finalizers": ["b"], "labels": {"y": "2"}},
                "spec": {"volumes": [{"name": "w"}], "strategy": {"type": "Recreate"}}})
        );
        let replaced =
            patched(&object, &json!({"spec": {"volumes": [{"$patch": "replace"}, {"name": "z"}]}}));
        assert_eq!(replaced["spec"]["volumes"], json!([{"name": "z"}]));
    }

    #[test]
    fn an_item_without_its_key_is_refused() {
        let mut pod = json!({"spec": {"containers": [{"name": "a"}]}});
        let patch = json!({"spec": {"containers": [{"image": "x"}]}});
        assert!(merge(Shape::Builtin { parent: "", field: "" }, &mut pod, &patch).is_err());
    }
}
