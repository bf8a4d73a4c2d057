//! A flow as a log record: the names of OpenTelemetry's conventions where there are some, and Hubble's where not.
//!
//! Attributes are flat, and what a flow does not tell has none. Conventions know one pod per record; a flow has
//! two, so each end has the names of Kubernetes with `source.` or `destination.` before them.

use jiff::Timestamp;

use super::{
    client::version,
    logs::{AnyValue, ArrayValue, KeyValue, LogRecord, Resource, SeverityNumber, any_value::Value},
};
use crate::{
    flows::Observed,
    hubble::flow::{
        Endpoint, Flow, IpVersion, LostEvent, Policy, TcpFlags, TraceObservationPoint,
        TrafficDirection, Verdict, layer4::Protocol, layer7,
    },
};

/// Who tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The node.
    pub node: String,
    /// Its cluster.
    pub cluster: String,
}

impl From<Source> for Resource {
    fn from(source: Source) -> Self {
        let mut attributes = Attributes::default();
        attributes.text("service.name", "skep");
        attributes.text("service.version", &version());
        attributes.text("k8s.node.name", &source.node);
        attributes.text("k8s.cluster.name", &source.cluster);
        Self { attributes: attributes.0 }
    }
}

/// Makes a record of a flow, or of a loss.
pub fn log(observed: &Observed, now: Timestamp) -> LogRecord {
    let (time, severity, body, attributes, name) = match observed {
        Observed::Flow(flow) => {
            let time = flow.time.map(|_| flow.moment());
            (time, severity(flow), body(flow), attributes(flow), "hubble.flow")
        }
        Observed::Lost(lost) => {
            let body = format!("{} events were lost", lost.num_events_lost);
            (Some(now), SeverityNumber::Warn, body, losses(lost), "hubble.lost_events")
        }
    };
    LogRecord {
        time_unix_nano: time.map_or(0, nanoseconds),
        observed_time_unix_nano: nanoseconds(now),
        severity_number: severity.into(),
        severity_text: text_of(severity).to_owned(),
        body: Some(text(&body)),
        attributes: attributes.0,
        event_name: name.to_owned(),
    }
}

/// A moment before 1970 is none.
fn nanoseconds(time: Timestamp) -> u64 {
    u64::try_from(time.as_nanosecond()).unwrap_or_default()
}

fn severity(flow: &Flow) -> SeverityNumber {
    match flow.verdict() {
        Verdict::Dropped | Verdict::Audit => SeverityNumber::Warn,
        Verdict::Error => SeverityNumber::Error,
        _ => SeverityNumber::Info,
    }
}

const fn text_of(severity: SeverityNumber) -> &'static str {
    match severity {
        SeverityNumber::Unspecified => "",
        SeverityNumber::Info => "INFO",
        SeverityNumber::Warn => "WARN",
        SeverityNumber::Error => "ERROR",
    }
}

/// Writes one line for people.
fn body(flow: &Flow) -> String {
    let ip = flow.ip.clone().unwrap_or_default();
    let (from, to) = flow.ports().unzip();
    let mut line = format!(
        "{} -> {} {}",
        party(flow.sender(), &ip.source, from),
        party(flow.receiver(), &ip.destination, to),
        flow.verdict().as_str_name(),
    );
    if flow.verdict() == Verdict::Dropped {
        line += &format!(" {}", flow.drop_reason_desc().as_str_name());
    }
    #[expect(deprecated, reason = "it is what Hubble's clients print")]
    let summary = &flow.summary;
    if !summary.is_empty() {
        line += &format!(" ({summary})");
    }
    line
}

fn party(end: &Endpoint, address: &str, port: Option<u32>) -> String {
    let name = match (end.pod_name.is_empty(), address) {
        (false, _) => format!("{}/{}", end.namespace, end.pod_name),
        (true, "") => "unknown".to_owned(),
        (true, address) if address.contains(':') && port.is_some() => format!("[{address}]"),
        (true, address) => address.to_owned(),
    };
    port.map_or_else(|| name.clone(), |port| format!("{name}:{port}"))
}

fn attributes(flow: &Flow) -> Attributes {
    let mut all = Attributes::default();
    let ip = flow.ip.clone().unwrap_or_default();
    let ports = flow.ports();
    all.text("log.record.uid", &flow.uuid);
    all.text("source.address", &ip.source);
    all.number("source.port", ports.map(|(source, _)| source));
    all.text("destination.address", &ip.destination);
    all.number("destination.port", ports.map(|(_, destination)| destination));
    all.text("network.transport", flow.protocol().map_or("", transport));
    all.text(
        "network.type",
        match ip.ip_version() {
            IpVersion::IPv4 => "ipv4",
            IpVersion::IPv6 => "ipv6",
            IpVersion::IpNotUsed => "",
        },
    );
    all.text("network.interface.name", flow.interface.as_ref().map_or("", |i| &i.name));
    all.end("source", flow.source.as_ref());
    all.end("destination", flow.destination.as_ref());
    all.verdict(flow);
    all.policies(flow);
    all.request(flow);
    all
}

fn losses(lost: &LostEvent) -> Attributes {
    let mut all = Attributes::default();
    all.number("hubble.lost_events.count", Some(lost.num_events_lost));
    all.text("hubble.lost_events.source", lost.source().as_str_name());
    all
}

