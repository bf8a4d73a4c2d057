//! Flows on the wire: the question as a query string, the answer as lines.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    flows::{Observed, Request, Window},
    hubble::flow::FlowFilter,
};

/// The query string of `/v1/flows`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Parameters {
    /// Go on with new flows.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    follow: bool,
    /// The newest stored ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<usize>,
    /// The oldest stored ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<usize>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    /// A JSON array of filters.
    #[serde(skip_serializing_if = "Option::is_none")]
    allow: Option<String>,
    /// A JSON array of filters.
    #[serde(skip_serializing_if = "Option::is_none")]
    deny: Option<String>,
}

/// A query string makes no sense.
#[derive(Debug, thiserror::Error)]
#[error("{parameter} is not a JSON array of filters")]
pub(super) struct InvalidParameter {
    parameter: &'static str,
    #[source]
    source: serde_json::Error,
}

impl Parameters {
    /// Writes a request as a query string.
    pub(super) fn of(request: &Request) -> Result<Self, serde_json::Error> {
        let filters = |filters: &[FlowFilter]| {
            (!filters.is_empty()).then(|| serde_json::to_string(filters)).transpose()
        };
        let (first, last) = match request.window {
            Some(Window::First(count)) => (Some(count), None),
            Some(Window::Last(count)) => (None, Some(count)),
            None => (None, None),
        };
        Ok(Self {
            follow: request.follow,
            last,
            first,
            since: request.since,
            until: request.until,
            allow: filters(&request.allow)?,
            deny: filters(&request.deny)?,
        })
    }

    /// Reads a request.
    pub(super) fn request(&self) -> Result<Request, InvalidParameter> {
        let filters = |parameter, text: &Option<String>| match text {
            Some(text) => {
                serde_json::from_str(text).map_err(|source| InvalidParameter { parameter, source })
            }
            None => Ok(Vec::new()),
        };
        Ok(Request {
            follow: self.follow,
            window: self.first.map(Window::First).or(self.last.map(Window::Last)),
            since: self.since,
            until: self.until,
            allow: filters("allow", &self.allow)?,
            deny: filters("deny", &self.deny)?,
        })
    }
}

/// Writes one line per flow.
#[derive(Clone, Debug)]
pub(super) struct Encoder {
    node_name: String,
}

impl Encoder {
    pub(super) const fn new(node_name: String) -> Self {
        Self { node_name }
    }

    pub(super) fn line(&self, observed: Observed) -> Vec<u8> {
        let message = observed.into_response(self.node_name.clone());
        let mut line = serde_json::to_vec(&message).expect("flows have text keys only");
        line.push(b'\n');
        line
    }
}

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Problem {
    /// The error and its causes.
    pub(super) error: Vec<String>,
}

impl Problem {
    pub(super) fn of(error: &(dyn std::error::Error + 'static)) -> Self {
        let chain = std::iter::successors(Some(error), |error| error.source());
        Self { error: chain.map(ToString::to_string).collect() }
    }
}
