//! One block per flow, for people who look closely.

use jiff::tz::TimeZone;

use crate::{
    cli::output::escape,
    flows::{Endpoint, Flow},
};

/// Writes a flow as `key: value` lines.
pub(super) fn block(flow: &Flow, zone: &TimeZone) -> String {
    let time = flow.time.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%.9f%:z").to_string();
    let interface = flow.interface.as_ref().map(|i| format!("{} ({})", i.name, i.index));
    let address = |pick: fn(&crate::flows::Ip) -> std::net::IpAddr| {
        flow.ip.as_ref().map(|ip| pick(ip).to_string())
    };
    let l4 = flow.l4.as_ref().and_then(|l4| serde_json::to_string(l4).ok());
    [
        ("TIME", Some(time)),
        ("NODE", Some(flow.node_name.clone())),
        ("SOURCE", Some(end(&flow.source))),
        ("SOURCE IP", address(|ip| ip.source)),
        ("TRANSLATED", flow.ip.and_then(|ip| ip.source_xlated).map(|ip| ip.to_string())),
        ("DESTINATION", Some(end(&flow.destination))),
        ("DESTINATION IP", address(|ip| ip.destination)),
        ("L4", l4),
        ("POINT", Some(flow.trace_observation_point.clone())),
        ("INTERFACE", interface),
        ("VERDICT", Some(flow.verdict.name().to_owned())),
        ("DROP REASON", Some(flow.drop_reason_desc.clone())),
        ("POLICY", Some(flow.deciding().map(ToString::to_string).collect::<Vec<_>>().join(", "))),
        ("REPLY", flow.is_reply.map(|reply| reply.to_string())),
        ("SUMMARY", Some(flow.summary.clone())),
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
