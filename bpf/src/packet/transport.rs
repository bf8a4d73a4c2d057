//! Layer 4 headers: ports, flags, ICMP exchanges.

use super::{
    access::{Packet, Window},
    ip::Extent,
    parsed::{Fragment, Kind, Parsed},
};
use crate::abi::DropReason;

/// Protocol number of ICMP.
pub const ICMP: u8 = 1;
/// Protocol number of IGMP.
pub const IGMP: u8 = 2;
/// Protocol number of TCP.
pub const TCP: u8 = 6;
/// Protocol number of UDP.
pub const UDP: u8 = 17;
/// Protocol number of ICMPv6.
pub const ICMPV6: u8 = 58;
/// Protocol number of SCTP.
pub const SCTP: u8 = 132;

/// TCP flags as on the wire.
pub mod tcp_flag {
    /// No more data from the sender.
    pub const FIN: u8 = 1;
    /// Opens a connection.
    pub const SYN: u8 = 2;
    /// Ends a connection at once.
    pub const RST: u8 = 4;
    /// The acknowledgement number counts.
    pub const ACK: u8 = 16;
}

/// Value of [`Parsed::type_class`] for ICMP echo.
pub const CLASS_ECHO: u8 = 1;
/// Value of [`Parsed::type_class`] for ICMP timestamps.
pub const CLASS_TIMESTAMP: u8 = 2;

/// Parses the layer 4 header, unless the packet is a later fragment.
#[inline(always)]
pub fn parse<P: Packet>(pkt: &P, extent: Extent, out: &mut Parsed) -> Result<(), DropReason> {
    if matches!(out.fragment, Fragment::Later) {
        return Ok(());
    }
    let room = out.end.saturating_sub(out.l4);
    match out.proto {
        TCP => tcp(pkt, extent, room, out),
        UDP => udp(pkt, extent, room, out),
        ICMP if out.is_v4() => icmp(pkt, room, out),
        ICMPV6 if !out.is_v4() => icmp(pkt, room, out),
        SCTP => {
            let w = part::<P, 12, 8>(pkt, extent, room, out)?;
            out.l4_len = 12;
            (out.sport, out.dport) = (w.be16::<0>(), w.be16::<2>());
            Ok(())
        }
        // An ICMP of the other family.
        ICMP | ICMPV6 => Err(DropReason::UnknownL4),
        _ => Ok(()),
    }
}

/// Opens the header of `FULL` bytes; an ICMP error need only quote eight (RFC 792).
#[inline(always)]
fn part<P: Packet, const FULL: u32, const VIEW: usize>(
    pkt: &P,
    extent: Extent,
    room: u32,
    out: &Parsed,
) -> Result<P::Window<VIEW>, DropReason> {
    let need = if matches!(extent, Extent::Complete) { FULL } else { VIEW as u32 };
    if room < need {
        return Err(DropReason::TruncatedHeader);
    }
    pkt.window::<VIEW>(out.l4).ok_or(DropReason::TruncatedHeader)
}

#[inline(always)]
fn tcp<P: Packet>(pkt: &P, extent: Extent, room: u32, out: &mut Parsed) -> Result<(), DropReason> {
    use tcp_flag::{FIN, RST, SYN};
    if matches!(extent, Extent::Quoted) {
        let w = part::<P, 8, 8>(pkt, extent, room, out)?;
        (out.sport, out.dport) = (w.be16::<0>(), w.be16::<2>());
        return Ok(());
    }
    let w = part::<P, 20, 20>(pkt, extent, room, out)?;
    (out.sport, out.dport) = (w.be16::<0>(), w.be16::<2>());
    out.l4_len = u32::from(w.byte::<12>() >> 4) * 4;
    out.tcp_flags = w.byte::<13>();
    if out.l4_len < 20 || (out.l4_len > room && matches!(out.fragment, Fragment::Whole)) {
        return Err(DropReason::TruncatedHeader);
    }
    // Combinations that no connection has; scanners send them (RFC 9293 3.10.7).
    let opens = out.tcp_flags & SYN != 0;
    if out.tcp_flags & 0x3f == 0 || (opens && out.tcp_flags & (FIN | RST) != 0) {
        return Err(DropReason::InvalidPacket);
    }
    Ok(())
}

#[inline(always)]
fn udp<P: Packet>(pkt: &P, extent: Extent, room: u32, out: &mut Parsed) -> Result<(), DropReason> {
    let w = part::<P, 8, 8>(pkt, extent, room, out)?;
    (out.sport, out.dport) = (w.be16::<0>(), w.be16::<2>());
    out.l4_len = 8;
    let length = u32::from(w.be16::<4>());
    let complete = matches!(extent, Extent::Complete) && matches!(out.fragment, Fragment::Whole);
    if complete && pkt.segment_size() == 0 && (length < 8 || length > room) {
        return Err(DropReason::TruncatedHeader);
    }
    Ok(())
}

#[inline(always)]
fn icmp<P: Packet>(pkt: &P, room: u32, out: &mut Parsed) -> Result<(), DropReason> {
    if room < 8 {
        return Err(DropReason::TruncatedHeader);
    }
    let w = pkt.window::<8>(out.l4).ok_or(DropReason::TruncatedHeader)?;
    out.icmp_type = w.byte::<0>();
    out.icmp_code = w.byte::<1>();
    out.l4_len = 8;
    (out.kind, out.type_class) =
        if out.is_v4() { class_v4(out.icmp_type) } else { class_v6(out.icmp_type) };
    if matches!(out.kind, Kind::Flow) {
        out.sport = w.be16::<4>();
        out.dport = out.sport;
    }
    Ok(())
}

#[inline(always)]
fn class_v4(icmp_type: u8) -> (Kind, u8) {
    match icmp_type {
        0 | 8 => (Kind::Flow, CLASS_ECHO),
        13 | 14 => (Kind::Flow, CLASS_TIMESTAMP),
        3 | 11 | 12 => (Kind::Error, 0),
        5 | 9 => (Kind::Forbidden, 0),
        10 => (Kind::LinkNoise, 0),
        _ => (Kind::Unknown, 0),
    }
}

#[inline(always)]
fn class_v6(icmp_type: u8) -> (Kind, u8) {
    match icmp_type {
        128 | 129 => (Kind::Flow, CLASS_ECHO),
        1..=4 => (Kind::Error, 0),
        130..=133 | 143 => (Kind::LinkNoise, 0),
        134 | 137 => (Kind::Forbidden, 0),
        135 => (Kind::Solicitation, 0),
        136 => (Kind::Advertisement, 0),
        _ => (Kind::Unknown, 0),
    }
}
