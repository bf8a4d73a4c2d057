//! Lines of a stream, in the shape of Hubble's `GetFlowsResponse`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Flow,
    json::{text_u64, time},
};

/// One line of a stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// A flow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<Flow>,
    /// Or how many were lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_events: Option<Lost>,
    /// Node that tells, `cluster/node`.
    pub node_name: String,
    /// When it was seen.
    #[serde(with = "time")]
    pub time: Timestamp,
}

/// Events that a reader did not get.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// Where they were lost.
    pub source: LostSource,
    /// How many; protobuf's JSON writes 64 bits as text.
    #[serde(with = "text_u64")]
    pub num_events_lost: u64,
}

/// Where events are lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LostSource {
    /// Between the kernel and the agent.
    PerfEventRingBuffer,
    /// Between the agent and its readers.
    HubbleRingBuffer,
}
