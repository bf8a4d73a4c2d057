//! Events as the datapath told them: nothing looked up, nothing left out.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{BootClock, protocol_name};
use crate::{
    events::{Direction, Event, EventKind, L4, Observation, Peer, TcpFlags},
    model::DropReason,
};

/// An event of the datapath, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RawEvent {
    /// When it happened.
    pub time: Timestamp,
    /// What happened.
    pub kind: RawKind,
    /// Why, for drops and what is benign.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Where the packet was seen, such as `to-endpoint`.
    pub observation: String,
    /// `ingress`, `egress` or `unknown`, seen from the endpoint or the node.
    pub direction: String,
    /// Who sent the packet.
    pub source: RawPeer,
    /// Who is to get it.
    pub destination: RawPeer,
    /// The source after translation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub translated_source: Option<IpAddr>,
    /// Address and port of the service that who opened the connection speaks with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<(IpAddr, u16)>,
    /// Protocol, and what its header says; EtherType of what is not IP.
    pub protocol: String,
    /// Whether it is a reply, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply: Option<bool>,
    /// An ICMP error that belongs to a connection.
    pub related: bool,
    /// Number of the local endpoint that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<u32>,
    /// Index of the device where the program ran.
    pub device: u32,
    /// Bytes at layer 2.
    pub length: u32,
    /// Number of the policy rule that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<u32>,
    /// VNI, at the overlay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vni: Option<u32>,
    /// Packets and bytes of the connection so far, from its opener.
    pub sent: (u64, u64),
    /// Packets and bytes of the connection so far, to its opener.
    pub received: (u64, u64),
}

/// One end of a packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RawPeer {
    /// Address, of IP packets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// Port, of protocols that have some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Number of the identity.
    pub identity: u32,
    /// Hardware address.
    pub mac: String,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RawKind {
    /// A packet was dropped.
    Drop,
    /// A packet was consumed or ignored, which is no fault.
    Benign,
    /// The first packet of a connection.
    Open,
    /// TCP flags that were not seen before.
    News,
    /// The end of a connection.
    Close,
    /// A periodic report of a long connection.
    Report,
    /// A policy allowed.
    Allowed,
    /// A policy would have denied, but is audited.
    Audited,
    /// A policy denied.
    Denied,
    /// A socket was connected to a backend instead of its service.
    Socket,
}

impl RawKind {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Drop,
        Self::Benign,
        Self::Open,
        Self::News,
        Self::Close,
        Self::Report,
        Self::Allowed,
        Self::Audited,
        Self::Denied,
        Self::Socket,
    ];

    /// Returns its name, as in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Benign => "benign",
            Self::Open => "open",
            Self::News => "news",
            Self::Close => "close",
            Self::Report => "report",
            Self::Allowed => "allowed",
            Self::Audited => "audited",
            Self::Denied => "denied",
            Self::Socket => "socket",
        }
    }

    pub(super) const fn of(kind: EventKind) -> Self {
        match kind {
            EventKind::Drop(_) => Self::Drop,
            EventKind::Benign(_) => Self::Benign,
            EventKind::Open => Self::Open,
            EventKind::News => Self::News,
            EventKind::Close => Self::Close,
            EventKind::Report => Self::Report,
            EventKind::Allowed => Self::Allowed,
            EventKind::Audited => Self::Audited,
            EventKind::Denied(_) => Self::Denied,
            EventKind::Socket(_) => Self::Socket,
        }
    }
}

impl RawEvent {
    pub(super) fn of(event: &Event, clock: &BootClock) -> Self {
        let totals = event.totals;
        Self {
            time: clock.wall(event.time),
            kind: RawKind::of(event.kind),
            reason: reason(event.kind).map(str::to_owned),
            observation: observation(event.observation).to_owned(),
            direction: direction(event.direction).to_owned(),
            source: RawPeer::of(&event.source),
            destination: RawPeer::of(&event.destination),
            translated_source: event.translated_source,
            service: event.service,
            protocol: protocol(event),
            reply: event.reply,
            related: event.related,
            endpoint: event.endpoint.map(|endpoint| endpoint.0),
            device: event.device.0,
            length: event.length,
            rule: event.rule,
            vni: event.vni,
            sent: (totals.tx_packets, totals.tx_bytes),
            received: (totals.rx_packets, totals.rx_bytes),
        }
    }
}

impl RawPeer {
    fn of(peer: &Peer) -> Self {
        Self {
            address: peer.address,
            port: peer.port,
            identity: peer.identity.0,
            mac: peer.mac.to_string(),
        }
    }
}

fn reason(kind: EventKind) -> Option<&'static str> {
    match kind {
        EventKind::Drop(reason) | EventKind::Denied(reason) => Some(DropReason::name(reason)),
        EventKind::Benign(note) => Some(note.name()),
        _ => None,
    }
}

fn protocol(event: &Event) -> String {
    match event.l4 {
        Some(L4::Tcp(TcpFlags(0))) => "TCP".to_owned(),
        Some(L4::Tcp(flags)) => format!("TCP {flags}"),
        Some(L4::Udp) => "UDP".to_owned(),
        Some(L4::Sctp) => "SCTP".to_owned(),
        Some(L4::Icmp { kind, code }) => format!("ICMPv4 type {kind} code {code}"),
        Some(L4::Icmpv6 { kind, code }) => format!("ICMPv6 type {kind} code {code}"),
        Some(L4::Other(number)) => protocol_name(number),
        None => format!("ethertype {:#06x}", event.ether_type),
    }
}

const fn observation(observation: Observation) -> &'static str {
    match observation {
        Observation::ToEndpoint => "to-endpoint",
        Observation::ToHost => "to-host",
        Observation::ToStack => "to-stack",
        Observation::ToOverlay => "to-overlay",
        Observation::FromEndpoint => "from-endpoint",
        Observation::FromHost => "from-host",
        Observation::FromOverlay => "from-overlay",
        Observation::FromNetwork => "from-network",
        Observation::ToNetwork => "to-network",
    }
}

const fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Unknown => "unknown",
        Direction::Ingress => "ingress",
        Direction::Egress => "egress",
    }
}
