//! What a program said about a packet, in words.

use std::{fmt, net::IpAddr, time::Duration};

pub use skep_bpf::abi::{Direction, Observation};

use crate::model::{DropReason, EndpointId, Identity, IfIndex, MacAddr, Note};

/// One event of the datapath.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Monotonic time, as the programs read it.
    pub time: Duration,
    /// What happened.
    pub kind: EventKind,
    /// Where the packet was seen.
    pub observation: Observation,
    /// Which way the packet goes, seen from the endpoint or the node.
    pub direction: Direction,
    /// Who sent the packet.
    pub source: Peer,
    /// Who is to get it.
    pub destination: Peer,
    /// The source after translation.
    pub translated_source: Option<IpAddr>,
    /// The address and port of the service that who opened the connection speaks with.
    pub service: Option<(IpAddr, u16)>,
    /// Layer 4; none when there is no IP header, or none that could be read.
    pub l4: Option<L4>,
    /// 4 or 6; none when there is no IP header.
    pub ip_version: Option<u8>,
    /// EtherType.
    pub ether_type: u16,
    /// The packet is a reply. None when that is not known, as in most drops.
    pub reply: Option<bool>,
    /// An ICMP error that belongs to a connection.
    pub related: bool,
    /// The local endpoint that the event is about.
    pub endpoint: Option<EndpointId>,
    /// The device where the program ran.
    pub device: IfIndex,
    /// Length of the packet at layer 2.
    pub length: u32,
    /// The policy rule that decided.
    pub rule: Option<u32>,
    /// VNI, at the overlay.
    pub vni: Option<u32>,
    /// Totals of the connection.
    pub totals: Totals,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// The packet was dropped.
    Drop(DropReason),
    /// The packet was consumed or ignored for a benign reason: counted, not a fault.
    Benign(Note),
    /// The first packet of a connection.
    Open,
    /// TCP flags that were not seen before.
    News,
    /// The connection ended (FIN both ways or RST).
    Close,
    /// A periodic report of a long flow.
    Report,
    /// A leg was judged and allowed.
    Allowed,
    /// A leg was judged and would have been denied, if the policy was not audited.
    Audited,
    /// A leg was judged and denied.
    Denied(DropReason),
    /// A socket was connected to a backend instead of its service; there was no packet yet.
    Socket(Step),
}

/// A socket that is connected to a service is told twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// The destination is what was asked for.
    Asked,
    /// The destination is the backend.
    Got,
}

/// One side of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Address; none when there is no IP header.
    pub address: Option<IpAddr>,
    /// Port; none for protocols without.
    pub port: Option<u16>,
    /// Identity.
    pub identity: Identity,
    /// Hardware address in the packet.
    pub mac: MacAddr,
}

/// The layer 4 header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum L4 {
    /// TCP.
    Tcp(TcpFlags),
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
    /// ICMP.
    Icmp {
        /// Type.
        kind: u8,
        /// Code.
        code: u8,
    },
    /// ICMPv6.
    Icmpv6 {
        /// Type.
        kind: u8,
        /// Code.
        code: u8,
    },
    /// Another protocol, by its number.
    Other(u8),
}

/// The flag byte of a TCP header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// FIN.
    pub const FIN: Self = Self(0x01);
    /// SYN.
    pub const SYN: Self = Self(0x02);
    /// RST.
    pub const RST: Self = Self(0x04);
    /// PSH.
    pub const PSH: Self = Self(0x08);
    /// ACK.
    pub const ACK: Self = Self(0x10);
    /// URG.
    pub const URG: Self = Self(0x20);
    /// ECE.
    pub const ECE: Self = Self(0x40);
    /// CWR.
    pub const CWR: Self = Self(0x80);

    const NAMED: [(Self, &'static str); 8] = [
        (Self::SYN, "SYN"),
        (Self::ACK, "ACK"),
        (Self::FIN, "FIN"),
        (Self::RST, "RST"),
        (Self::PSH, "PSH"),
        (Self::URG, "URG"),
        (Self::ECE, "ECE"),
        (Self::CWR, "CWR"),
    ];

    /// Tells whether all flags of `other` are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns the names of the set flags, in the order in which people write them.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMED.into_iter().filter(move |(flag, _)| self.contains(*flag)).map(|(_, name)| name)
    }
}

impl fmt::Display for TcpFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, name) in self.names().enumerate() {
            if position > 0 {
                f.write_str(", ")?;
            }
            f.write_str(name)?;
        }
        Ok(())
    }
}

/// Totals of a connection so far, as its opener sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Packets from the opener.
    pub tx_packets: u64,
    /// Bytes from the opener.
    pub tx_bytes: u64,
    /// Packets to the opener.
    pub rx_packets: u64,
    /// Bytes to the opener.
    pub rx_bytes: u64,
}
