//! Tables: what `kubectl get` shows, formatted by the server.

mod admin;
mod age;
mod columns;
mod custom;
mod many;
mod pods;
mod workloads;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use super::answer::Partial;
use super::resource::Resource;
use super::store::{Object, Part};
use columns::Column;
pub(super) use many::of_many;

/// How much of each object a row carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Include {
    Nothing,
    Metadata,
    Object,
}

/// Parses what a table shows of an object; all of it when the client asked for whole objects.
pub(super) fn read(resource: &Resource, include: Include, object: &Object) -> Value {
    match include {
        Include::Object => object.value(),
        Include::Metadata | Include::Nothing => object.without(unread(resource)),
    }
}

/// Returns what of a kind's objects neither columns nor people read. Parsing it, and `managedFields` again at the
/// client, would take longer than all the rest of a table.
fn unread(resource: &Resource) -> &'static [Part] {
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Pod") => pods::UNREAD,
        _ => &[&["metadata", "managedFields"]],
    }
}

/// A table of objects.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub(super) struct Table<'a> {
    api_version: &'static str,
    metadata: Map<String, Value>,
    /// Null in all events of a watch but the first.
    pub(super) column_definitions: Option<Vec<Value>>,
    rows: Vec<Row<'a>>,
}

#[derive(Debug, Serialize)]
struct Row<'a> {
    cells: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<Carried<'a>>,
}

impl<'a> Row<'a> {
    fn of(columns: &[Column], object: &'a Value, include: Include, now: Timestamp) -> Self {
        Self {
            cells: columns.iter().map(|column| (column.cell)(object, now)).collect(),
            object: match include {
                Include::Nothing => None,
                Include::Metadata => Some(Carried::Metadata(Partial::of(object))),
                Include::Object => Some(Carried::Object(object)),
            },
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Carried<'a> {
    Metadata(Partial<'a>),
    Object(&'a Value),
}

/// Returns the table of some objects; `metadata` is that of the list.
pub(super) fn of<'a>(
    resource: &Resource,
    objects: &'a [Value],
    include: Include,
    metadata: &Value,
) -> Table<'a> {
    let columns = columns::of(resource);
    let now = Timestamp::now();
    let of_list = ["resourceVersion", "continue", "remainingItemCount"];
    Table {
        api_version: "meta.k8s.io/v1",
        metadata: of_list
            .into_iter()
            .filter_map(|member| Some((member.to_owned(), metadata.get(member)?.clone())))
            .collect(),
        column_definitions: Some(columns.iter().map(Column::definition).collect()),
        rows: objects.iter().map(|object| Row::of(&columns, object, include, now)).collect(),
    }
}
