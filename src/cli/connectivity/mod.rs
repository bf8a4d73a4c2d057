//! `skep connectivity`.

mod agents;
pub(crate) mod list;
pub(crate) mod probe;
mod progress;
pub(crate) mod serve;
pub(crate) mod test;
mod told;
mod view;

use serde::Serialize;

use crate::api::API_VERSION;

/// A list that no agent serves.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Items<T> {
    api_version: &'static str,
    kind: &'static str,
    items: Vec<T>,
}

impl<T> Items<T> {
    fn new(kind: &'static str, items: impl IntoIterator<Item = T>) -> Self {
        Self { api_version: API_VERSION, kind, items: items.into_iter().collect() }
    }
}
