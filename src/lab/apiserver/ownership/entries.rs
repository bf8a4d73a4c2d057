//! The entries of `metadata.managedFields`.

use serde_json::{Value, json};

use super::tree::Tree;

/// Who writes, as an entry names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::lab::apiserver) struct Writer {
    pub(in crate::lab::apiserver) manager: String,
    pub(in crate::lab::apiserver) api_version: String,
    /// Empty for the object itself.
    pub(in crate::lab::apiserver) subresource: String,
    /// The time of the write, as Kubernetes prints it.
    pub(in crate::lab::apiserver) time: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Apply,
    Update,
}

/// One manager's fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) writer: Writer,
    pub(super) operation: Operation,
    pub(super) fields: Tree,
}

impl Entry {
    /// Tells whether a write by this writer belongs into this entry.
    pub(super) fn is_of(&self, writer: &Writer, operation: Operation) -> bool {
        self.operation == operation
            && self.writer.manager == writer.manager
            && self.writer.subresource == writer.subresource
            && self.writer.api_version == writer.api_version
    }

    /// Names the owner as conflict messages do.
    pub(super) fn owner(&self) -> String {
        let manager = Value::from(self.writer.manager.as_str());
        match self.operation {
            Operation::Apply => manager.to_string(),
            Operation::Update => {
                let subresource = match self.writer.subresource.as_str() {
                    "" => String::new(),
                    name => format!(" with subresource {name:?}"),
                };
                format!("{manager}{subresource} using {}", self.writer.api_version)
            }
        }
    }
}

/// Reads the entries of an object.
pub(super) fn read(object: &Value) -> Vec<Entry> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    object["metadata"]["managedFields"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|entry| Entry {
            writer: Writer {
                manager: text(&entry["manager"]),
                api_version: text(&entry["apiVersion"]),
                subresource: text(&entry["subresource"]),
                time: text(&entry["time"]),
            },
            operation: match entry["operation"].as_str() {
                Some("Apply") => Operation::Apply,
                _ => Operation::Update,
            },
            fields: Tree::parse(&entry["fieldsV1"]),
        })
        .collect()
}

/// Writes the entries into an object; those that own nothing are left out.
pub(super) fn write(object: &mut Value, entries: &[Entry]) {
    let rendered: Vec<Value> = entries
        .iter()
        .filter(|entry| !entry.fields.is_empty())
        .map(|entry| {
            let mut out = json!({
                "manager": entry.writer.manager,
                "operation": if entry.operation == Operation::Apply { "Apply" } else { "Update" },
                "apiVersion": entry.writer.api_version,
                "time": entry.writer.time,
                "fieldsType": "FieldsV1",
                "fieldsV1": entry.fields.render(),
            });
            if !entry.writer.subresource.is_empty() {
                out["subresource"] = entry.writer.subresource.as_str().into();
            }
            out
        })
        .collect();
    if object["metadata"].is_null() {
        object["metadata"] = json!({});
    }
    let Some(metadata) = object["metadata"].as_object_mut() else { return };
    if rendered.is_empty() {
        metadata.shift_remove("managedFields");
    } else {
        metadata.insert("managedFields".to_owned(), rendered.into());
    }
}
