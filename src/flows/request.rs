//! What a reader asks for.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::hubble::flow::FlowFilter;

/// A question to an [`super::Observer`].
///
/// A flow passes when no allow filter is given or one matches, and no deny filter matches.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Request {
    /// Go on with new flows after the stored ones.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub follow: bool,
    /// Which of the stored flows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// Not older.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Not newer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Any of these, if given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<FlowFilter>,
    /// None of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deny: Vec<FlowFilter>,
}

/// A number of flows, after filtering.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Window {
    /// The oldest ones.
    First(usize),
    /// The newest ones.
    Last(usize),
}
