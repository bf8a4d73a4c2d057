//! Raw events on the wire: the question as a query string, the answer as lines.

use serde::{Deserialize, Serialize};

use crate::flows::{EventFilter, Monitored};

/// The query string of `/v1/events`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct EventParameters {
    /// A filter as JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<String>,
}

/// A query string makes no sense.
#[derive(Debug, thiserror::Error)]
#[error("filter is not one of events")]
pub(super) struct InvalidEventFilter(#[source] serde_json::Error);

impl EventParameters {
    /// Writes a filter as a query string.
    pub(super) fn of(filter: &EventFilter) -> Result<Self, serde_json::Error> {
        Ok(Self { filter: Some(serde_json::to_string(filter)?) })
    }

    /// Reads a filter.
    pub(super) fn filter(&self) -> Result<EventFilter, InvalidEventFilter> {
        let parse = |text: &String| serde_json::from_str(text).map_err(InvalidEventFilter);
        self.filter.as_ref().map_or_else(|| Ok(EventFilter::default()), parse)
    }
}

/// Writes one line.
pub(super) fn line(monitored: &Monitored) -> Vec<u8> {
    let mut line = serde_json::to_vec(monitored).expect("events have text keys only");
    line.push(b'\n');
    line
}
