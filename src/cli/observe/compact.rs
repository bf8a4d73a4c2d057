//! One line per flow, for people.

use jiff::{Timestamp, tz::TimeZone};

use super::{moment::TimeFormat, table::Row};
use crate::{
    cli::output::{Output, Tone, escape},
    hubble::flow::{
        CiliumEventType, Endpoint, Flow, Service, SocketTranslationPoint, TraceObservationPoint,
        TrafficDirection, Verdict,
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
    /// With the policies that decided.
    pub(super) policies: bool,
    /// How times are shown; none means as is usual.
    pub(super) time: Option<TimeFormat>,
}

impl Default for Style {
    fn default() -> Self {
        let zone = TimeZone::system();
        Self { zone, numeric: false, node: false, policies: true, time: None }
    }
}

/// One end of a flow, as the flow tells of it.
struct Side<'a> {
    end: &'a Endpoint,
    service: Option<&'a Service>,
    names: &'a [String],
    address: Option<&'a str>,
    port: Option<u32>,
}

impl Style {
    /// Writes a flow. A reply is written with its opener first, too, so that lines of one
    /// connection look alike.
    pub(super) fn line(&self, flow: &Flow, out: &Output) -> String {
        let (source, destination) = self.ends(flow);
        let path = match flow.is_reply {
            Some(false) => format!("{source} -> {destination}"),
            Some(true) => format!("{destination} <- {source}"),
            None => format!("{source} <> {destination}"),
        };
        let node =
            if self.node { format!(" [{}]", escape(&flow.node_name)) } else { String::new() };
        let (what, tone) = verdict(flow);
        let point = point(flow);
        let gap = if point.is_empty() { "" } else { " " };
        format!(
            "{}{node}: {path} {}{gap}{} ({}){}",
            self.moment(flow.moment()),
            escape(&point),
            out.paint(&what, tone),
            escape(summary(flow)),
            escape(&self.policies(flow))
        )
    }

    /// Writes a flow as a row of a table; its source sent this packet.
    pub(super) fn cells(&self, flow: &Flow) -> Row {
        let (source, destination) = self.ends(flow);
        let (what, tone) = verdict(flow);
        let node = if self.node { format!("[{}] ", flow.node_name) } else { String::new() };
        let more = format!("{node}{}{}", summary(flow), self.policies(flow));
        let cells = [
            self.moment(flow.moment()),
            source,
            destination,
            escape(&point(flow)).into_owned(),
            what,
            escape(&more).into_owned(),
        ];
        Row { cells, tone }
    }

    fn moment(&self, time: Timestamp) -> String {
        let format = self.time.clone().unwrap_or_else(TimeFormat::short);
        format.show(time, &self.zone)
    }

    /// Writes who sent the packet, and for whom it is.
    fn ends(&self, flow: &Flow) -> (String, String) {
        let (source_port, destination_port) = flow.ports().unzip();
        let address = flow.ip.as_ref().map(|ip| (ip.source.as_str(), ip.destination.as_str()));
        let mac = flow.ethernet.as_ref().map(|e| (e.source.as_str(), e.destination.as_str()));
        let ((source, destination), (from, to)) = (address.unzip(), mac.unzip());
        let sender = Side {
            end: flow.sender(),
            service: flow.source_service.as_ref(),
            names: &flow.source_names,
            address: source.or(from),
            port: source_port,
        };
        let receiver = Side {
            end: flow.receiver(),
            service: flow.destination_service.as_ref(),
            names: &flow.destination_names,
            address: destination.or(to),
            port: destination_port,
        };
        (self.end(&sender), self.end(&receiver))
    }

    fn end(&self, side: &Side<'_>) -> String {
        let name = match side.name() {
            Some(name) if !self.numeric => escape(&name).into_owned(),
            _ => match side.address {
                Some(v6) if side.port.is_some() && v6.contains(':') => format!("[{}]", escape(v6)),
                Some(address) => escape(address).into_owned(),
                None => "?".to_owned(),
            },
        };
        let port = side.port.map(|port| format!(":{port}")).unwrap_or_default();
        let identity = match Identity(side.end.identity).name() {
            // A service is nobody.
            _ if side.end.identity == 0 && side.service.is_some() => String::new(),
            Some(name) => format!(" ({name})"),
            None => format!(" (ID:{})", side.end.identity),
        };
        format!("{name}{port}{identity}")
    }

    /// Which policies decided, and by which rule.
    fn policies(&self, flow: &Flow) -> String {
        let names: Vec<String> = flow.deciding().map(ToString::to_string).collect();
        if names.is_empty() || !self.policies {
            return String::new();
        }
        format!(" by {}", names.join(", "))
    }
}

impl Side<'_> {
    /// Returns how people call it: pod, service, or what DNS said.
    fn name(&self) -> Option<String> {
        if !self.end.pod_name.is_empty() {
            return Some(format!("{}/{}", self.end.namespace, self.end.pod_name));
        }
        let service = self.service.filter(|service| !service.name.is_empty());
        let service = service.map(|service| format!("{}/{}", service.namespace, service.name));
        service.or_else(|| (!self.names.is_empty()).then(|| self.names.join(",")))
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
        CiliumEventType::TRACE_SOCKET => socket_point(flow.sock_xlate_point()).to_owned(),
        _ => match flow.trace_observation_point() {
            TraceObservationPoint::UnknownPoint => String::new(),
            point => point.as_str_name().to_lowercase().replace('_', "-"),
        },
    }
}

/// Before a socket is connected to a backend instead of its service, or after.
fn socket_point(point: SocketTranslationPoint) -> &'static str {
    match point {
        SocketTranslationPoint::SockXlatePointUnknown => "unknown",
        SocketTranslationPoint::SockXlatePointPreDirectionFwd => "pre-xlate-fwd",
        SocketTranslationPoint::SockXlatePointPostDirectionFwd => "post-xlate-fwd",
        SocketTranslationPoint::SockXlatePointPreDirectionRev => "pre-xlate-rev",
        SocketTranslationPoint::SockXlatePointPostDirectionRev => "post-xlate-rev",
    }
}

/// The field is old, but it tells what no other does.
#[expect(deprecated, reason = "nothing has replaced it")]
pub(super) fn summary(flow: &Flow) -> &str {
    &flow.summary
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
