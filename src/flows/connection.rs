//! Connections as keys of maps: looked up for each event, so their bits are packed for hashing.

use std::net::IpAddr;

use crate::events::{L4, Peer};

/// An address and a port; packets without have zeroes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct End {
    address: u128,
    port: u16,
}

/// A protocol, who opened the connection, and who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Connection {
    addresses: [u128; 2],
    /// Both ports and the protocol.
    rest: u64,
}

impl End {
    pub(super) fn of(peer: &Peer) -> Self {
        let address = peer.address.map_or(0, |address| match address {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
            IpAddr::V6(v6) => v6.to_bits(),
        });
        Self { address, port: peer.port.unwrap_or_default() }
    }

    /// Returns the same address with no port.
    pub(super) const fn host(self) -> Self {
        Self { port: 0, ..self }
    }
}

impl Connection {
    pub(super) const fn new(protocol: u8, opener: End, responder: End) -> Self {
        let ports = (opener.port as u64) << 32 | (responder.port as u64) << 16;
        Self { addresses: [opener.address, responder.address], rest: ports | protocol as u64 }
    }
}

/// Returns the number of a protocol.
pub(super) const fn number(l4: L4) -> u8 {
    match l4 {
        L4::Tcp(_) => 6,
        L4::Udp => 17,
        L4::Sctp => 132,
        L4::Icmp { .. } => 1,
        L4::Icmpv6 { .. } => 58,
        L4::Other(number) => number,
    }
}
