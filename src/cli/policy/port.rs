//! Ports as people type them.

use crate::policy::{judge::Packet, rule::Protocol};

#[derive(Debug, thiserror::Error)]
#[error("not PORT/PROTOCOL, such as 80/tcp, 53/udp, 80/sctp, 8/icmp or 128/icmpv6")]
pub(super) struct NotAPort;

/// Reads `PORT/PROTOCOL`.
pub(super) fn packet(text: &str) -> Result<Packet, NotAPort> {
    let (port, protocol) = text.split_once('/').ok_or(NotAPort)?;
    let protocol = Protocol::from_name(protocol).ok_or(NotAPort)?;
    Ok(Packet { protocol, port: port.parse().map_err(|_| NotAPort)? })
}

/// Writes `port/protocol`.
pub(super) fn written(packet: Packet) -> String {
    format!("{}/{}", packet.port, packet.protocol.name().to_ascii_lowercase())
}
