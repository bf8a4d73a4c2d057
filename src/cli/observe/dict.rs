//! One block per flow, for people who look closely.

use jiff::tz::TimeZone;

use super::{compact::summary, moment::TimeFormat};
use crate::{
    cli::output::escape,
    hubble::flow::{DropReason, Endpoint, Flow, TraceObservationPoint},
};

/// Writes a flow as `key: value` lines.
pub(super) fn block(flow: &Flow, format: &TimeFormat, zone: &TimeZone) -> String {
    let time = format.show(flow.moment(), zone);
    let interface = flow.interface.as_ref().map(|i| format!("{} ({})", i.name, i.index));
    let ip = flow.ip.as_ref();
    let point = match flow.trace_observation_point() {
        TraceObservationPoint::UnknownPoint => "",
        point => point.as_str_name(),
    };
    let reason = match flow.drop_reason_desc() {
        DropReason::Unknown => "",
        reason => reason.as_str_name(),
    };
    let l4 = flow.l4.as_ref().and_then(|l4| serde_json::to_string(l4).ok());
    [
        ("TIME", Some(time)),
        ("NODE", Some(flow.node_name.clone())),
        ("SOURCE", Some(end(flow.sender()))),
        ("SOURCE IP", ip.map(|ip| ip.source.clone())),
        ("TRANSLATED", ip.map(|ip| ip.source_xlated.clone())),
        ("DESTINATION", Some(end(flow.receiver()))),
        ("DESTINATION IP", ip.map(|ip| ip.destination.clone())),
        ("L4", l4),
        ("POINT", Some(point.to_owned())),
        ("INTERFACE", interface),
        ("VERDICT", Some(flow.verdict().as_str_name().to_owned())),
        ("DROP REASON", Some(reason.to_owned())),
        ("POLICY", Some(flow.deciding().map(ToString::to_string).collect::<Vec<_>>().join(", "))),
        ("REPLY", flow.is_reply.map(|reply| reply.to_string())),
        ("SUMMARY", Some(summary(flow).to_owned())),
    ]
    .into_iter()
    .filter_map(|(key, value)| value.filter(|value| !value.is_empty()).map(|value| (key, value)))
    .map(|(key, value)| format!("{key:>14}: {}\n", escape(&value)))
    .collect()
}

fn end(end: &Endpoint) -> String {
    let labels = end.labels.join(",");
    if end.pod_name.is_empty() {
        format!("identity {} {labels}", end.identity)
    } else {
        format!("{}/{} identity {} {labels}", end.namespace, end.pod_name, end.identity)
    }
}
