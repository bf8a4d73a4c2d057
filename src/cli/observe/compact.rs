//! One line per flow, for people.

use jiff::{Timestamp, tz::TimeZone};

use crate::{
    cli::output::{Output, Tone, escape},
    hubble::flow::{
        CiliumEventType, Endpoint, Flow, TraceObservationPoint, TrafficDirection, Verdict,
    },
    model::Identity,
};

/// How lines look.
#[derive(Clone, Debug)]
pub(super) struct Style {
    /// Where times are shown.
    pub(super) zone: TimeZone,
    /// Addresses instead of names.
    pub(super) numeric: bool,
    /// With the node that saw it.
    pub(super) node: bool,
}

impl Style {
    /// Writes a flow. A reply is written with its opener first, too, so that lines of one
    /// connection look alike.
    pub(super) fn line(&self, flow: &Flow, out: &Output) -> String {
        let (source_port, destination_port) = flow.ports().unzip();
        let address = flow.ip.as_ref().map(|ip| (ip.source.as_str(), ip.destination.as_str()));
        let mac = flow.ethernet.as_ref().map(|e| (e.source.as_str(), e.destination.as_str()));
        let ((source, destination), (from, to)) = (address.unzip(), mac.unzip());
        let source = self.end(flow.sender(), source, from, source_port);
        let destination = self.end(flow.receiver(), destination, to, destination_port);
        let path = match flow.is_reply {
            Some(false) => format!("{source} -> {destination}"),
            Some(true) => format!("{destination} <- {source}"),
            None => format!("{source} <> {destination}"),
        };
        let node =
            if self.node { format!(" [{}]", escape(&flow.node_name)) } else { String::new() };
        let (what, tone) = verdict(flow);
        format!(
            "{}{node}: {path} {} {} ({}){}",
            self.time(flow.moment()),
            escape(&point(flow)),
            out.paint(&what, tone),
            escape(summary(flow)),
            escape(&policies(flow))
        )
    }

    fn time(&self, time: Timestamp) -> String {
        time.to_zoned(self.zone.clone()).strftime("%b %e %H:%M:%S%.3f").to_string()
    }

    fn end(
        &self,
        end: &Endpoint,
        address: Option<&str>,
        mac: Option<&str>,
        port: Option<u32>,
    ) -> String {
        let name = if end.pod_name.is_empty() || self.numeric {
            match address.or(mac) {
                Some(v6) if port.is_some() && v6.contains(':') => format!("[{}]", escape(v6)),
                Some(address) => escape(address).into_owned(),
                None => "?".to_owned(),
            }
        } else {
            format!("{}/{}", escape(&end.namespace), escape(&end.pod_name))
        };
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let identity = match Identity(end.identity).name() {
            Some(name) => format!(" ({name})"),
            None => format!(" (ID:{})", end.identity),
        };
        format!("{name}{port}{identity}")
    }
}

/// Where it was seen, or why it was dropped.
fn point(flow: &Flow) -> String {
    match flow.kind().r#type {
        CiliumEventType::DROP => flow.drop_reason_desc().as_str_name().to_owned(),
        CiliumEventType::POLICY_VERDICT => match flow.traffic_direction() {
            TrafficDirection::Ingress => "policy-verdict ingress".to_owned(),
            TrafficDirection::Egress => "policy-verdict egress".to_owned(),
            TrafficDirection::Unknown => "policy-verdict".to_owned(),
        },
        _ => match flow.trace_observation_point() {
            TraceObservationPoint::UnknownPoint => String::new(),
            point => point.as_str_name().to_lowercase().replace('_', "-"),
        },
    }
}

/// The field is old, but it tells what no other does.
#[expect(deprecated, reason = "nothing has replaced it")]
pub(super) fn summary(flow: &Flow) -> &str {
    &flow.summary
}

/// Which policies decided, and by which rule.
fn policies(flow: &Flow) -> String {
    let names: Vec<String> = flow.deciding().map(ToString::to_string).collect();
    if names.is_empty() { String::new() } else { format!(" by {}", names.join(", ")) }
}

fn verdict(flow: &Flow) -> (String, Tone) {
    let name = match (flow.kind().r#type, flow.verdict()) {
        (CiliumEventType::POLICY_VERDICT, Verdict::Forwarded) => "ALLOWED",
        (CiliumEventType::POLICY_VERDICT, Verdict::Dropped) => "DENIED",
        (CiliumEventType::POLICY_VERDICT, Verdict::Audit) => "AUDITED",
        (_, verdict) => verdict.as_str_name(),
    };
    let tone = match flow.verdict() {
        Verdict::Forwarded | Verdict::Translated => Tone::Good,
        Verdict::Dropped | Verdict::Error => Tone::Bad,
        _ => Tone::Warn,
    };
    (name.to_owned(), tone)
}
