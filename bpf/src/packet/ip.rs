//! IPv4 and IPv6 headers, into one form.

use super::{
    access::{Packet, Window},
    extension,
    parsed::{ETHERNET, Fragment, Parsed},
    transport,
};
use crate::abi::{Addr, DropReason, Family};

/// EtherTypes, host order.
pub mod ether {
    /// IPv4.
    pub const IPV4: u16 = 0x0800;
    /// IPv6.
    pub const IPV6: u16 = 0x86dd;
    /// ARP.
    pub const ARP: u16 = 0x0806;
    /// Smallest number that is a type and not a length (IEEE 802.3 3.2.6).
    pub const FIRST_TYPE: u16 = 0x0600;
    /// 802.1Q tag.
    pub const VLAN: u16 = 0x8100;
    /// 802.1ad tag.
    pub const QINQ: u16 = 0x88a8;
}

/// What a header inside an ICMP error may lack.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// A packet of its own: everything must be there.
    Complete,
    /// The start of a packet, quoted by an ICMP error.
    Quoted,
}

/// Parses the IP packet at `l3`.
#[inline(always)]
pub fn parse<P: Packet>(
    pkt: &P,
    family: Family,
    l3: u32,
    extent: Extent,
    out: &mut Parsed,
) -> Result<(), DropReason> {
    let failed = match extent {
        Extent::Complete => pkt.parse(family as u32, out),
        Extent::Quoted => pkt.parse_quoted(family as u32, l3, out),
    };
    if failed == 0 { Ok(()) } else { Err(out.refused) }
}

/// Parses a packet of its own: returns 0, or not 0 and says why in [`Parsed::refused`].
#[inline(always)]
pub fn complete<P: Packet>(pkt: &P, family: u32, out: &mut Parsed) -> u32 {
    finish(parse_inline(pkt, family, ETHERNET, Extent::Complete, out), out)
}

/// Parses the packet at `l3` that an ICMP error quotes, as [`complete`] does.
#[inline(always)]
pub fn quoted<P: Packet>(pkt: &P, family: u32, l3: u32, out: &mut Parsed) -> u32 {
    finish(parse_inline(pkt, family, l3, Extent::Quoted, out), out)
}

#[inline(always)]
fn finish(result: Result<(), DropReason>, out: &mut Parsed) -> u32 {
    match result {
        Ok(()) => 0,
        Err(reason) => {
            out.refused = reason;
            1
        }
    }
}

#[inline(always)]
fn parse_inline<P: Packet>(
    pkt: &P,
    family: u32,
    l3: u32,
    extent: Extent,
    out: &mut Parsed,
) -> Result<(), DropReason> {
    *out = Parsed { l3, ..Parsed::default() };
    if family == Family::V4 as u32 {
        v4(pkt, extent, out)?;
    } else {
        v6(pkt, extent, out)?;
    }
    transport::parse(pkt, extent, out)
}

#[inline(always)]
fn v4<P: Packet>(pkt: &P, extent: Extent, out: &mut Parsed) -> Result<(), DropReason> {
    let w = pkt.window::<20>(out.l3).ok_or(DropReason::InvalidPacket)?;
    let first = w.byte::<0>();
    let header = u32::from(first & 0xf) * 4;
    let mut total = u32::from(w.be16::<2>());
    let place = w.be16::<6>();
    out.version = 4;
    out.fragment_id = u32::from(w.be16::<4>());
    out.ttl = w.byte::<8>();
    out.proto = w.byte::<9>();
    out.src = w.v4::<12>();
    out.dst = w.v4::<16>();
    out.hop_word = w.raw32::<8>();
    out.fragment_proto = out.proto;
    if total == 0 && pkt.segment_size() != 0 {
        // Packets beyond 64 kB that the device will cut (BIG TCP) have no length.
        total = pkt.len().saturating_sub(out.l3);
    }
    if first >> 4 != 4 || header < 20 || total < header || out.ttl == 0 {
        return Err(DropReason::InvalidPacket);
    }
    out.l4 = out.l3 + header;
    out.end = out.l3 + total;
    if out.end > pkt.len() {
        if matches!(extent, Extent::Complete) {
            return Err(DropReason::InvalidPacket);
        }
        out.end = pkt.len();
    }
    out.fragment = match (place & 0x1fff, place & 0x2000) {
        (0, 0) => Fragment::Whole,
        (0, _) => Fragment::First,
        // RFC 1858 2.1: a fragment that starts inside the TCP header can only be an attack.
        (offset, _) if out.proto == transport::TCP && offset < 3 => {
            return Err(DropReason::InvalidPacket);
        }
        _ => Fragment::Later,
    };
    if header != 20 && matches!(extent, Extent::Complete) {
        out.special = true;
        extension::check_v4_options(pkt, out)?;
    }
    Ok(())
}

#[inline(always)]
fn v6<P: Packet>(pkt: &P, extent: Extent, out: &mut Parsed) -> Result<(), DropReason> {
    let w = pkt.window::<40>(out.l3).ok_or(DropReason::InvalidPacket)?;
    let mut payload = u32::from(w.be16::<4>());
    let next = w.byte::<6>();
    let version = w.byte::<0>() >> 4;
    out.version = 6;
    out.ttl = w.byte::<7>();
    out.hop_word = w.raw32::<4>();
    out.src = w.v6::<8, 16>();
    out.dst = w.v6::<24, 32>();
    if payload == 0 && pkt.segment_size() != 0 {
        payload = pkt.len().saturating_sub(out.l3 + 40);
    }
    if version != 6 || out.ttl == 0 {
        return Err(DropReason::InvalidPacket);
    }
    if matches!(out.src.family(), Family::V4) || matches!(out.dst.family(), Family::V4) {
        return Err(DropReason::InvalidPacket);
    }
    out.l4 = out.l3 + 40;
    out.end = out.l4 + payload;
    if out.end > pkt.len() {
        if matches!(extent, Extent::Complete) {
            return Err(DropReason::InvalidPacket);
        }
        out.end = pkt.len();
    }
    extension::walk(pkt, next, out)
}

/// Tells whether an address can be neither the source nor the destination of forwarded packets
/// (RFC 6890, RFC 4291): loopback, "this network", reserved, unspecified.
#[inline(always)]
pub fn is_martian(addr: &Addr) -> bool {
    match addr.family() {
        Family::V4 => {
            let [a, ..] = addr.v4_bytes();
            a == 0 || a == 127 || a >= 240
        }
        Family::V6 => {
            let [high, low] = addr.words();
            high == 0 && u64::from_be(low) <= 1
        }
    }
}

/// Tells whether an address is a group, or everyone on the link.
#[inline(always)]
pub fn is_group(addr: &Addr) -> bool {
    match addr.family() {
        Family::V4 => addr.v4_bytes()[0] & 0xf0 == 0xe0 || addr.v4_bytes() == [255; 4],
        Family::V6 => u64::from_be(addr.words()[0]) >> 56 == 0xff,
    }
}

/// Tells whether an IPv6 address means something on its link only (fe80::/10).
#[inline(always)]
pub fn is_link_local_v6(addr: &Addr) -> bool {
    matches!(addr.family(), Family::V6) && u64::from_be(addr.words()[0]) >> 54 == 0xfe80 >> 6
}
