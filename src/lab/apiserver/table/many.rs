//! Tables of many objects, made on all processors: somebody waits for them at a terminal.

use std::num::NonZero;
use std::sync::Arc;
use std::thread;

use jiff::Timestamp;
use serde_json::Value;

use super::columns;
use super::{Include, Row, of, read};
use crate::lab::apiserver::resource::Resource;
use crate::lab::apiserver::store::Object;

/// Objects from which on it is worth starting threads.
const MANY: usize = 100;

/// Returns the JSON of the table of a list; `metadata` is that of the list.
pub(in crate::lab::apiserver) fn of_many(
    resource: &Resource,
    objects: &[Arc<Object>],
    include: Include,
    metadata: &Value,
) -> Vec<u8> {
    let threads = match objects.len() {
        ..MANY => 1,
        _ => thread::available_parallelism().map_or(1, NonZero::get),
    };
    let parts = objects.chunks(objects.len().div_ceil(threads).max(1));
    let rows: Vec<Vec<u8>> = thread::scope(|scope| {
        let (first, others) = split(parts);
        let others: Vec<_> =
            others.map(|part| scope.spawn(move || rows_of(resource, part, include))).collect();
        let first = rows_of(resource, first, include);
        let others = others.into_iter().map(|rows| rows.join().expect("rows can be made"));
        std::iter::once(first).chain(others).collect()
    });
    let mut table = written(&of(resource, &[], include, metadata));
    // The rows go where its empty list of them ends.
    table.truncate(table.len() - END.len());
    table.extend(rows.join(&b','));
    table.extend_from_slice(END);
    table
}

/// How a table ends.
const END: &[u8] = b"]}";

/// Takes the first part off, which this thread makes itself.
fn split<'a, T>(mut parts: std::slice::Chunks<'a, T>) -> (&'a [T], std::slice::Chunks<'a, T>) {
    (parts.next().unwrap_or_default(), parts)
}

/// Returns rows, with commas between them.
fn rows_of(resource: &Resource, objects: &[Arc<Object>], include: Include) -> Vec<u8> {
    let (columns, now) = (columns::of(resource), Timestamp::now());
    let row = |object: &Arc<Object>| {
        let object = read(resource, include, object);
        written(&Row::of(&columns, &object, include, now))
    };
    objects.iter().map(row).collect::<Vec<_>>().join(&b',')
}

fn written(part: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(part).expect("JSON values and text serialise")
}
