//! The flow, in the shape of Hubble's `flow.Flow` as JSON.
//!
//! Field and enum names are the wire contract; absent values are left out, as protobuf's JSON
//! mapping does.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Endpoint, Ethernet, Ip, Layer4, Policy,
    json::{is_default, time},
};

/// What happened to a packet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Flow {
    /// When.
    #[serde(with = "time")]
    pub time: Timestamp,
    /// Unique.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub uuid: String,
    /// What became of it.
    pub verdict: Verdict,
    /// Number of the drop reason.
    #[serde(default, skip_serializing_if = "is_default")]
    pub drop_reason: u32,
    /// Layer 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ethernet: Option<Ethernet>,
    /// Layer 3.
    #[serde(default, rename = "IP", skip_serializing_if = "Option::is_none")]
    pub ip: Option<Ip>,
    /// Layer 4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub l4: Option<Layer4>,
    /// Who sent it.
    #[serde(default)]
    pub source: Endpoint,
    /// For whom it is.
    #[serde(default)]
    pub destination: Endpoint,
    /// Which layers were looked at.
    #[serde(rename = "Type")]
    pub kind: FlowType,
    /// `cluster/node` that saw it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub node_name: String,
    /// Whether it is a reply; old clients read this one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub reply: bool,
    /// Which kind of event.
    pub event_type: EventType,
    /// Which way, seen from the endpoint.
    #[serde(default, skip_serializing_if = "is_default")]
    pub traffic_direction: TrafficDirection,
    /// Where it was seen.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub trace_observation_point: String,
    /// What connection tracking knew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_reason: Option<TraceReason>,
    /// Name of the drop reason.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub drop_reason_desc: String,
    /// Whether it is a reply; absent when nobody can tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_reply: Option<bool>,
    /// Device where the program ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<Interface>,
    /// Outer packet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tunnel: Option<Tunnel>,
    /// Policies that let it out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub egress_allowed_by: Vec<Policy>,
    /// Policies that let it in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ingress_allowed_by: Vec<Policy>,
    /// Policies that do not let it out: one whose rule denies it, or those that isolate the sender.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub egress_denied_by: Vec<Policy>,
    /// Policies that do not let it in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ingress_denied_by: Vec<Policy>,
    /// What tells about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emitter: Option<Emitter>,
    /// One line for people.
    #[serde(default, rename = "Summary", skip_serializing_if = "String::is_empty")]
    pub summary: String,
}

impl Flow {
    /// Returns the policies that decided, for whichever direction.
    pub fn deciding(&self) -> impl Iterator<Item = &Policy> {
        let lists = [
            &self.egress_allowed_by,
            &self.ingress_allowed_by,
            &self.egress_denied_by,
            &self.ingress_denied_by,
        ];
        lists.into_iter().flatten()
    }
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Verdict {
    /// Not known.
    VerdictUnknown,
    /// Let through.
    Forwarded,
    /// Not let through.
    Dropped,
    /// Something went wrong.
    Error,
    /// Would not be let through if policy were enforced.
    Audit,
    /// Sent to a proxy.
    Redirected,
    /// Seen before a decision.
    Traced,
    /// Rewritten.
    Translated,
}

impl Verdict {
    /// Returns the name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::VerdictUnknown => "VERDICT_UNKNOWN",
            Self::Forwarded => "FORWARDED",
            Self::Dropped => "DROPPED",
            Self::Error => "ERROR",
            Self::Audit => "AUDIT",
            Self::Redirected => "REDIRECTED",
            Self::Traced => "TRACED",
            Self::Translated => "TRANSLATED",
        }
    }
}

/// Which layers were looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FlowType {
    /// Not known.
    UnknownType,
    /// Addresses and ports.
    #[serde(rename = "L3_L4")]
    L3L4,
    /// A request or response.
    L7,
    /// A socket call.
    Sock,
}

/// Which kind of event: Hubble's numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EventType {
    /// 1 drop, 4 trace, 5 policy verdict.
    #[serde(rename = "type", skip_serializing_if = "is_default")]
    pub kind: u8,
    /// Drop reason, or trace point with 0 for to-endpoint.
    #[serde(skip_serializing_if = "is_default")]
    pub sub_type: u8,
}

impl EventType {
    /// A dropped packet.
    pub const DROP: u8 = 1;
    /// A packet seen on its way.
    pub const TRACE: u8 = 4;
    /// A judgement.
    pub const POLICY_VERDICT: u8 = 5;

    /// Sub types of traces: where a packet was seen.
    pub const TRACE_POINTS: [(u8, &str); 14] = [
        (0, "to-endpoint"),
        (1, "to-proxy"),
        (2, "to-host"),
        (3, "to-stack"),
        (4, "to-overlay"),
        (5, "from-endpoint"),
        (6, "from-proxy"),
        (7, "from-host"),
        (8, "from-stack"),
        (9, "from-overlay"),
        (10, "from-network"),
        (11, "to-network"),
        (12, "from-crypto"),
        (13, "to-crypto"),
    ];
}

/// Which way a packet goes, seen from the endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TrafficDirection {
    /// Not known.
    #[default]
    TrafficDirectionUnknown,
    /// To it.
    Ingress,
    /// From it.
    Egress,
}

/// What connection tracking knew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TraceReason {
    /// The first packet.
    New,
    /// A later one.
    Established,
    /// An answer.
    Reply,
    /// An ICMP error about it.
    Related,
}

/// A network device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    /// Index.
    #[serde(default, skip_serializing_if = "is_default")]
    pub index: u32,
    /// Name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
}

/// The outer packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tunnel {
    /// VXLAN.
    pub protocol: String,
    /// Virtual network.
    #[serde(default, skip_serializing_if = "is_default")]
    pub vni: u32,
}

/// What tells about a flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Emitter {
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
}
