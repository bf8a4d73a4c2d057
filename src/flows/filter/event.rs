//! What a flow must be as an event: its kind, verdict, direction, and who saw it.

use super::{
    InvalidFilter,
    invalid::{all, any, each},
    name::NodePattern,
    selector::Selector,
    subject::Subject,
};
use crate::hubble::flow::{
    CiliumEventType, DropReason, EventTypeFilter, FlowFilter, NetworkInterface, TrafficDirection,
    Verdict,
};

/// The rules about the event.
#[derive(Clone, Debug)]
pub(super) struct EventRules {
    kind: Vec<EventTypeFilter>,
    verdict: Vec<Verdict>,
    reason: Vec<DropReason>,
    direction: Vec<TrafficDirection>,
    reply: Vec<bool>,
    node: Vec<NodePattern>,
    node_label: Vec<Selector>,
    interface: Vec<NetworkInterface>,
    uuid: Vec<String>,
    trace: Vec<String>,
    ip_trace: Vec<u64>,
}

impl EventRules {
    pub(super) fn compile(filter: &FlowFilter) -> Result<Self, InvalidFilter> {
        Ok(Self {
            kind: all("event_type", &filter.event_type)?,
            verdict: each("verdict", &filter.verdict, "the number of a verdict", |number| {
                Verdict::try_from(*number).ok()
            })?,
            reason: each(
                "drop_reason_desc",
                &filter.drop_reason_desc,
                "the number of a drop reason",
                |number| DropReason::try_from(*number).ok(),
            )?,
            direction: each(
                "traffic_direction",
                &filter.traffic_direction,
                "the number of a direction",
                |number| TrafficDirection::try_from(*number).ok(),
            )?,
            reply: all("reply", &filter.reply)?,
            node: each("node_name", &filter.node_name, "a pattern of node names", |text| {
                Some(NodePattern::parse(text))
            })?,
            node_label: each("node_labels", &filter.node_labels, Selector::EXPECTED, |text| {
                Selector::parse(text)
            })?,
            interface: all("interface", &filter.interface)?,
            uuid: all("uuid", &filter.uuid)?,
            trace: all("trace_id", &filter.trace_id)?,
            ip_trace: all("ip_trace_id", &filter.ip_trace_id)?,
        })
    }

    pub(super) fn matches(&self, flow: &impl Subject) -> bool {
        any(&self.kind, |wanted| is_kind(wanted, flow.event_type()))
            && any(&self.verdict, |wanted| *wanted == flow.verdict())
            && any(&self.reason, |wanted| *wanted == flow.drop_reason())
            && any(&self.direction, |wanted| *wanted == flow.direction())
            && any(&self.reply, |wanted| is_reply(flow) == Some(*wanted))
            && any(&self.node, |wanted| wanted.matches(&flow.node_name()))
            && any(&self.node_label, |wanted| wanted.matches(flow.node_labels()))
            && any(&self.interface, |wanted| is_interface(wanted, flow))
            && any(&self.uuid, |wanted| **wanted == *flow.uuid())
            && any(&self.trace, |wanted| flow.trace_id() == Some(wanted))
            && any(&self.ip_trace, |wanted| flow.ip_trace_id() == Some(*wanted))
    }
}

const fn is_kind(wanted: &EventTypeFilter, kind: CiliumEventType) -> bool {
    (wanted.r#type == 0 || wanted.r#type == kind.r#type)
        && (!wanted.match_sub_type || wanted.sub_type == kind.sub_type)
}

/// A dropped packet of which nobody knows counts as no reply.
fn is_reply(flow: &impl Subject) -> Option<bool> {
    flow.is_reply().or((flow.verdict() == Verdict::Dropped).then_some(false))
}

/// The index counts if it is given.
fn is_interface(wanted: &NetworkInterface, flow: &impl Subject) -> bool {
    flow.interface().is_some_and(|(index, name)| {
        (wanted.name.is_empty() || wanted.name == name)
            && (wanted.index == 0 || wanted.index == index)
    })
}
