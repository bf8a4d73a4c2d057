//! Translating an ICMP error: its own address, and the packet that it quotes (RFC 5508 4).

use super::rewrite::{Change, Field, code, pseudo, store_addr, sum_at};
use crate::{
    abi::DropReason,
    checksum::Diff,
    packet::{Covered, Packet, Parsed, Window, ZeroSum, transport},
    state::State,
};

/// Makes [`State::change`] on an ICMP error, and on the opposite end of what it quotes.
///
/// Who complains need not be the other end of the connection. Its address is replaced all the same, as the
/// kernel's own translation does: it would mean nothing to who gets the error.
///
/// Returns 0, or the code of a [`DropReason`]. Out of line: it would crowd the stack of its callers.
#[inline(never)]
pub(super) fn error<P: Packet>(pkt: &P, st: &State) -> u32 {
    code(change(pkt, &st.packet, &st.quoted, &st.change))
}

#[inline(always)]
fn change<P: Packet>(
    pkt: &P,
    outer: &Parsed,
    quoted: &Parsed,
    change: &Change,
) -> Result<(), DropReason> {
    let message = change_quoted(pkt, quoted, change)?;
    let sum = outer.l4 + 2;
    if !pkt.fix_sum(sum, message.get(), Covered::Message, ZeroSum::Valid) {
        return Err(DropReason::L4Checksum);
    }
    let from = match change.field {
        Field::Source => &outer.src,
        Field::Destination => &change.from.addr,
    };
    let diff = Diff::addr(from, &change.to.addr);
    if let Some(covered) = pseudo(outer)
        && !pkt.fix_sum(sum, diff.get(), covered, ZeroSum::Valid)
    {
        return Err(DropReason::L4Checksum);
    }
    store_addr(pkt, outer, change.field, &change.to.addr)?;
    if outer.is_v4() && !pkt.fix_header_sum(outer.l3 + 10, diff.get()) {
        return Err(DropReason::L3Checksum);
    }
    Ok(())
}

/// Changes the quoted packet and returns by how much the sum of its bytes changed.
#[inline(always)]
fn change_quoted<P: Packet>(pkt: &P, q: &Parsed, change: &Change) -> Result<Diff, DropReason> {
    let field = change.field.opposite();
    let (from, to) = (&change.from, &change.to);
    let addr_diff = Diff::addr(&from.addr, &to.addr);
    let mut total = addr_diff;
    store_addr(pkt, q, field, &to.addr)?;
    if q.is_v4() {
        let fixed = addr_diff.apply(q.header_sum);
        store_word(pkt, q.l3 + 10, fixed)?;
        total = total.and(Diff::word(q.header_sum, fixed));
    }
    let Some(at) = field.port_at(q) else { return Ok(total) };
    let port_diff = Diff::word(from.port, to.port);
    store_word(pkt, at, to.port)?;
    total = total.and(port_diff);
    let Some((sum_at, zero)) = sum_at(q) else { return Ok(total) };
    // TCP's checksum is beyond what an error must quote, and nobody checks it there.
    if q.proto == transport::TCP || sum_at + 2 > q.end {
        return Ok(total);
    }
    let Some(w) = pkt.window::<2>(sum_at) else { return Ok(total) };
    let old_sum = w.be16::<0>();
    if old_sum == 0 && zero == ZeroSum::Absent {
        return Ok(total);
    }
    let covered = if pseudo(q).is_some() { port_diff.and(addr_diff) } else { port_diff };
    let fixed = zero.as_sent(covered.apply(old_sum));
    store_word(pkt, sum_at, fixed)?;
    Ok(total.and(Diff::word(old_sum, fixed)))
}

#[inline(always)]
fn store_word<P: Packet>(pkt: &P, at: u32, word: u16) -> Result<(), DropReason> {
    if pkt.store_uncovered(at, &word.to_be_bytes()) { Ok(()) } else { Err(DropReason::WriteError) }
}
