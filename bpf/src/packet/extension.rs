//! IPv4 options and IPv6 extension headers.

use super::{
    access::{Packet, Window},
    parsed::{Fragment, Parsed},
    transport,
};
use crate::abi::DropReason;

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION: u8 = 60;

/// More headers than this, or more bytes of them, are refused: no honest sender needs them.
const MAX_HEADERS: u32 = 6;
const MAX_BYTES: u32 = 256;
/// More IPv4 options than this are refused, padding included.
const MAX_OPTIONS: u32 = 16;

/// Strict and loose source routes (RFC 791 3.1).
const SOURCE_ROUTES: [u8; 2] = [131, 137];

/// What a step of a walk came to.
const GO_ON: u32 = 0;
const DONE: u32 = 1;
const REFUSED: u32 = 2;

/// Refuses malformed options and source routes (RFC 7126 4.3, 4.4).
#[inline(always)]
pub(super) fn check_v4_options<P: Packet>(pkt: &P, out: &mut Parsed) -> Result<(), DropReason> {
    out.cursor = out.l3 + 20;
    for _ in 0..MAX_OPTIONS {
        match option(pkt, out) {
            GO_ON => {}
            DONE => return Ok(()),
            _ => return Err(DropReason::InvalidPacket),
        }
    }
    Err(DropReason::InvalidPacket)
}

/// Looks at the option under the cursor. Out of line and with its state in memory, so that the
/// verifier looks at a step as often as there are steps and not as there are ways to them.
#[inline(never)]
fn option<P: Packet>(pkt: &P, out: &mut Parsed) -> u32 {
    let (at, end) = (out.cursor, out.l4);
    if at >= end {
        return DONE;
    }
    // A header follows the options, so two bytes are always there.
    let Some(w) = pkt.window::<2>(at) else { return REFUSED };
    let kind = w.byte::<0>();
    if kind == 0 {
        return DONE;
    }
    let length = if kind == 1 { 1 } else { u32::from(w.byte::<1>()) };
    let malformed = at + length > end || (kind != 1 && length < 2);
    if malformed || kind == SOURCE_ROUTES[0] || kind == SOURCE_ROUTES[1] {
        return REFUSED;
    }
    out.cursor = at + length;
    GO_ON
}

/// Walks the extension headers (RFC 8200 4) and finds the layer 4 header.
#[inline(always)]
pub(super) fn walk<P: Packet>(pkt: &P, first: u8, out: &mut Parsed) -> Result<(), DropReason> {
    out.proto = first;
    out.fragment_proto = first;
    if first == transport::TCP || first == transport::UDP || first == transport::ICMPV6 {
        return Ok(());
    }
    out.cursor = out.l4;
    for _ in 0..=MAX_HEADERS {
        match header(pkt, out) {
            GO_ON => {}
            DONE => return Ok(()),
            _ => return Err(out.refused),
        }
    }
    Err(DropReason::InvalidExtensionHeader)
}

/// Looks at the header of type [`Parsed::proto`] at [`Parsed::l4`]; the cursor stays at the first.
#[inline(never)]
fn header<P: Packet>(pkt: &P, out: &mut Parsed) -> u32 {
    let is_extension =
        matches!(out.proto, HOP_BY_HOP | ROUTING | FRAGMENT | AUTHENTICATION | DESTINATION);
    if !is_extension {
        if matches!(out.fragment, Fragment::Whole) {
            out.fragment_proto = out.proto;
        }
        return DONE;
    }
    match step(pkt, out) {
        Ok(code) => code,
        Err(reason) => {
            out.refused = reason;
            REFUSED
        }
    }
}

#[inline(always)]
fn step<P: Packet>(pkt: &P, out: &mut Parsed) -> Result<u32, DropReason> {
    let at = out.l4;
    let late_hop_by_hop = out.proto == HOP_BY_HOP && at != out.cursor;
    if at > out.cursor + MAX_BYTES || late_hop_by_hop {
        return Err(DropReason::InvalidExtensionHeader);
    }
    let w = pkt.window::<8>(at).ok_or(DropReason::InvalidExtensionHeader)?;
    let (following, units) = (w.byte::<0>(), u32::from(w.byte::<1>()));
    let mut code = GO_ON;
    let length = match out.proto {
        FRAGMENT => {
            code = fragment(out, following, w.be16::<2>(), w.be32::<4>())?;
            8
        }
        // Segments left: the packet wants to visit other places (RFC 5095).
        ROUTING if w.byte::<3>() != 0 => return Err(DropReason::InvalidExtensionHeader),
        AUTHENTICATION => (units + 2) * 4,
        _ => (units + 1) * 8,
    };
    if at + length > out.end {
        return Err(DropReason::InvalidExtensionHeader);
    }
    out.l4 = at + length;
    out.proto = following;
    Ok(code)
}

#[inline(always)]
fn fragment(out: &mut Parsed, following: u8, place: u16, id: u32) -> Result<u32, DropReason> {
    if !matches!(out.fragment, Fragment::Whole) {
        return Err(DropReason::InvalidExtensionHeader);
    }
    out.fragment_id = id;
    out.fragment_proto = following;
    let offset = place >> 3;
    if offset != 0 {
        if following == transport::TCP && offset < 3 {
            return Err(DropReason::InvalidPacket);
        }
        out.fragment = Fragment::Later;
        return Ok(DONE);
    }
    if place & 1 != 0 {
        out.fragment = Fragment::First;
    }
    Ok(GO_ON)
}
