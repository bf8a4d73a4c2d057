//! Changing an address and a port of a packet, checksums included.

use super::claim::Translation;
use crate::{
    abi::{Addr, DropReason},
    checksum::Diff,
    env::Env,
    packet::{Covered, Fragment, Kind, Packet, Parsed, Window, ZeroSum, transport},
    state::State,
};

/// Which end of a packet is changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Field {
    /// Source.
    #[default]
    Source,
    /// Destination.
    Destination,
}

impl Field {
    /// Returns the opposite end.
    #[inline(always)]
    pub(super) fn opposite(self) -> Self {
        match self {
            Self::Source => Self::Destination,
            Self::Destination => Self::Source,
        }
    }

    /// Returns the offset of the address.
    #[inline(always)]
    fn addr_at(self, p: &Parsed) -> u32 {
        p.l3 + match (p.is_v4(), self) {
            (true, Self::Source) => 12,
            (true, Self::Destination) => 16,
            (false, Self::Source) => 8,
            (false, Self::Destination) => 24,
        }
    }

    /// Returns the offset of the port, if the packet has one that may change.
    #[inline(always)]
    fn port_at(self, p: &Parsed) -> Option<u32> {
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
fn sum_at(p: &Parsed) -> Option<(u32, ZeroSum)> {
    match p.proto {
        transport::TCP => Some((p.l4 + 16, ZeroSum::Valid)),
        transport::UDP => Some((p.l4 + 6, ZeroSum::Absent)),
        transport::ICMP | transport::ICMPV6 => Some((p.l4 + 2, ZeroSum::Valid)),
        _ => None,
    }
}

/// An end of a packet before and after its translation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Which end; of an ICMP error, the end of the error itself: what it quotes went the other way.
    pub field: Field,
    /// What the packet has.
    pub from: Translation,
    /// What it shall have.
    pub to: Translation,
}

/// What of a packet depends on one of its addresses and ports, in one number: the verifier forgets by which way it
/// came to it, and walks each step of a change once instead of once for every protocol.
#[derive(Clone, Copy)]
pub(super) struct Layout(u32);

impl Layout {
    /// The checksum of layer 4 covers a pseudo header.
    pub(super) const PSEUDO: u32 = 1 << 16;
    /// It is that of IPv6.
    const PSEUDO_V6: u32 = 1 << 17;
    /// A checksum of zero is none.
    const ZERO_IS_ABSENT: u32 = 1 << 18;

    /// Reads it off the headers; a later fragment has none of layer 4.
    #[inline(always)]
    pub(super) fn of<E: Env>(env: &E, p: &Parsed, field: Field, noise: u32) -> Self {
        let mut bits = 0;
        if !matches!(p.fragment, Fragment::Later)
            && let Some((sum, zero)) = sum_at(p)
        {
            // Both lie within twenty bytes, and neither where layer 4 begins, but for the source port.
            bits |= sum - p.l4;
            bits |= field.port_at(p).map_or(0, |at| (at - p.l4 + 1) << 8);
            bits |= if zero == ZeroSum::Absent { Self::ZERO_IS_ABSENT } else { 0 };
            bits |= match pseudo(p) {
                Some(Covered::PseudoV6) => Self::PSEUDO | Self::PSEUDO_V6,
                Some(_) => Self::PSEUDO,
                None => 0,
            };
        }
        Self(env.blur(bits, noise))
    }

    /// Returns how far into layer 4 its checksum is; 0 if there is none.
    #[inline(always)]
    pub(super) fn sum(self) -> u32 {
        self.0 & 0xff
    }

    /// Returns how far into layer 4 the port is, plus one; 0 if there is none.
    #[inline(always)]
    pub(super) fn port(self) -> u32 {
        self.0 >> 8 & 0xff
    }

    /// Returns what a checksum of zero means.
    #[inline(always)]
    pub(super) fn zero(self) -> ZeroSum {
        if self.has(Self::ZERO_IS_ABSENT) { ZeroSum::Absent } else { ZeroSum::Valid }
    }

    /// Tells whether one of the bits above is set.
    #[inline(always)]
    pub(super) fn has(self, bit: u32) -> bool {
        self.0 & bit != 0
    }
}

/// Makes [`State::change`] on the packet, or on an ICMP error and what it quotes.
#[inline(always)]
pub fn rewrite<E: Env, P: Packet>(env: &E, pkt: &P, st: &State) -> Result<(), u32> {
    let failed = match st.packet.kind {
        Kind::Error => pkt.rewrite_error(env, st),
        _ => pkt.rewrite_flow(env, st),
    };
    if failed == 0 { Ok(()) } else { Err(failed) }
}

/// Makes [`State::change`] on a packet that is no ICMP error. Returns 0, or the code of a [`DropReason`].
#[inline(always)]
pub fn rewrite_flow<E: Env, P: Packet>(env: &E, pkt: &P, st: &State) -> u32 {
    env.blur(code(change(env, pkt, &st.packet, &st.change)), pkt.len())
}

#[inline(always)]
pub(super) fn code(result: Result<(), DropReason>) -> u32 {
    match result {
        Ok(()) => 0,
        Err(reason) => u32::from(reason.code()),
    }
}

#[inline(always)]
fn change<E: Env, P: Packet>(
    env: &E,
    pkt: &P,
    p: &Parsed,
    change: &Change,
) -> Result<(), DropReason> {
    let (from, to) = (&change.from, &change.to);
    let noise = pkt.len();
    let layout = Layout::of(env, p, change.field, noise);
    let diff = Diff::addr(&from.addr, &to.addr).blurred(env, noise).get();
    if layout.sum() != 0 {
        let sum = p.l4 + layout.sum();
        let zero = layout.zero();
        let is_v6 = layout.has(Layout::PSEUDO_V6);
        let covered = if is_v6 { Covered::PseudoV6 } else { Covered::PseudoV4 };
        if layout.has(Layout::PSEUDO) && !pkt.fix_sum(sum, diff, covered, zero) {
            return Err(DropReason::L4Checksum);
        }
        if layout.port() != 0 && from.port != to.port {
            let diff = Diff::word(from.port, to.port);
            if !pkt.fix_sum(sum, diff.get(), Covered::Message, zero) {
                return Err(DropReason::L4Checksum);
            }
            if !pkt.store_uncovered(p.l4 + layout.port() - 1, &to.port.to_be_bytes()) {
                return Err(DropReason::WriteError);
            }
        }
    }
    store_addr(pkt, p, change.field, &to.addr)?;
    if p.is_v4() && !pkt.fix_header_sum(p.l3 + 10, diff) {
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

/// Reads header checksums again, which a translation changed and whoever changes the packet next needs.
#[inline(always)]
pub fn refresh_sums<P: Packet>(pkt: &P, st: &mut State) {
    if !st.packet.is_v4() {
        return;
    }
    if let Some(w) = pkt.window::<20>(st.packet.l3) {
        st.packet.hop_word = w.raw32::<8>();
    }
    if matches!(st.packet.kind, Kind::Error)
        && let Some(w) = pkt.window::<20>(st.quoted.l3)
    {
        st.quoted.hop_word = w.raw32::<8>();
    }
}
