//! Filters, checked and ready.

use std::net::IpAddr;

use super::{EventTypeFilter, Filter, name::NodePattern, side::Side};
use crate::flows::{Flow, Ip, IpVersion, Layer4, Request, TcpFlags, TrafficDirection, Verdict};

/// Most filters of one sort: a reader must not make every flow expensive.
const MAX_FILTERS: usize = 256;

/// A filter makes no sense.
#[derive(Debug, thiserror::Error)]
pub enum InvalidFilter {
    /// Not an address or CIDR.
    #[error("{text:?} is not an IP address or CIDR")]
    Address {
        /// What was given.
        text: String,
    },
    /// Not a port.
    #[error("{text:?} is not a port")]
    Port {
        /// What was given.
        text: String,
    },
    /// Not a label selector.
    #[error("{text:?} is not a label selector")]
    Label {
        /// What was given.
        text: String,
    },
    /// Not a protocol that flows have.
    #[error("unknown protocol {text:?}")]
    Protocol {
        /// What was given.
        text: String,
    },
    /// Too many of them.
    #[error("{count} filters, but at most {MAX_FILTERS} are allowed")]
    TooMany {
        /// How many there are.
        count: usize,
    },
}

/// The filters of a request, checked.
#[derive(Clone, Debug)]
pub struct Matcher {
    since: Option<jiff::Timestamp>,
    until: Option<jiff::Timestamp>,
    allow: Vec<One>,
    deny: Vec<One>,
}

impl Matcher {
    /// Checks the filters of a request.
    ///
    /// # Errors
    /// When one makes no sense.
    pub fn compile(request: &Request) -> Result<Self, InvalidFilter> {
        let count = request.allow.len().max(request.deny.len());
        if count > MAX_FILTERS {
            return Err(InvalidFilter::TooMany { count });
        }
        let all =
            |filters: &[Filter]| filters.iter().map(One::compile).collect::<Result<Vec<_>, _>>();
        Ok(Self {
            since: request.since,
            until: request.until,
            allow: all(&request.allow)?,
            deny: all(&request.deny)?,
        })
    }

    /// Tells whether a flow passes.
    pub fn matches(&self, flow: &Flow) -> bool {
        self.since.is_none_or(|since| flow.time >= since)
            && self.until.is_none_or(|until| flow.time <= until)
            && (self.allow.is_empty() || self.allow.iter().any(|one| one.matches(flow)))
            && !self.deny.iter().any(|one| one.matches(flow))
    }
}

/// One filter, checked.
#[derive(Clone, Debug)]
struct One {
    source: Side,
    destination: Side,
    verdict: Vec<Verdict>,
    reason: Vec<String>,
    event_type: Vec<EventTypeFilter>,
    protocol: Vec<Protocol>,
    ip_version: Vec<IpVersion>,
    tcp_flags: Vec<TcpFlags>,
    reply: Vec<bool>,
    direction: Vec<TrafficDirection>,
    node: Vec<NodePattern>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Tcp,
    Udp,
    Sctp,
    Icmp,
    Icmpv4,
    Icmpv6,
}

impl One {
    fn compile(filter: &Filter) -> Result<Self, InvalidFilter> {
        Ok(Self {
            source: Side::compile(
                &filter.source_ip,
                &filter.source_pod,
                &filter.source_label,
                &filter.source_port,
            )?
            .with(&filter.source_identity, &filter.source_workload),
            destination: Side::compile(
                &filter.destination_ip,
                &filter.destination_pod,
                &filter.destination_label,
                &filter.destination_port,
            )?
            .with(&filter.destination_identity, &filter.destination_workload),
            verdict: filter.verdict.clone(),
            reason: filter.drop_reason_desc.iter().map(|name| name.to_uppercase()).collect(),
            event_type: filter.event_type.clone(),
            protocol: each(&filter.protocol, Protocol::parse)?,
            ip_version: filter.ip_version.clone(),
            tcp_flags: filter.tcp_flags.clone(),
            reply: filter.reply.clone(),
            direction: filter.traffic_direction.clone(),
            node: filter.node_name.iter().map(|text| NodePattern::parse(text)).collect(),
        })
    }

    fn matches(&self, flow: &Flow) -> bool {
        let address = |pick: fn(&Ip) -> IpAddr| flow.ip.as_ref().map(pick);
        let (source_port, destination_port) = ports(flow);
        any(&self.verdict, |verdict| *verdict == flow.verdict)
            && any(&self.event_type, |wanted| wanted.matches(flow))
            && any(&self.protocol, |protocol| protocol.matches(flow))
            && any(&self.reason, |reason| *reason == flow.drop_reason_desc)
            && any(&self.ip_version, |version| flow.ip.is_some_and(|ip| ip.version == *version))
            && any(&self.tcp_flags, |flags| has_flags(flow, *flags))
            && any(&self.reply, |reply| is_reply(flow) == Some(*reply))
            && any(&self.direction, |direction| *direction == flow.traffic_direction)
            && any(&self.node, |node| node.matches(&flow.node_name))
            && self.source.matches(&flow.source, address(|ip| ip.source), source_port)
            && self.destination.matches(
                &flow.destination,
                address(|ip| ip.destination),
                destination_port,
            )
    }
}

impl EventTypeFilter {
    const fn matches(self, flow: &Flow) -> bool {
        (self.kind == 0 || self.kind == flow.event_type.kind)
            && (!self.match_sub_type || self.sub_type == flow.event_type.sub_type)
    }
}

impl Protocol {
    fn parse(text: &str) -> Result<Self, InvalidFilter> {
        Ok(match text.to_lowercase().as_str() {
            "tcp" => Self::Tcp,
            "udp" => Self::Udp,
            "sctp" => Self::Sctp,
            "icmp" => Self::Icmp,
            "icmpv4" => Self::Icmpv4,
            "icmpv6" => Self::Icmpv6,
            _ => return Err(InvalidFilter::Protocol { text: text.to_owned() }),
        })
    }

    const fn matches(self, flow: &Flow) -> bool {
        match flow.l4 {
            Some(Layer4::Tcp(_)) => matches!(self, Self::Tcp),
            Some(Layer4::Udp(_)) => matches!(self, Self::Udp),
            Some(Layer4::Sctp(_)) => matches!(self, Self::Sctp),
            Some(Layer4::ICMPv4(_)) => matches!(self, Self::Icmp | Self::Icmpv4),
            Some(Layer4::ICMPv6(_)) => matches!(self, Self::Icmp | Self::Icmpv6),
            None => false,
        }
    }
}

/// No element means that the field does not matter.
pub(super) fn any<T>(wanted: &[T], matches: impl Fn(&T) -> bool) -> bool {
    wanted.is_empty() || wanted.iter().any(matches)
}

pub(super) fn each<T>(
    texts: &[String],
    parse: impl Fn(&str) -> Result<T, InvalidFilter>,
) -> Result<Vec<T>, InvalidFilter> {
    texts.iter().map(|text| parse(text)).collect()
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

fn has_flags(flow: &Flow, wanted: TcpFlags) -> bool {
    matches!(flow.l4, Some(Layer4::Tcp(tcp)) if tcp.flags.contains(wanted))
}

/// A dropped packet of which nobody knows counts as no reply.
fn is_reply(flow: &Flow) -> Option<bool> {
    flow.is_reply.or((flow.verdict == Verdict::Dropped).then_some(false))
}
