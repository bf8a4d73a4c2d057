//! Changing an address and a port of a packet, checksums included.

use crate::{
    abi::{Addr, DropReason},
    checksum::Diff,
    packet::{Covered, Fragment, Packet, Parsed, ZeroSum, transport},
};

/// Which end of a packet is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Source.
    Source,
    /// Destination.
    Destination,
}

impl Field {
    /// Returns the end as the packet has it.
    #[inline(always)]
    pub(super) fn of(self, p: &Parsed) -> (Addr, u16) {
        match self {
            Self::Source => p.source(),
            Self::Destination => p.destination(),
        }
    }

    /// Returns the offset of the address.
    #[inline(always)]
    pub(super) fn addr_at(self, p: &Parsed) -> u32 {
        p.l3 + match (p.is_v4(), self) {
            (true, Self::Source) => 12,
            (true, Self::Destination) => 16,
            (false, Self::Source) => 8,
            (false, Self::Destination) => 24,
        }
    }

    /// Returns the offset of the port, if the packet has one that may change.
    #[inline(always)]
    pub(super) fn port_at(self, p: &Parsed) -> Option<u32> {
        match p.proto {
            transport::TCP | transport::UDP => {
                Some(p.l4 + if matches!(self, Self::Source) { 0 } else { 2 })
            }
            transport::ICMP | transport::ICMPV6 if p.type_class != 0 => Some(p.l4 + 4),
            _ => None,
        }
    }
}

/// Returns the offset of the layer 4 checksum and what zero means in it.
#[inline(always)]
pub(super) fn sum_at(p: &Parsed) -> Option<(u32, ZeroSum)> {
    match p.proto {
        transport::TCP => Some((p.l4 + 16, ZeroSum::Valid)),
        transport::UDP => Some((p.l4 + 6, ZeroSum::Absent)),
        transport::ICMP | transport::ICMPV6 => Some((p.l4 + 2, ZeroSum::Valid)),
        _ => None,
    }
}

/// Changes one end of the packet to `addr` and `port`.
#[inline(always)]
pub fn rewrite<P: Packet>(
    pkt: &P,
    p: &Parsed,
    field: Field,
    addr: &Addr,
    port: u16,
) -> Result<(), DropReason> {
    let (old_addr, old_port) = field.of(p);
    let has_header = !matches!(p.fragment, Fragment::Later);
    let diff = Diff::addr(&old_addr, addr);
    if has_header && let Some((sum, zero)) = sum_at(p) {
        if let Some(change) = pseudo(p)
            && !pkt.fix_sum(sum, diff.get(), change, zero)
        {
            return Err(DropReason::L4Checksum);
        }
        if let Some(at) = field.port_at(p)
            && old_port != port
        {
            let diff = Diff::word(old_port, port);
            if !pkt.fix_sum(sum, diff.get(), Covered::Message, zero) {
                return Err(DropReason::L4Checksum);
            }
            if !pkt.store_uncovered(at, &port.to_be_bytes()) {
                return Err(DropReason::WriteError);
            }
        }
    }
    store_addr(pkt, p, field, addr)?;
    if p.is_v4() && !pkt.fix_header_sum(p.l3 + 10, diff.get()) {
        return Err(DropReason::L3Checksum);
    }
    Ok(())
}

/// Returns how the layer 4 checksum covers addresses; not at all for ICMP.
#[inline(always)]
pub(super) fn pseudo(p: &Parsed) -> Option<Covered> {
    match (p.is_v4(), p.proto) {
        (true, transport::ICMP) => None,
        (true, _) => Some(Covered::PseudoV4),
        (false, _) => Some(Covered::PseudoV6),
    }
}

#[inline(always)]
pub(super) fn store_addr<P: Packet>(
    pkt: &P,
    p: &Parsed,
    field: Field,
    addr: &Addr,
) -> Result<(), DropReason> {
    let at = field.addr_at(p);
    let stored = if p.is_v4() {
        pkt.store_uncovered(at, &addr.v4_bytes())
    } else {
        pkt.store_uncovered(at, &addr.bytes())
    };
    if stored { Ok(()) } else { Err(DropReason::WriteError) }
}
