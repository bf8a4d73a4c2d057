//! Bytes -> [`Event`].

use std::{net::IpAddr, time::Duration};

use skep_bpf::abi::{self, Addr, Counted, Direction, Observation, event_flags, event_kind};

use super::{Event, EventKind, L4, Peer, Step, TcpFlags, Totals};
use crate::model::{EndpointId, Identity, IfIndex, MacAddr};

/// A record that no program of this version writes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not the size of a record.
    #[error("a record of {0} bytes")]
    Size(usize),
    /// A number without a meaning.
    #[error("unknown {what} {code}")]
    Code {
        /// Which field.
        what: &'static str,
        /// Its value.
        code: u8,
    },
    /// Fields that contradict each other.
    #[error("a record with {0}")]
    Contradiction(&'static str),
}

const TCP: u8 = 6;
const UDP: u8 = 17;
const SCTP: u8 = 132;
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;

impl Event {
    /// Decodes the fields of a record.
    ///
    /// # Errors
    /// When a field has a value without a meaning, or fields contradict each other.
    pub fn decode(record: &abi::Event) -> Result<Self, Malformed> {
        let ip_version = match record.ip_version {
            0 => None,
            version @ (4 | 6) => Some(version),
            code => return Err(Malformed::Code { what: "IP version", code }),
        };
        let l4 = l4(record, ip_version)?;
        let observation = observation(record.observation)?;
        let overlay = matches!(observation, Observation::ToOverlay | Observation::FromOverlay);
        let has_ports = matches!(l4, Some(L4::Tcp(_) | L4::Udp | L4::Sctp));
        let address = |addr: Addr| ip_version.map(|_| IpAddr::from(addr));
        let peer = |addr, port, identity, mac| Peer {
            address: address(addr),
            port: has_ports.then_some(port),
            identity: Identity(identity),
            mac: MacAddr(mac),
        };
        let kind = kind(record)?;
        Ok(Self {
            time: Duration::from_nanos(record.time),
            kind,
            observation,
            direction: direction(record.direction)?,
            source: peer(record.src, record.sport, record.src_identity, record.src_mac),
            destination: peer(record.dst, record.dport, record.dst_identity, record.dst_mac),
            service: (ip_version.is_some() && !record.service.is_zero())
                .then(|| (record.service.into(), record.service_port)),
            translated_source: (!record.src_xlated.is_zero()).then(|| record.src_xlated.into()),
            l4,
            ip_version,
            ether_type: record.ether_type,
            reply: is_reply(record.flags, kind),
            related: record.flags & event_flags::RELATED != 0,
            endpoint: (record.endpoint_id != 0).then_some(EndpointId(record.endpoint_id)),
            device: IfIndex(record.ifindex),
            length: record.length,
            rule: (record.rule_id != 0).then_some(record.rule_id),
            vni: (overlay && record.vni != 0).then_some(record.vni),
            totals: Totals {
                tx_packets: record.tx_packets,
                tx_bytes: record.tx_bytes,
                rx_packets: record.rx_packets,
                rx_bytes: record.rx_bytes,
            },
        })
    }
}

/// A dropped packet never reached connection tracking, so "not a reply" would be a guess; a socket that is
/// being connected has none.
fn is_reply(flags: u8, kind: EventKind) -> Option<bool> {
    match (flags & event_flags::REPLY != 0, kind) {
        (true, _) => Some(true),
        (
            false,
            EventKind::Drop(_) | EventKind::Benign(_) | EventKind::Denied(_) | EventKind::Socket(_),
        ) => None,
        (false, _) => Some(false),
    }
}

fn kind(record: &abi::Event) -> Result<EventKind, Malformed> {
    let reason = Counted::from_code(record.reason)
        .ok_or(Malformed::Code { what: "reason", code: record.reason })?;
    let has = |flag| record.flags & flag != 0;
    Ok(match (record.kind, reason) {
        (event_kind::DROP, Counted::Drop(reason)) => EventKind::Drop(reason),
        (event_kind::DROP, Counted::Note(note)) => EventKind::Benign(note),
        (event_kind::TRACE, Counted::Note(note)) if has(event_flags::BENIGN) => {
            EventKind::Benign(note)
        }
        (event_kind::TRACE, Counted::Note(_)) if has(event_flags::CLOSE) => EventKind::Close,
        (event_kind::TRACE, Counted::Note(_)) if has(event_flags::NEW) => EventKind::Open,
        (event_kind::TRACE, Counted::Note(_)) if has(event_flags::REPORT) => EventKind::Report,
        (event_kind::TRACE, Counted::Note(_)) => EventKind::News,
        (event_kind::VERDICT, Counted::Note(_)) if has(event_flags::AUDIT) => EventKind::Audited,
        (event_kind::VERDICT, Counted::Note(_)) => EventKind::Allowed,
        (event_kind::VERDICT, Counted::Drop(reason)) => EventKind::Denied(reason),
        (event_kind::SOCKET, Counted::Note(_)) => EventKind::Socket(Step::Got),
        (event_kind::SOCKET, Counted::Drop(_)) => {
            return Err(Malformed::Contradiction("a drop reason on a connected socket"));
        }
        (event_kind::TRACE, Counted::Drop(_)) => {
            return Err(Malformed::Contradiction("a drop reason on a forwarded packet"));
        }
        (code, _) => return Err(Malformed::Code { what: "kind", code }),
    })
}

fn l4(record: &abi::Event, ip_version: Option<u8>) -> Result<Option<L4>, Malformed> {
    if ip_version.is_none() {
        return Ok(None);
    }
    let byte = |value: u16, what| u8::try_from(value).map_err(|_| Malformed::Contradiction(what));
    let icmp = || {
        Ok((
            byte(record.sport, "an ICMP type over 255")?,
            byte(record.dport, "an ICMP code over 255")?,
        ))
    };
    Ok(Some(match record.proto {
        TCP => L4::Tcp(TcpFlags(record.tcp_flags)),
        UDP => L4::Udp,
        SCTP => L4::Sctp,
        ICMP => icmp().map(|(kind, code)| L4::Icmp { kind, code })?,
        ICMPV6 => icmp().map(|(kind, code)| L4::Icmpv6 { kind, code })?,
        // Hop-by-hop is 0 too, but never the last header: the parser walks on.
        0 => return Ok(None),
        other => L4::Other(other),
    }))
}

const fn observation(code: u8) -> Result<Observation, Malformed> {
    Ok(match code {
        0 => Observation::ToEndpoint,
        2 => Observation::ToHost,
        3 => Observation::ToStack,
        4 => Observation::ToOverlay,
        5 => Observation::FromEndpoint,
        7 => Observation::FromHost,
        9 => Observation::FromOverlay,
        10 => Observation::FromNetwork,
        11 => Observation::ToNetwork,
        code => return Err(Malformed::Code { what: "observation", code }),
    })
}

const fn direction(code: u8) -> Result<Direction, Malformed> {
    Ok(match code {
        0 => Direction::Unknown,
        1 => Direction::Ingress,
        2 => Direction::Egress,
        code => return Err(Malformed::Code { what: "direction", code }),
    })
}

#[cfg(test)]
#[path = "tests/decode.rs"]
mod tests;
