//! The connection table.

use std::{net::IpAddr, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use skep_bpf::abi::{self, Approval, CtKey, CtValue, OPENER, RESPONDER, ct_flags, ct_kind};

use crate::{
    api::Listed,
    flows::{BootClock, protocol_name},
    maps::{ConntrackTable, MapError, MapStore},
};

/// A tracked connection, seen from its opener.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Connection {
    /// Which table the tuple belongs to.
    pub zone: Zone,
    /// TCP, UDP, ICMPv4 ...
    pub protocol: String,
    /// Who opened it. For ICMP echo the ports hold the identifier.
    pub source: End,
    /// The other end.
    pub destination: End,
    /// What the other end sees as source, when that is translated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_xlated: Option<End>,
    /// The frontend that the opener speaks with, if packets are translated for it. A connection that was made
    /// to a backend by connect(2) is one like any other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<End>,
    /// The service that has this frontend now, as NAMESPACE/NAME.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_name: Option<String>,
    /// The backend of the service that takes the connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<End>,
    /// Judgement of the source endpoint's egress, if it is a pod of this node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egress: Option<Leg>,
    /// Judgement of the destination endpoint's ingress, if it is a pod of this node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ingress: Option<Leg>,
    /// From the opener.
    pub sent: Traffic,
    /// To the opener.
    pub received: Traffic,
    /// TCP flags seen from the opener, as on the wire.
    pub sent_flags: u8,
    /// TCP flags seen to the opener, as on the wire.
    pub received_flags: u8,
    /// When it was opened.
    pub created: Timestamp,
    /// When its last packet was seen.
    pub last_seen: Timestamp,
}

/// Which table a tuple belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Zone {
    /// As pods see it.
    Pod,
    /// Before service translation.
    Service,
    /// On the underlay, after source translation.
    NodeSnat,
    /// The host's own.
    Host,
    /// A number this version does not know.
    Unknown,
}

impl Zone {
    /// Returns the word that people see.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pod => "pod",
            Self::Service => "service",
            Self::NodeSnat => "node-snat",
            Self::Host => "host",
            Self::Unknown => "unknown",
        }
    }

    const fn from_code(code: u8) -> Self {
        const POD: u8 = abi::Zone::Pod as u8;
        const SERVICE: u8 = abi::Zone::Service as u8;
        const NODE_SNAT: u8 = abi::Zone::NodeSnat as u8;
        const HOST: u8 = abi::Zone::Host as u8;
        match code {
            POD => Self::Pod,
            SERVICE => Self::Service,
            NODE_SNAT => Self::NodeSnat,
            HOST => Self::Host,
            _ => Self::Unknown,
        }
    }
}

/// An address and a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct End {
    /// Address.
    pub address: IpAddr,
    /// Port, or ICMP identifier; 0 for protocols without.
    pub port: u16,
}

/// Names the service that has a frontend of an IP protocol.
pub type NameService<'a> = &'a dyn Fn(End, u8) -> Option<String>;

/// One side's judgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Leg {
    /// Policy revision it was judged under.
    pub revision: u32,
    /// Identity of the peer that was judged.
    pub peer: u32,
}

/// Packets and bytes one way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Traffic {
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
}

impl Connection {
    /// Reads the tracked connections, ordered by their ends; aliases are left out.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn list(
        store: &impl MapStore,
        clock: &BootClock,
        name: NameService<'_>,
    ) -> Result<Vec<Self>, MapError> {
        let mut items: Vec<Self> = store
            .entries::<ConntrackTable>()?
            .iter()
            .filter(|(_, value)| value.kind == ct_kind::TRACKED)
            .map(|(key, value)| Self::new(key, value, clock, name))
            .collect();
        items.sort_by_key(|item| (item.source, item.destination));
        Ok(items)
    }

    pub(super) fn new(
        key: &CtKey,
        value: &CtValue,
        clock: &BootClock,
        name: NameService<'_>,
    ) -> Self {
        let a = End { address: key.addr_a.into(), port: key.port_a };
        let b = End { address: key.addr_b.into(), port: key.port_b };
        let (source, destination) =
            if value.flags & ct_flags::OPENED_BY_B != 0 { (b, a) } else { (a, b) };
        let (service, backend) = served(key, value, destination).unzip();
        let source_xlated = (value.flags & ct_flags::SNAT != 0)
            .then(|| End { address: value.nat_addr.into(), port: value.nat_port });
        Self {
            zone: Zone::from_code(key.zone),
            protocol: protocol_name(key.proto),
            source,
            destination,
            source_xlated,
            service,
            service_name: service.and_then(|frontend| name(frontend, key.proto)),
            backend,
            egress: Leg::judged(value.approval[OPENER]),
            ingress: Leg::judged(value.approval[RESPONDER]),
            sent: Traffic::from(value, OPENER),
            received: Traffic::from(value, RESPONDER),
            sent_flags: value.tcp_flags[OPENER],
            received_flags: value.tcp_flags[RESPONDER],
            created: clock.wall(Duration::from_nanos(value.created)),
            last_seen: clock.wall(Duration::from_nanos(value.last_seen)),
        }
    }
}

/// Returns the frontend and the backend of a connection with a service: one of them is in the key.
fn served(key: &CtKey, value: &CtValue, destination: End) -> Option<(End, End)> {
    if value.flags & ct_flags::SERVICE == 0 {
        return None;
    }
    let other = End { address: value.service_addr.into(), port: value.service_port };
    let is_before_translation = key.zone == abi::Zone::Service as u8;
    Some(if is_before_translation { (destination, other) } else { (other, destination) })
}

impl Traffic {
    fn from(value: &CtValue, side: usize) -> Self {
        Self { packets: value.packets[side], bytes: value.bytes[side] }
    }
}

impl Leg {
    fn judged(approval: u64) -> Option<Self> {
        let approval = Approval(approval);
        (approval != Approval::NONE)
            .then(|| Self { revision: approval.revision(), peer: approval.peer() })
    }
}

impl Listed for Connection {
    const KIND: &'static str = "ConnectionList";
    const PATH: &'static str = "/v1/bpf/ct";
}