const fn transport(protocol: &Protocol) -> &'static str {
    match protocol {
        Protocol::Tcp(_) => "tcp",
        Protocol::Udp(_) => "udp",
        Protocol::Sctp(_) => "sctp",
        Protocol::IcmPv4(_) => "icmp",
        Protocol::IcmPv6(_) => "icmpv6",
        Protocol::Vrrp(_) => "vrrp",
        Protocol::Igmp(_) => "igmp",
    }
}

/// Attributes, each of which says something.
#[derive(Default)]
struct Attributes(Vec<KeyValue>);

impl Attributes {
    fn add(&mut self, key: String, value: AnyValue) {
        self.0.push(KeyValue { key, value: Some(value) });
    }

    fn text(&mut self, key: &str, value: &str) {
        if !value.is_empty() {
            self.add(key.to_owned(), text(value));
        }
    }

    fn number(&mut self, key: &str, value: Option<impl TryInto<i64>>) {
        if let Some(number) = value.and_then(|value| value.try_into().ok()) {
            self.add(key.to_owned(), AnyValue { value: Some(Value::IntValue(number)) });
        }
    }

    fn flag(&mut self, key: &str, value: Option<bool>) {
        if let Some(yes) = value {
            self.add(key.to_owned(), AnyValue { value: Some(Value::BoolValue(yes)) });
        }
    }

    fn list(&mut self, key: &str, values: impl Iterator<Item = String>) {
        let values: Vec<_> = values.map(|value| text(&value)).collect();
        if !values.is_empty() {
            let array = Value::ArrayValue(ArrayValue { values });
            self.add(key.to_owned(), AnyValue { value: Some(array) });
        }
    }

    fn end(&mut self, side: &str, end: Option<&Endpoint>) {
        let Some(end) = end else { return };
        self.text(&format!("{side}.k8s.namespace.name"), &end.namespace);
        self.text(&format!("{side}.k8s.pod.name"), &end.pod_name);
        self.text(&format!("{side}.k8s.cluster.name"), &end.cluster_name);
        if let Some(workload) = end.workloads.first() {
            self.text(&format!("{side}.k8s.workload.name"), &workload.name);
            self.text(&format!("{side}.k8s.workload.kind"), &workload.kind);
        }
        self.number(&format!("hubble.{side}.identity"), Some(end.identity));
        self.list(&format!("hubble.{side}.labels"), end.labels.iter().cloned());
    }

    fn verdict(&mut self, flow: &Flow) {
        let is_known = flow.verdict() != Verdict::Unknown;
        self.text("hubble.verdict", if is_known { flow.verdict().as_str_name() } else { "" });
        if flow.verdict() == Verdict::Dropped {
            self.text("hubble.drop_reason", flow.drop_reason_desc().as_str_name());
        }
        self.number("hubble.event.type", flow.event_type.map(|kind| kind.r#type));
        self.number("hubble.event.sub_type", flow.event_type.map(|kind| kind.sub_type));
        self.text(
            "hubble.traffic_direction",
            match flow.traffic_direction() {
                TrafficDirection::Unknown => "",
                TrafficDirection::Ingress => "ingress",
                TrafficDirection::Egress => "egress",
            },
        );
        let point = flow.trace_observation_point();
        if point != TraceObservationPoint::UnknownPoint {
            self.text("hubble.observation_point", point.as_str_name());
        }
        self.flag("hubble.is_reply", flow.is_reply);
        self.list("hubble.tcp.flags", flow.tcp_flags().into_iter().flat_map(flags));
    }

    fn policies(&mut self, flow: &Flow) {
        for (key, policies) in [
            ("hubble.egress_allowed_by", &flow.egress_allowed_by),
            ("hubble.ingress_allowed_by", &flow.ingress_allowed_by),
            ("hubble.egress_denied_by", &flow.egress_denied_by),
            ("hubble.ingress_denied_by", &flow.ingress_denied_by),
        ] {
            self.list(key, policies.iter().map(policy));
        }
    }

    fn request(&mut self, flow: &Flow) {
        match flow.l7.as_ref().and_then(|l7| l7.record.as_ref()) {
            Some(layer7::Record::Http(http)) => {
                self.text("http.request.method", &http.method);
                self.text("url.full", &http.url);
                self.number("http.response.status_code", (http.code != 0).then_some(http.code));
            }
            Some(layer7::Record::Dns(dns)) => self.text("dns.question.name", &dns.query),
            _ => {}
        }
    }
}

fn policy(policy: &Policy) -> String {
    let Policy { name, namespace, kind, .. } = policy;
    let name = if namespace.is_empty() { name.clone() } else { format!("{namespace}/{name}") };
    if kind.is_empty() { name } else { format!("{kind} {name}") }
}

fn flags(flags: TcpFlags) -> impl Iterator<Item = String> {
    let TcpFlags { fin, syn, rst, psh, ack, urg, ece, cwr, ns } = flags;
    let all = [
        (fin, "FIN"),
        (syn, "SYN"),
        (rst, "RST"),
        (psh, "PSH"),
        (ack, "ACK"),
        (urg, "URG"),
        (ece, "ECE"),
        (cwr, "CWR"),
        (ns, "NS"),
    ];
    all.into_iter().filter(|(is_set, _)| *is_set).map(|(_, name)| name.to_owned())
}

fn text(value: &str) -> AnyValue {
    AnyValue { value: Some(Value::StringValue(value.to_owned())) }
}
