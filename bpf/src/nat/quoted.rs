//! Translating an ICMP error: its own address, and the packet that it quotes (RFC 5508 4).

use super::rewrite::{Change, Field, Layout, code, pseudo, store_addr};
use crate::{
    abi::DropReason,
    checksum::Diff,
    env::Env,
    packet::{Covered, Packet, Parsed, Window, ZeroSum, transport},
    state::State,
};

/// Makes [`State::change`] on an ICMP error, and on the opposite end of what it quotes.
///
/// Who complains need not be the other end of the connection. Its address is replaced all the same, as the
/// kernel's own translation does: it would mean nothing to who gets the error.
///
/// Returns 0, or the code of a [`DropReason`].
#[inline(always)]
pub fn rewrite_error<E: Env, P: Packet>(env: &E, pkt: &P, st: &State) -> u32 {
    env.blur(code(change(env, pkt, st)), pkt.len())
}

#[inline(always)]
fn change<E: Env, P: Packet>(env: &E, pkt: &P, st: &State) -> Result<(), DropReason> {
    let (outer, change, noise) = (&st.packet, &st.change, pkt.len());
    let message = change_quoted(env, pkt, &st.quoted, change)?;
    let sum = outer.l4 + 2;
    if !pkt.fix_sum(sum, env.blur(message.get(), noise), Covered::Message, ZeroSum::Valid) {
        return Err(DropReason::L4Checksum);
    }
    let from = match change.field {
        Field::Source => &outer.src,
        Field::Destination => &change.from.addr,
    };
    let diff = env.blur(Diff::addr(from, &change.to.addr).get(), noise);
    if let Some(covered) = pseudo(outer)
        && !pkt.fix_sum(sum, diff, covered, ZeroSum::Valid)
    {
        return Err(DropReason::L4Checksum);
    }
    store_addr(pkt, outer, change.field, &change.to.addr)?;
    if outer.is_v4() && !pkt.fix_header_sum(outer.l3 + 10, diff) {
        return Err(DropReason::L3Checksum);
    }
    Ok(())
}

/// Changes the quoted packet and returns by how much the sum of its bytes changed.
#[inline(always)]
fn change_quoted<E: Env, P: Packet>(
    env: &E,
    pkt: &P,
    q: &Parsed,
    change: &Change,
) -> Result<Diff, DropReason> {
    let (field, noise) = (change.field.opposite(), pkt.len());
    let (from, to) = (&change.from, &change.to);
    let layout = Layout::of(env, q, field, noise);
    let addr_diff = Diff::addr(&from.addr, &to.addr).blurred(env, noise);
    let mut total = addr_diff;
    store_addr(pkt, q, field, &to.addr)?;
    if q.is_v4() {
        let fixed = addr_diff.apply(q.header_sum());
        store_word(pkt, q.l3 + 10, fixed)?;
        total = total.and(Diff::word(q.header_sum(), fixed));
    }
    if layout.port() == 0 {
        return Ok(total);
    }
    let port_diff = Diff::word(from.port, to.port);
    store_word(pkt, q.l4 + layout.port() - 1, to.port)?;
    let total = total.and(port_diff).blurred(env, noise);
    let sum_at = q.l4 + layout.sum();
    // TCP's checksum is beyond what an error must quote, and nobody checks it there.
    if q.proto == transport::TCP || sum_at + 2 > q.end {
        return Ok(total);
    }
    let Some(w) = pkt.window::<2>(sum_at) else { return Ok(total) };
    let (old_sum, zero) = (w.be16::<0>(), layout.zero());
    if old_sum == 0 && zero == ZeroSum::Absent {
        return Ok(total);
    }
    let is_covered = layout.has(Layout::PSEUDO);
    let covered = if is_covered { port_diff.and(addr_diff) } else { port_diff };
    let fixed = zero.as_sent(covered.apply(old_sum));
    store_word(pkt, sum_at, fixed)?;
    Ok(total.and(Diff::word(old_sum, fixed)))
}

#[inline(always)]
fn store_word<P: Packet>(pkt: &P, at: u32, word: u16) -> Result<(), DropReason> {
    if pkt.store_uncovered(at, &word.to_be_bytes()) { Ok(()) } else { Err(DropReason::WriteError) }
}
