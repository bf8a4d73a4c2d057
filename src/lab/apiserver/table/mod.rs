//! Tables: what `kubectl get` shows, formatted by the server.

mod admin;
mod age;
mod columns;
mod custom;
mod pods;
mod workloads;

use serde_json::{Map, Value, json};

use super::answer;
use super::resource::Resource;
use columns::Column;

/// How much of each object a row carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Include {
    Nothing,
    Metadata,
    Object,
}

/// Returns the table of some objects; `metadata` is that of the list.
pub(super) fn of(
    resource: &Resource,
    objects: &[Value],
    include: Include,
    metadata: &Value,
) -> Value {
    let columns = columns::of(resource);
    let now = jiff::Timestamp::now();
    let rows: Vec<Value> = objects
        .iter()
        .map(|object| {
            let cells: Vec<Value> =
                columns.iter().map(|column| (column.cell)(object, now)).collect();
            let mut row = json!({"cells": cells});
            match include {
                Include::Nothing => {}
                Include::Metadata => row["object"] = answer::partial(object),
                Include::Object => row["object"] = object.clone(),
            }
            row
        })
        .collect();
    let mut list = Map::new();
    for member in ["resourceVersion", "continue", "remainingItemCount"] {
        if let Some(value) = metadata.get(member) {
            list.insert(member.to_owned(), value.clone());
        }
    }
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": list,
        "columnDefinitions": columns.iter().map(Column::definition).collect::<Vec<_>>(),
        "rows": rows,
    })
}
