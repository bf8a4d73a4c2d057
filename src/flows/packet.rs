//! Headers of a packet, as flows show them.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::json::is_default;
use crate::model::MacAddr;

/// MAC addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ethernet {
    /// Sender.
    pub source: MacAddr,
    /// Receiver.
    pub destination: MacAddr,
}

/// IP addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ip {
    /// Sender.
    pub source: IpAddr,
    /// Receiver.
    pub destination: IpAddr,
    /// Sender after translation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_xlated: Option<IpAddr>,
    /// Family.
    #[serde(rename = "ipVersion")]
    pub version: IpVersion,
}

/// The family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IpVersion {
    /// IPv4.
    IPv4,
    /// IPv6.
    IPv6,
}

/// Layer 4; the key is the protocol's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Layer4 {
    /// TCP.
    #[serde(rename = "TCP")]
    Tcp(Tcp),
    /// UDP.
    #[serde(rename = "UDP")]
    Udp(Ports),
    /// SCTP.
    #[serde(rename = "SCTP")]
    Sctp(Ports),
    /// ICMP of IPv4.
    ICMPv4(Icmp),
    /// ICMP of IPv6.
    ICMPv6(Icmp),
}

/// TCP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tcp {
    /// Sender's port.
    #[serde(default, skip_serializing_if = "is_default")]
    pub source_port: u16,
    /// Receiver's port.
    #[serde(default, skip_serializing_if = "is_default")]
    pub destination_port: u16,
    /// Flags of the packet.
    #[serde(default, skip_serializing_if = "is_default")]
    pub flags: TcpFlags,
}

/// Flags of a TCP packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE", default)]
#[expect(missing_docs, reason = "the names are RFC 9293's")]
pub struct TcpFlags {
    #[serde(skip_serializing_if = "is_default")]
    pub fin: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub syn: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub rst: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub psh: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub ack: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub urg: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub ece: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub cwr: bool,
}

impl TcpFlags {
    /// Tells whether all flags of `other` are set.
    pub fn contains(self, other: Self) -> bool {
        let bits = |flags: Self| {
            [flags.fin, flags.syn, flags.rst, flags.psh, flags.ack, flags.urg, flags.ece, flags.cwr]
        };
        bits(self).iter().zip(bits(other)).all(|(have, wanted)| *have || !wanted)
    }
}

/// Ports of UDP and SCTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ports {
    /// Sender's.
    #[serde(default, skip_serializing_if = "is_default")]
    pub source_port: u16,
    /// Receiver's.
    #[serde(default, skip_serializing_if = "is_default")]
    pub destination_port: u16,
}

/// ICMP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Icmp {
    /// Type.
    #[serde(default, rename = "type", skip_serializing_if = "is_default")]
    pub kind: u8,
    /// Code.
    #[serde(default, skip_serializing_if = "is_default")]
    pub code: u8,
}
