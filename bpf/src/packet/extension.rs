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

/// Strict and loose source routes (RFC 791 3.1).
const SOURCE_ROUTES: [u8; 2] = [131, 137];

/// Refuses malformed options and source routes (RFC 7126 4.3, 4.4).
#[inline(always)]
pub(super) fn check_v4_options<P: Packet>(pkt: &P, start: u32, end: u32) -> Result<(), DropReason> {
    let mut at = start;
    // Options are at most 40 bytes, and each is at least one byte long.
    for _ in 0..40 {
        if at >= end {
            return Ok(());
        }
        let kind = pkt.window::<1>(at).ok_or(DropReason::InvalidPacket)?.byte::<0>();
        if kind == 0 {
            return Ok(());
        }
        if kind == 1 {
            at += 1;
            continue;
        }
        if kind == SOURCE_ROUTES[0] || kind == SOURCE_ROUTES[1] {
            return Err(DropReason::InvalidPacket);
        }
        let w = pkt.window::<2>(at).ok_or(DropReason::InvalidPacket)?;
        let length = u32::from(w.byte::<1>());
        if length < 2 || at + length > end {
            return Err(DropReason::InvalidPacket);
        }
        at += length;
    }
    Ok(())
}

/// Walks the extension headers (RFC 8200 4) and finds the layer 4 header.
#[inline(always)]
pub(super) fn walk<P: Packet>(pkt: &P, first: u8, out: &mut Parsed) -> Result<(), DropReason> {
    if first == transport::TCP || first == transport::UDP || first == transport::ICMPV6 {
        out.proto = first;
        out.fragment_proto = first;
        return Ok(());
    }
    chain(pkt, first, out)
}

#[inline(always)]
fn chain<P: Packet>(pkt: &P, first: u8, out: &mut Parsed) -> Result<(), DropReason> {
    let limit = out.l4 + MAX_BYTES;
    let mut at = out.l4;
    let mut next = first;
    for seen in 0..=MAX_HEADERS {
        let is_extension =
            matches!(next, HOP_BY_HOP | ROUTING | FRAGMENT | AUTHENTICATION | DESTINATION);
        if !is_extension {
            out.proto = next;
            if matches!(out.fragment, Fragment::Whole) {
                out.fragment_proto = next;
            }
            out.l4 = at;
            return Ok(());
        }
        if seen == MAX_HEADERS || at > limit || (next == HOP_BY_HOP && seen != 0) {
            return Err(DropReason::InvalidExtensionHeader);
        }
        let w = pkt.window::<8>(at).ok_or(DropReason::InvalidExtensionHeader)?;
        let (following, units) = (w.byte::<0>(), u32::from(w.byte::<1>()));
        let length = match next {
            FRAGMENT => {
                if !matches!(out.fragment, Fragment::Whole) {
                    return Err(DropReason::InvalidExtensionHeader);
                }
                let place = w.be16::<2>();
                out.fragment_id = w.be32::<4>();
                out.fragment_proto = following;
                if place >> 3 != 0 {
                    if following == transport::TCP && place >> 3 < 3 {
                        return Err(DropReason::InvalidPacket);
                    }
                    out.fragment = Fragment::Later;
                    out.proto = following;
                    out.l4 = at + 8;
                    return Ok(());
                }
                if place & 1 != 0 {
                    out.fragment = Fragment::First;
                }
                8
            }
            ROUTING => {
                // Segments left: the packet wants to visit other places (RFC 5095).
                if w.byte::<3>() != 0 {
                    return Err(DropReason::InvalidExtensionHeader);
                }
                (units + 1) * 8
            }
            AUTHENTICATION => (units + 2) * 4,
            _ => (units + 1) * 8,
        };
        at += length;
        if at > out.end {
            return Err(DropReason::InvalidExtensionHeader);
        }
        next = following;
    }
    Err(DropReason::InvalidExtensionHeader)
}
