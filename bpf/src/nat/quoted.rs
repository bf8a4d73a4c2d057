//! Translating an ICMP error: its own address, and the packet that it quotes (RFC 5508 4).

use super::rewrite::{Field, pseudo, store_addr, sum_at};
use crate::{
    abi::{Addr, DropReason},
    checksum::Diff,
    packet::{Covered, Packet, Parsed, Window, ZeroSum, transport},
};

/// Changes one end of an ICMP error, and the opposite end of what it quotes, to `addr`; the quoted
/// port to `port`.
#[inline(always)]
pub fn rewrite<P: Packet>(
    pkt: &P,
    outer: &Parsed,
    quoted: &Parsed,
    field: Field,
    addr: &Addr,
    port: u16,
) -> Result<(), DropReason> {
    let inside = match field {
        Field::Source => Field::Destination,
        Field::Destination => Field::Source,
    };
    let message = rewrite_quoted(pkt, quoted, inside, addr, port)?;
    let sum = outer.l4 + 2;
    if !pkt.fix_sum(sum, message.get(), Covered::Message, ZeroSum::Valid) {
        return Err(DropReason::L4Checksum);
    }
    let (old_addr, _) = field.of(outer);
    let diff = Diff::addr(&old_addr, addr);
    if let Some(change) = pseudo(outer)
        && !pkt.fix_sum(sum, diff.get(), change, ZeroSum::Valid)
    {
        return Err(DropReason::L4Checksum);
    }
    store_addr(pkt, outer, field, addr)?;
    if outer.is_v4() && !pkt.fix_header_sum(outer.l3 + 10, diff.get()) {
        return Err(DropReason::L3Checksum);
    }
    Ok(())
}

/// Changes the quoted packet and returns by how much the sum of its bytes changed.
#[inline(always)]
fn rewrite_quoted<P: Packet>(
    pkt: &P,
    q: &Parsed,
    field: Field,
    addr: &Addr,
    port: u16,
) -> Result<Diff, DropReason> {
    let (old_addr, old_port) = field.of(q);
    let addr_diff = Diff::addr(&old_addr, addr);
    let mut total = addr_diff;
    store_addr(pkt, q, field, addr)?;
    if q.is_v4() {
        let fixed = addr_diff.apply(q.header_sum);
        store_word(pkt, q.l3 + 10, fixed)?;
        total = total.and(Diff::word(q.header_sum, fixed));
    }
    let Some(at) = field.port_at(q) else { return Ok(total) };
    let port_diff = Diff::word(old_port, port);
    store_word(pkt, at, port)?;
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
    let fixed = covered.apply(old_sum);
    store_word(pkt, sum_at, fixed)?;
    Ok(total.and(Diff::word(old_sum, fixed)))
}

#[inline(always)]
fn store_word<P: Packet>(pkt: &P, at: u32, word: u16) -> Result<(), DropReason> {
    if pkt.store_uncovered(at, &word.to_be_bytes()) { Ok(()) } else { Err(DropReason::WriteError) }
}
