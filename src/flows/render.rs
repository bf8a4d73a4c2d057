//! From a record to a flow.

use std::{borrow::Cow, sync::LazyLock};

use super::{
    PeerInfo,
    filter::{End, Subject as _},
    seen::Seen,
};
use crate::{
    events::{self, Direction, Event, EventKind, L4, Observation, Peer, Step},
    hubble::flow::{
        CiliumEventType, Emitter, Endpoint, Ethernet, Flow, FlowType, IcmPv4, IcmPv6, Ip,
        IpVersion, Layer4, NetworkInterface, Policy, Sctp, SocketTranslationPoint, Tcp, TcpFlags,
        TraceObservationPoint, TraceReason, TrafficDirection, Tunnel, Udp, Verdict,
        layer4::Protocol, tunnel,
    },
    model::{DropReason, Identity, MacAddr},
};

/// Sequence numbers make a flow unique on its node; this makes them so across restarts.
pub(super) static EPOCH: LazyLock<u64> = LazyLock::new(rand::random);

impl Seen<'_> {
    /// Returns the flow.
    #[expect(deprecated, reason = "old clients read these fields")]
    pub(super) fn render(&self) -> Flow {
        let Self { record, kind, .. } = *self;
        let event = &record.event;
        let reason = self.drop_reason().into();
        let by = self.policies();
        let ingress = event.direction == Direction::Ingress;
        let allowed = matches!(kind, EventKind::Allowed);
        let of = |wanted: bool, is_allowed: bool| {
            let counts = wanted == ingress && is_allowed == allowed;
            if counts { by.clone() } else { Vec::new() }
        };
        Flow {
            time: Some(self.moment().into()),
            uuid: self.uuid().into_owned(),
            verdict: self.verdict().into(),
            drop_reason: u32::try_from(reason).unwrap_or_default(),
            ethernet: ethernet(event),
            ip: self.ip(),
            l4: self.layer4(),
            source: Some(self.endpoint(End::Source)),
            destination: Some(self.endpoint(End::Destination)),
            r#type: flow_type(kind).into(),
            node_name: self.node_name().into_owned(),
            node_labels: self.node_labels().to_vec(),
            reply: event.reply == Some(true),
            event_type: Some(self.event_type()),
            source_service: self.service(End::Source).cloned(),
            destination_service: self.service(End::Destination).cloned(),
            traffic_direction: self.direction().into(),
            trace_observation_point: trace_point(kind, event.observation).into(),
            trace_reason: trace_reason(kind, event).into(),
            drop_reason_desc: reason,
            is_reply: event.reply,
            interface: self
                .interface()
                .map(|(index, name)| NetworkInterface { index, name: name.to_owned() }),
            tunnel: event.vni.map(tunnel),
            emitter: Some(Emitter {
                name: "skep".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
            }),
            egress_allowed_by: of(false, true),
            ingress_allowed_by: of(true, true),
            egress_denied_by: of(false, false),
            ingress_denied_by: of(true, false),
            policy_match_type: self.match_type(),
            sock_xlate_point: socket_point(kind).into(),
            summary: summary(kind, event),
            ..Flow::default()
        }
    }

    fn endpoint(&self, end: End) -> Endpoint {
        Endpoint {
            id: self.owner(end).map_or(0, |owner| owner.endpoint_id),
            identity: self.identity(end),
            cluster_name: self.cluster(end).to_owned(),
            namespace: self.namespace(end).to_owned(),
            labels: self.labels(end).into_owned(),
            pod_name: self.pod(end).to_owned(),
            workloads: self.workloads(end).to_vec(),
        }
    }

    fn ip(&self) -> Option<Ip> {
        let event = &self.record.event;
        Some(Ip {
            source: self.address(End::Source)?.to_string(),
            destination: self.address(End::Destination)?.to_string(),
            source_xlated: event.translated_source.map(|ip| ip.to_string()).unwrap_or_default(),
            ip_version: ip_version(event).into(),
            encrypted: false,
        })
    }

    fn layer4(&self) -> Option<Layer4> {
        let source_port = self.peer(End::Source).port.unwrap_or_default().into();
        let destination_port = self.peer(End::Destination).port.unwrap_or_default().into();
        let protocol = match self.record.event.l4? {
            L4::Tcp(flags) => {
                let flags = flags_of(flags);
                let flags = (flags != TcpFlags::default()).then_some(flags);
                Protocol::Tcp(Tcp { source_port, destination_port, flags })
            }
            L4::Udp => Protocol::Udp(Udp { source_port, destination_port }),
            L4::Sctp => Protocol::Sctp(Sctp { source_port, destination_port, ..Sctp::default() }),
            L4::Icmp { kind, code } => {
                Protocol::IcmPv4(IcmPv4 { r#type: kind.into(), code: code.into() })
            }
            L4::Icmpv6 { kind, code } => {
                Protocol::IcmPv6(IcmPv6 { r#type: kind.into(), code: code.into() })
            }
            L4::Other(_) => return None,
        };
        Some(Layer4 { protocol: Some(protocol) })
    }

    /// The policies that decided.
    fn policies(&self) -> Vec<Policy> {
        let Some(rule) = &self.record.rule else { return Vec::new() };
        rule.policies.iter().map(|by| Policy::of(by, &rule.path)).collect()
    }

    fn match_type(&self) -> u32 {
        let is_verdict =
            matches!(self.kind, EventKind::Allowed | EventKind::Audited | EventKind::Denied(_));
        let rule = self.record.rule.as_ref().filter(|_| is_verdict);
        rule.map_or(0, |rule| rule.matched.number())
    }
}

/// Returns why a packet was dropped, if it was.
pub(super) const fn drop_reason(kind: EventKind) -> Option<DropReason> {
    match kind {
        EventKind::Drop(reason) | EventKind::Denied(reason) => Some(reason),
        _ => None,
    }
}

/// Returns what became of a packet.
pub(super) const fn verdict(kind: EventKind) -> Verdict {
    match (drop_reason(kind), kind) {
        (Some(_), _) => Verdict::Dropped,
        (None, EventKind::Audited) => Verdict::Audit,
        (None, EventKind::Socket(Step::Asked)) => Verdict::Traced,
        (None, EventKind::Socket(Step::Got)) => Verdict::Translated,
        (None, _) => Verdict::Forwarded,
    }
}

/// Hubble's numbers. The sub type of a trace is the observation, of a drop the reason, of a socket the point.
pub(super) const fn event_type(kind: EventKind, observation: Observation) -> CiliumEventType {
    let (kind, sub_type) = match kind {
        EventKind::Drop(reason) => (CiliumEventType::DROP, reason.code()),
        EventKind::Denied(_) | EventKind::Allowed | EventKind::Audited => {
            (CiliumEventType::POLICY_VERDICT, 0)
        }
        EventKind::Socket(_) => (CiliumEventType::TRACE_SOCKET, socket_point(kind) as u8),
        _ => (CiliumEventType::TRACE, observation as u8),
    };
    CiliumEventType { r#type: kind, sub_type: sub_type as i32 }
}

const fn is_trace(kind: EventKind) -> bool {
    !matches!(
        kind,
        EventKind::Drop(_)
            | EventKind::Denied(_)
            | EventKind::Allowed
            | EventKind::Audited
            | EventKind::Socket(_)
    )
}

const fn flow_type(kind: EventKind) -> FlowType {
    match kind {
        EventKind::Socket(_) => FlowType::Sock,
        _ => FlowType::L3L4,
    }
}

const fn socket_point(kind: EventKind) -> SocketTranslationPoint {
    match kind {
        EventKind::Socket(Step::Asked) => SocketTranslationPoint::SockXlatePointPreDirectionFwd,
        EventKind::Socket(Step::Got) => SocketTranslationPoint::SockXlatePointPostDirectionFwd,
        _ => SocketTranslationPoint::SockXlatePointUnknown,
    }
}

const fn trace_point(kind: EventKind, observation: Observation) -> TraceObservationPoint {
    if !is_trace(kind) {
        return TraceObservationPoint::UnknownPoint;
    }
    match observation {
        Observation::ToEndpoint => TraceObservationPoint::ToEndpoint,
        Observation::ToHost => TraceObservationPoint::ToHost,
        Observation::ToStack => TraceObservationPoint::ToStack,
        Observation::ToOverlay => TraceObservationPoint::ToOverlay,
        Observation::FromEndpoint => TraceObservationPoint::FromEndpoint,
        Observation::FromHost => TraceObservationPoint::FromHost,
        Observation::FromOverlay => TraceObservationPoint::FromOverlay,
        Observation::FromNetwork => TraceObservationPoint::FromNetwork,
        Observation::ToNetwork => TraceObservationPoint::ToNetwork,
    }
}

fn trace_reason(kind: EventKind, event: &Event) -> TraceReason {
    if !is_trace(kind) || matches!(kind, EventKind::Benign(_)) {
        return TraceReason::Unknown;
    }
    if event.related {
        TraceReason::Related
    } else if event.reply == Some(true) {
        TraceReason::Reply
    } else if kind == EventKind::Open {
        TraceReason::New
    } else {
        TraceReason::Established
    }
}

/// Returns the direction in Hubble's words.
pub(super) const fn direction(direction: Direction) -> TrafficDirection {
    match direction {
        Direction::Unknown => TrafficDirection::Unknown,
        Direction::Ingress => TrafficDirection::Ingress,
        Direction::Egress => TrafficDirection::Egress,
    }
}

fn tunnel(vni: u32) -> Tunnel {
    Tunnel { protocol: tunnel::Protocol::Vxlan.into(), vni, ..Tunnel::default() }
}

fn ethernet(event: &Event) -> Option<Ethernet> {
    let (source, destination) = (event.source.mac, event.destination.mac);
    let seen = source != MacAddr::default() || destination != MacAddr::default();
    seen.then(|| Ethernet { source: source.to_string(), destination: destination.to_string() })
}

/// Returns the version of a packet that has an IP header.
pub(super) fn ip_version(event: &Event) -> IpVersion {
    if event.ip_version == Some(4) { IpVersion::IPv4 } else { IpVersion::IPv6 }
}

/// Returns flags as flows have them.
pub(super) fn flags_of(flags: events::TcpFlags) -> TcpFlags {
    TcpFlags {
        fin: flags.contains(events::TcpFlags::FIN),
        syn: flags.contains(events::TcpFlags::SYN),
        rst: flags.contains(events::TcpFlags::RST),
        psh: flags.contains(events::TcpFlags::PSH),
        ack: flags.contains(events::TcpFlags::ACK),
        urg: flags.contains(events::TcpFlags::URG),
        ece: flags.contains(events::TcpFlags::ECE),
        cwr: flags.contains(events::TcpFlags::CWR),
        ns: false,
    }
}

/// The packet's own identity counts; the owner of the address fills in when it has none.
pub(super) fn identity(peer: &Peer, owner: Option<&PeerInfo>) -> Identity {
    match (peer.identity, owner.and_then(|owner| owner.identity)) {
        (Identity::UNKNOWN, Some(known)) => known,
        (identity, _) => identity,
    }
}

/// Returns the labels of one side of a packet.
pub(super) fn labels<'a>(peer: &Peer, owner: Option<&'a PeerInfo>) -> Cow<'a, [String]> {
    let identity = identity(peer, owner);
    // Not all that comes from a node is the node's own: it may stand for others.
    let is_own = |owner: &&PeerInfo| {
        owner.identity.is_none_or(|own| own == identity) || !owner.pod.is_empty()
    };
    match owner.filter(is_own) {
        Some(owner) if !owner.labels.is_empty() => Cow::Borrowed(&owner.labels),
        _ => Cow::Owned(identity.fixed_labels().to_strings()),
    }
}

/// One line for people; also for what Hubble's fields have no room for.
fn summary(kind: EventKind, event: &Event) -> String {
    let packet = match event.l4 {
        Some(L4::Tcp(events::TcpFlags(0))) => "TCP".to_owned(),
        Some(L4::Tcp(flags)) => format!("TCP Flags: {flags}"),
        Some(L4::Udp) => "UDP".to_owned(),
        Some(L4::Sctp) => "SCTP".to_owned(),
        Some(L4::Icmp { kind, code }) => format!("ICMPv4 {}", super::protocol::icmpv4(kind, code)),
        Some(L4::Icmpv6 { kind, code }) => {
            format!("ICMPv6 {}", super::protocol::icmpv6(kind, code))
        }
        Some(L4::Other(protocol)) => format!("IP protocol {protocol}"),
        None => super::protocol::ether_type(event.ether_type),
    };
    match kind {
        EventKind::Benign(note) => format!("{packet}; {}", note.name()),
        _ => packet,
    }
}
