//! Sets of fields, as `fieldsV1` writes them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::shape::{ListShape, Shape};

/// A set of fields. A node is a member itself (`this`), contains members, or both.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tree {
    pub(super) this: bool,
    /// By step: `f:name`, `k:{...}` or `v:...`.
    pub(super) children: BTreeMap<String, Tree>,
}

/// Members of an object that nobody owns: the server keeps them.
const SERVER_OWNED: &[&str] = &[
    "name",
    "namespace",
    "generateName",
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "generation",
    "selfLink",
    "managedFields",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
];

/// Returns the step that names a list item by its keys.
pub(super) fn key_step(keys: &[&str], item: &Value) -> String {
    let mut key = BTreeMap::new();
    for name in keys {
        let value = match item.get(*name) {
            Some(value) => value.clone(),
            None if *name == "protocol" => "TCP".into(),
            None => continue,
        };
        key.insert((*name).to_owned(), value);
    }
    format!("k:{}", Value::Object(Map::from_iter(key)))
}

/// Returns the step that names a value of a set.
pub(super) fn value_step(item: &Value) -> String {
    format!("v:{item}")
}

/// Returns the step of each item of a list that merges; `None` for a list that is replaced whole.
pub(super) fn item_steps(shape: Shape<'_>, items: &[Value]) -> Option<Vec<String>> {
    match shape.list() {
        ListShape::Atomic => None,
        ListShape::Set => Some(items.iter().map(value_step).collect()),
        ListShape::Map(keys) => Some(items.iter().map(|item| key_step(&keys, item)).collect()),
    }
}

impl Tree {
    pub(super) fn is_empty(&self) -> bool {
        !self.this && self.children.is_empty()
    }

    pub(super) fn child(&self, step: &str) -> Option<&Self> {
        self.children.get(step)
    }

    /// Returns all fields that an object sets.
    pub(super) fn of_object(shape: Shape<'_>, object: &Value) -> Self {
        let mut tree = Self::default();
        for (name, value) in object.as_object().into_iter().flatten() {
            if name == "kind" || name == "apiVersion" {
                continue;
            }
            let mut child = Self::of_value(shape.member(name), value);
            if name == "metadata" {
                child.this = false;
                child.children.retain(|step, _| !SERVER_OWNED.contains(&&step[2..]));
            }
            tree.put(format!("f:{name}"), child);
        }
        tree
    }

    pub(super) fn of_value(shape: Shape<'_>, value: &Value) -> Self {
        let mut tree = Self::default();
        match value {
            Value::Object(members) if !members.is_empty() && !shape.map_is_atomic() => {
                for (name, member) in members {
                    tree.put(format!("f:{name}"), Self::of_value(shape.member(name), member));
                }
            }
            Value::Array(items) if !items.is_empty() => match item_steps(shape, items) {
                None => tree.this = true,
                Some(steps) => {
                    for (step, item) in steps.into_iter().zip(items) {
                        let mut child = match item {
                            Value::Object(_) => Self::of_value(shape.item(), item),
                            _ => Self::default(),
                        };
                        child.this = true;
                        tree.put(step, child);
                    }
                }
            },
            _ => tree.this = true,
        }
        tree
    }

    pub(super) fn put(&mut self, step: String, child: Self) {
        if !child.is_empty() {
            self.children.insert(step, child);
        }
    }

    /// Adds all members of another set.
    pub(super) fn add(&mut self, other: &Self) {
        self.this |= other.this;
        for (step, child) in &other.children {
            self.children.entry(step.clone()).or_default().add(child);
        }
    }

    /// Removes all members of another set.
    pub(super) fn subtract(&mut self, other: &Self) {
        if other.this {
            self.this = false;
        }
        for (step, theirs) in &other.children {
            if let Some(child) = self.children.get_mut(step) {
                child.subtract(theirs);
                if child.is_empty() {
                    self.children.remove(step);
                }
            }
        }
    }

    /// Parses `fieldsV1`; unknown forms are skipped.
    pub(super) fn parse(fields: &Value) -> Self {
        let mut tree = Self::default();
        let Some(members) = fields.as_object() else { return tree };
        for (step, child) in members {
            if step == "." {
                tree.this = true;
            } else {
                let mut child = Self::parse(child);
                if child.is_empty() {
                    child.this = true;
                }
                tree.children.insert(step.clone(), child);
            }
        }
        tree
    }

    /// Returns the `fieldsV1` form.
    pub(super) fn render(&self) -> Value {
        let mut out = Map::new();
        if self.this && !self.children.is_empty() {
            out.insert(".".to_owned(), Value::Object(Map::new()));
        }
        for (step, child) in &self.children {
            out.insert(step.clone(), child.render());
        }
        Value::Object(out)
    }
}
