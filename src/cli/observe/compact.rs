//! One line per flow, for people.

use std::net::IpAddr;

use jiff::{Timestamp, tz::TimeZone};

use crate::{
    cli::output::{Output, Tone, escape},
    flows::{Endpoint, EventType, Flow, Layer4, TrafficDirection, Verdict},
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
        let (source_port, destination_port) = ports(flow);
        let source = self.end(&flow.source, flow.ip.map(|ip| ip.source), source_port, flow, true);
        let destination = self.end(
            &flow.destination,
            flow.ip.map(|ip| ip.destination),
            destination_port,
            flow,
            false,
        );
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
            self.time(flow.time),
            escape(&point(flow)),
            out.paint(&what, tone),
            escape(&flow.summary),
            escape(&policies(flow))
        )
    }

    fn time(&self, time: Timestamp) -> String {
        time.to_zoned(self.zone.clone()).strftime("%b %e %H:%M:%S%.3f").to_string()
    }

    fn end(
        &self,
        end: &Endpoint,
        address: Option<IpAddr>,
        port: Option<u16>,
        flow: &Flow,
        is_source: bool,
    ) -> String {
        let name = if end.pod_name.is_empty() || self.numeric {
            match (address, flow.ethernet) {
                (Some(IpAddr::V6(address)), _) if port.is_some() => format!("[{address}]"),
                (Some(address), _) => address.to_string(),
                (None, Some(ethernet)) if is_source => ethernet.source.to_string(),
                (None, Some(ethernet)) => ethernet.destination.to_string(),
                (None, None) => "?".to_owned(),
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

fn ports(flow: &Flow) -> (Option<u16>, Option<u16>) {
    match flow.l4 {
        Some(Layer4::Tcp(tcp)) => (Some(tcp.source_port), Some(tcp.destination_port)),
        Some(Layer4::Udp(ports) | Layer4::Sctp(ports)) => {
            (Some(ports.source_port), Some(ports.destination_port))
        }
        _ => (None, None),
    }
}

/// Where it was seen, or why it was dropped.
fn point(flow: &Flow) -> String {
    match flow.event_type.kind {
        EventType::DROP => flow.drop_reason_desc.clone(),
        EventType::POLICY_VERDICT => match flow.traffic_direction {
            TrafficDirection::Ingress => "policy-verdict ingress".to_owned(),
            TrafficDirection::Egress => "policy-verdict egress".to_owned(),
            TrafficDirection::TrafficDirectionUnknown => "policy-verdict".to_owned(),
        },
        _ => flow.trace_observation_point.to_lowercase().replace('_', "-"),
    }
}

/// Which policies decided, and by which rule.
fn policies(flow: &Flow) -> String {
    let names: Vec<String> = flow.deciding().map(ToString::to_string).collect();
    if names.is_empty() { String::new() } else { format!(" by {}", names.join(", ")) }
}

fn verdict(flow: &Flow) -> (String, Tone) {
    let name = match (flow.event_type.kind, flow.verdict) {
        (EventType::POLICY_VERDICT, Verdict::Forwarded) => "ALLOWED",
        (EventType::POLICY_VERDICT, Verdict::Dropped) => "DENIED",
        (EventType::POLICY_VERDICT, Verdict::Audit) => "AUDITED",
        (_, verdict) => verdict.name(),
    };
    let tone = match flow.verdict {
        Verdict::Forwarded | Verdict::Translated => Tone::Good,
        Verdict::Dropped | Verdict::Error => Tone::Bad,
        _ => Tone::Warn,
    };
    (name.to_owned(), tone)
}
