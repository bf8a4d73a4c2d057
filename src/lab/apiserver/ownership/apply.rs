//! Server-side apply: merge a manager's wishes into the live object, by ownership.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::entries::{self, Entry, Operation, Writer};
use super::shape::Shape;
use super::track::same;
use super::tree::{Tree, item_steps};
use crate::lab::apiserver::refusal::OwnedElsewhere;

/// Applies `wish` to `live` (null for a new object) and returns the object with its new managedFields. With `force`, conflicting fields change owner; without, they are reported.
pub(in crate::lab::apiserver) fn apply(
    shape: Shape<'_>,
    live: &Value,
    wish: &Value,
    writer: &Writer,
    force: bool,
) -> Result<Value, Vec<OwnedElsewhere>> {
    let mut entries = entries::read(live);
    let at = entries.iter().position(|entry| entry.is_of(writer, Operation::Apply));
    let mine = at.map(|at| entries.remove(at));
    let wanted = Tree::of_object(shape, wish);

    let mut differing = wanted.clone();
    differing.subtract(&same(shape, live, wish));
    let mut contested = if force { Tree::default() } else { differing.clone() };
    let applied_before = last_applied(live, writer);
    if let Some(before) = &applied_before {
        // Whoever moves from client-side to server-side apply has no conflict with themselves.
        contested.subtract(&Tree::of_object(shape, before));
    }
    let mut conflicts = Vec::new();
    for entry in &entries {
        for field in common_fields(&entry.fields, &contested) {
            conflicts.push(OwnedElsewhere { manager: entry.owner(), field });
        }
    }
    if !conflicts.is_empty() {
        return Err(conflicts);
    }
    if force || applied_before.is_some() {
        for entry in &mut entries {
            entry.fields.subtract(&differing);
        }
    }

    let mut object = if live.is_null() { Value::Object(Map::new()) } else { live.clone() };
    merge(shape, &mut object, wish);
    let previous = mine.as_ref().map(|entry| entry.fields.clone()).unwrap_or_default();
    let mut keep = wanted.clone();
    for entry in &entries {
        keep.add(&entry.fields);
    }
    let mut abandoned = previous.clone();
    abandoned.subtract(&keep);
    remove(shape, &mut object, &abandoned, &keep);

    // An apply that wants the same fields again is not news.
    let time = match &mine {
        Some(entry) if previous == wanted => entry.writer.time.clone(),
        _ => writer.time.clone(),
    };
    let writer = Writer { time, ..writer.clone() };
    entries.insert(
        at.unwrap_or(entries.len()),
        Entry { writer, operation: Operation::Apply, fields: wanted },
    );
    entries::write(&mut object, &entries);
    if applied_before.is_some() {
        object["metadata"]["annotations"][LAST_APPLIED] = wish.to_string().into();
    }
    Ok(object)
}

/// Where client-side apply keeps what it has applied.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Returns what kubectl has last applied on the client's side.
fn last_applied(live: &Value, writer: &Writer) -> Option<Value> {
    if writer.manager != "kubectl" {
        return None;
    }
    let text = live["metadata"]["annotations"][LAST_APPLIED].as_str()?;
    serde_json::from_str(text).ok().filter(Value::is_object)
}

/// Returns the paths of leaves in both sets, as messages show them.
fn common_fields(a: &Tree, b: &Tree) -> Vec<String> {
    fn walk(a: &Tree, b: &Tree, path: &str, out: &mut Vec<String>) {
        if a.this && b.this && (a.children.is_empty() || b.children.is_empty()) {
            out.push(path.to_owned());
        }
        for (step, ours) in &b.children {
            if let Some(theirs) = a.child(step) {
                walk(theirs, ours, &format!("{path}{}", shown(step)), out);
            }
        }
    }
    let mut out = Vec::new();
    walk(a, b, "", &mut out);
    out
}

/// `f:x` is shown as `.x`, `k:{"name":"c"}` as `[name="c"]`, `v:1` as `[=1]`.
fn shown(step: &str) -> String {
    match step.split_at(2) {
        ("f:", name) => format!(".{name}"),
        ("k:", keys) => {
            let keys: Map<String, Value> = serde_json::from_str(keys).unwrap_or_default();
            let parts: Vec<String> = keys.iter().map(|(k, v)| format!("{k}={v}")).collect();
            format!("[{}]", parts.join(","))
        }
        (_, value) => format!("[={value}]"),
    }
}

fn merge(shape: Shape<'_>, live: &mut Value, wish: &Value) {
    match (live, wish) {
        (Value::Object(live), Value::Object(wish)) if !shape.map_is_atomic() => {
            for (name, member) in wish {
                match live.get_mut(name) {
                    Some(found) => merge(shape.member(name), found, member),
                    None => {
                        live.insert(name.clone(), member.clone());
                    }
                }
            }
        }
        (Value::Array(live), Value::Array(wish)) => {
            let (Some(have), Some(want)) = (item_steps(shape, live), item_steps(shape, wish))
            else {
                live.clone_from(wish);
                return;
            };
            for (step, item) in want.into_iter().zip(wish) {
                match have.iter().position(|other| *other == step) {
                    Some(at) => merge(shape.item(), &mut live[at], item),
                    None => live.push(item.clone()),
                }
            }
        }
        (live, wish) => live.clone_from(wish),
    }
}

/// Removes abandoned fields, but nothing that lies on the way to a field in `keep`.
fn remove(shape: Shape<'_>, value: &mut Value, abandoned: &Tree, keep: &Tree) {
    let none = Tree::default();
    match value {
        Value::Object(members) => {
            let mut gone = HashSet::new();
            for (step, child) in &abandoned.children {
                let Some(name) = step.strip_prefix("f:") else { continue };
                let Some(member) = members.get_mut(name) else { continue };
                let kept = keep.child(step);
                if !child.children.is_empty() {
                    remove(shape.member(name), member, child, kept.unwrap_or(&none));
                }
                let empty = member.as_object().is_some_and(Map::is_empty)
                    || member.as_array().is_some_and(Vec::is_empty);
                if kept.is_none() && (child.children.is_empty() || empty) {
                    gone.insert(name);
                }
            }
            if !gone.is_empty() {
                members.retain(|name, _| !gone.contains(name.as_str()));
            }
        }
        Value::Array(items) => {
            let Some(steps) = item_steps(shape, items) else { return };
            let mut steps = steps.into_iter();
            items.retain_mut(|item| {
                let step = steps.next().unwrap_or_default();
                let Some(child) = abandoned.child(&step) else { return true };
                match keep.child(&step) {
                    None => !child.this,
                    Some(kept) => {
                        remove(shape.item(), item, child, kept);
                        true
                    }
                }
            });
        }
        _ => {}
    }
}
