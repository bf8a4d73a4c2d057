//! From a record to a flow.

use std::{borrow::Cow, sync::LazyLock};

use uuid::Builder;

use super::{BootClock, PeerInfo, Record, observer::Settings};
use crate::{
    events::{self, Direction, Event, EventKind, L4, Observation, Peer},
    hubble::flow::{
        CiliumEventType, Emitter, Endpoint, Ethernet, Flow, FlowType, IcmPv4, IcmPv6, Ip,
        IpVersion, Layer4, NetworkInterface, Policy, Sctp, Tcp, TcpFlags, TraceObservationPoint,
        TraceReason, TrafficDirection, Tunnel, Udp, Verdict, layer4::Protocol, tunnel,
    },
    model::{DropReason, Identity, MacAddr},
};

/// Sequence numbers make a flow unique on its node; this makes them so across restarts.
static EPOCH: LazyLock<u64> = LazyLock::new(rand::random);

impl Record {
    /// Returns one of its flows.
    #[expect(deprecated, reason = "old clients read these fields")]
    pub(super) fn render(&self, kind: EventKind, clock: &BootClock, settings: &Settings) -> Flow {
        let event = &Event { kind, ..self.event.clone() };
        let reason = drop_reason(event.kind).map_or(0, DropReason::code);
        let by = self.policies();
        let ingress = event.direction == Direction::Ingress;
        let allowed = matches!(event.kind, EventKind::Allowed);
        let of = |wanted: bool, is_allowed: bool| {
            let counts = wanted == ingress && is_allowed == allowed;
            if counts { by.clone() } else { Vec::new() }
        };
        Flow {
            time: Some(clock.wall(event.time).into()),
            uuid: self.uuid(kind),
            verdict: verdict(event.kind).into(),
            drop_reason: reason.into(),
            ethernet: ethernet(event),
            ip: ip(event),
            l4: layer4(event),
            source: Some(endpoint(&event.source, self.source.as_deref(), settings)),
            destination: Some(endpoint(&event.destination, self.destination.as_deref(), settings)),
            r#type: FlowType::L3L4.into(),
            node_name: format!("{}/{}", settings.cluster, settings.node),
            reply: event.reply == Some(true),
            event_type: Some(event_type(event)),
            traffic_direction: direction(event.direction).into(),
            trace_observation_point: trace_point(event).into(),
            trace_reason: trace_reason(event).into(),
            drop_reason_desc: reason.into(),
            is_reply: event.reply,
            interface: self.interface(),
            tunnel: event.vni.map(tunnel),
            emitter: Some(Emitter {
                name: "skep".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
            }),
            egress_allowed_by: of(false, true),
            ingress_allowed_by: of(true, true),
            egress_denied_by: of(false, false),
            ingress_denied_by: of(true, false),
            policy_match_type: self.match_type(event.kind),
            summary: summary(event),
            ..Flow::default()
        }
    }

    /// The policies that decided.
    fn policies(&self) -> Vec<Policy> {
        let Some(rule) = &self.rule else { return Vec::new() };
        rule.policies.iter().map(|by| Policy::of(by, &rule.path)).collect()
    }

    fn match_type(&self, kind: EventKind) -> u32 {
        let is_verdict =
            matches!(kind, EventKind::Allowed | EventKind::Audited | EventKind::Denied(_));
        let rule = self.rule.as_ref().filter(|_| is_verdict);
        rule.map_or(0, |rule| rule.matched.number())
    }

    fn uuid(&self, kind: EventKind) -> String {
        // A sequence number never gets so far; the two bits above are the UUID's variant.
        let is_verdict_of_drop = kind != self.event.kind;
        let sequence = self.sequence | u64::from(is_verdict_of_drop) << 61;
        let bytes = u128::from(*EPOCH) << 64 | u128::from(sequence);
        Builder::from_random_bytes(bytes.to_be_bytes()).into_uuid().to_string()
    }

    fn interface(&self) -> Option<NetworkInterface> {
        let index = self.event.device.0;
        let name = self.interface.as_deref().unwrap_or_default().to_owned();
        (index != 0).then_some(NetworkInterface { index, name })
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
        (None, _) => Verdict::Forwarded,
    }
}

/// Hubble's numbers. The sub type of a trace is the observation, of a drop the reason.
fn event_type(event: &Event) -> CiliumEventType {
    let (kind, sub_type) = match event.kind {
        EventKind::Drop(reason) => (CiliumEventType::DROP, reason.code()),
        EventKind::Denied(_) | EventKind::Allowed | EventKind::Audited => {
            (CiliumEventType::POLICY_VERDICT, 0)
        }
        _ => (CiliumEventType::TRACE, event.observation as u8),
    };
    CiliumEventType { r#type: kind, sub_type: sub_type.into() }
}

const fn is_trace(kind: EventKind) -> bool {
    !matches!(
        kind,
        EventKind::Drop(_) | EventKind::Denied(_) | EventKind::Allowed | EventKind::Audited
    )
}

const fn trace_point(event: &Event) -> TraceObservationPoint {
    if !is_trace(event.kind) {
        return TraceObservationPoint::UnknownPoint;
    }
    match event.observation {
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

fn trace_reason(event: &Event) -> TraceReason {
    if !is_trace(event.kind) || matches!(event.kind, EventKind::Benign(_)) {
        return TraceReason::Unknown;
    }
    if event.related {
        TraceReason::Related
    } else if event.reply == Some(true) {
        TraceReason::Reply
    } else if event.kind == EventKind::Open {
        TraceReason::New
    } else {
        TraceReason::Established
    }
}

const fn direction(direction: Direction) -> TrafficDirection {
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

fn ip(event: &Event) -> Option<Ip> {
    let version = if event.ip_version == Some(4) { IpVersion::IPv4 } else { IpVersion::IPv6 };
    Some(Ip {
        source: event.source.address?.to_string(),
        destination: event.destination.address?.to_string(),
        source_xlated: event.translated_source.map(|ip| ip.to_string()).unwrap_or_default(),
        ip_version: version.into(),
        encrypted: false,
    })
}

fn layer4(event: &Event) -> Option<Layer4> {
    let source_port = event.source.port.unwrap_or_default().into();
    let destination_port = event.destination.port.unwrap_or_default().into();
    let protocol = match event.l4? {
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

fn flags_of(flags: events::TcpFlags) -> TcpFlags {
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
fn identity(peer: &Peer, owner: Option<&PeerInfo>) -> Identity {
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

fn endpoint(peer: &Peer, owner: Option<&PeerInfo>, settings: &Settings) -> Endpoint {
    let identity = identity(peer, owner);
    let labels = labels(peer, owner).into_owned();
    let mut endpoint = Endpoint { identity: identity.0, labels, ..Endpoint::default() };
    if let Some(owner) = owner {
        endpoint.id = owner.endpoint_id;
        endpoint.namespace.clone_from(&owner.namespace);
        endpoint.pod_name.clone_from(&owner.pod);
        endpoint.workloads = owner.workload.clone().into_iter().collect();
    }
    if !endpoint.pod_name.is_empty() {
        endpoint.cluster_name.clone_from(&settings.cluster);
    }
    endpoint
}

/// One line for people; also for what Hubble's fields have no room for.
fn summary(event: &Event) -> String {
    let packet = match event.l4 {
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
    match event.kind {
        EventKind::Benign(note) => format!("{packet}; {}", note.name()),
        _ => packet,
    }
}
