//! Ownership by ordinary writes: whoever changes a field owns it.

use serde_json::Value;

use super::entries::{self, Entry, Operation, Writer};
use super::shape::Shape;
use super::tree::{Tree, item_steps};

/// Gives the fields that a write changed to its writer, and takes fields that are gone from everyone.
pub(in crate::lab::apiserver) fn track(
    shape: Shape<'_>,
    old: Option<&Value>,
    new: &mut Value,
    writer: &Writer,
) {
    let mut entries = old.map(entries::read).unwrap_or_default();
    let mut changed = Tree::of_object(shape, new);
    if let Some(old) = old {
        changed.subtract(&same(shape, old, new));
        let mut gone = Tree::of_object(shape, old);
        gone.subtract(&Tree::of_object(shape, new));
        for entry in &mut entries {
            entry.fields.subtract(&gone);
            if !entry.is_of(writer, Operation::Update) {
                entry.fields.subtract(&changed);
            }
        }
    }
    if !changed.is_empty() {
        match entries.iter_mut().find(|entry| entry.is_of(writer, Operation::Update)) {
            Some(entry) => {
                entry.fields.add(&changed);
                entry.writer.time.clone_from(&writer.time);
            }
            None => entries.push(Entry {
                writer: writer.clone(),
                operation: Operation::Update,
                fields: changed,
            }),
        }
    }
    entries::write(new, &entries);
}

/// Returns the fields that both objects set to the same value.
pub(super) fn same(shape: Shape<'_>, a: &Value, b: &Value) -> Tree {
    if a == b {
        return Tree::of_value(shape, a);
    }
    let mut tree = Tree::default();
    match (a, b) {
        (Value::Object(a), Value::Object(b)) if !shape.map_is_atomic() => {
            for (name, member) in a {
                if let Some(other) = b.get(name) {
                    tree.put(format!("f:{name}"), same(shape.member(name), member, other));
                }
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            let (Some(left), Some(right)) = (item_steps(shape, a), item_steps(shape, b)) else {
                return tree;
            };
            for (step, item) in left.into_iter().zip(a) {
                if let Some(at) = right.iter().position(|other| *other == step) {
                    let mut child = same(shape.item(), item, &b[at]);
                    child.this = true;
                    tree.put(step, child);
                }
            }
        }
        _ => {}
    }
    tree
}
