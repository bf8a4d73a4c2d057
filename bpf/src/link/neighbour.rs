//! Neighbour discovery (RFC 4861): the gateway answers for itself.

use crate::{
    abi::{Addr, DropReason},
    checksum,
    packet::{ETHERNET, Mac, Packet, Window, transport},
    state::State,
};

/// A solicitation with its link-layer address option, and the advertisement that replaces it.
const LENGTH: u32 = 32;
/// The sender is on the link: no router lowered it (RFC 4861 7.1.1).
const HOP_LIMIT: u8 = 255;
/// Router, solicited, override.
const FLAGS: u8 = 0xe0;

/// Turns a solicitation for an address that `owns` accepts into the answer that it has `mac`.
#[inline(always)]
pub fn answer<P: Packet>(
    pkt: &P,
    st: &State,
    mac: Mac,
    owns: impl FnOnce(&Addr) -> bool,
) -> Result<bool, DropReason> {
    let p = &st.packet;
    if p.ttl != HOP_LIMIT || p.icmp_code != 0 || p.l4 != ETHERNET + 40 || p.src.is_zero() {
        return Ok(false);
    }
    if p.end - p.l4 != LENGTH {
        return Ok(false);
    }
    let w = pkt.window::<{ LENGTH as usize }>(ETHERNET + 40).ok_or(DropReason::TruncatedHeader)?;
    let asked = w.v6::<8, 16>();
    let sender = p.src;
    if !owns(&asked) {
        return Ok(false);
    }
    let m = mac.bytes();
    let s = st.src_mac.bytes();
    let sum = message_sum(&asked, &sender, m);
    let [c0, c1] = sum.to_ne_bytes();
    let macs = [s[0], s[1], s[2], s[3], s[4], s[5], m[0], m[1], m[2], m[3], m[4], m[5]];
    // Router advertisement option 2: target link-layer address, one unit of eight bytes.
    let option = [2, 1, m[0], m[1], m[2], m[3], m[4], m[5]];
    let stored = pkt.store_uncovered(0, &macs)
        && pkt.store_uncovered(ETHERNET + 8, &asked.bytes())
        && pkt.store_uncovered(ETHERNET + 24, &sender.bytes())
        && pkt.store_uncovered(p.l4, &[136, 0, c0, c1, FLAGS, 0, 0, 0])
        && pkt.store_uncovered(p.l4 + 24, &option);
    if !stored {
        return Err(DropReason::WriteError);
    }
    pkt.set_mark(0);
    pkt.set_to_host();
    Ok(true)
}

/// Returns the checksum of the advertisement, as it lies in memory.
#[inline(always)]
fn message_sum(target: &Addr, to: &Addr, m: [u8; 6]) -> u16 {
    let word = |a: u8, b: u8| u64::from(u16::from_ne_bytes([a, b]));
    let pseudo = checksum::sum_v6(target)
        + checksum::sum_v6(to)
        + word(0, LENGTH as u8)
        + word(0, transport::ICMPV6);
    let message = word(136, 0) + word(FLAGS, 0) + checksum::sum_v6(target) + word(2, 1);
    let option = word(m[0], m[1]) + word(m[2], m[3]) + word(m[4], m[5]);
    !checksum::fold(pseudo + message + option)
}
