//! Telling a client what is wrong with its packet, from the service.
//!
//! That nobody serves it is "port unreachable" (RFC 1122 3.2.2.1, RFC 4443 3.1): sockets of TCP and UDP
//! fail with ECONNREFUSED. That it does not fit the way to its backend is "too big" (RFC 1191 4,
//! RFC 4443 3.2).

use crate::{
    abi::DropReason,
    checksum, link,
    packet::{ETHERNET, Packet, Window, transport},
    state::State,
};

/// What is quoted: a header without options, and eight bytes behind it.
const QUOTED_V4: u32 = 28;
const QUOTED_V6: u32 = 48;
const ICMP_HEADER: u32 = 8;
const TTL: u8 = 64;
/// Internetwork control, as errors should have it (RFC 1812 4.3.2.5).
const TOS: u8 = 0xc0;

/// Turns a packet into the complaint about it: that nobody serves, or if `mtu` is not 0, that it may have
/// so many bytes. Returns 0 or the code of a [`DropReason`]: packets with more headers are only dropped. Out of
/// line: rare, and it takes much of the stack.
#[inline(never)]
pub fn reject<P: Packet>(pkt: &P, st: &State, mtu: u32) -> u32 {
    let p = &st.packet;
    let made = match (p.is_v4(), p.l4 - ETHERNET) {
        (true, 20) => complain_v4(pkt, mtu),
        // Whoever reads the quote wants eight bytes behind the header of a fragment.
        (false, 40) => complain_v6(pkt, mtu, 0),
        (false, 48) => complain_v6(pkt, mtu, 8),
        _ => false,
    };
    if !made || !link::turn(pkt, st) {
        return DropReason::NoBackend.code().into();
    }
    pkt.set_mark(0);
    pkt.set_to_host();
    0
}

#[inline(always)]
const fn word(a: u8, b: u8, c: u8, d: u8) -> u32 {
    u32::from_ne_bytes([a, b, c, d])
}

/// Adds words as they lie in memory.
#[inline(always)]
fn sum<const N: usize>(words: &[u32; N]) -> u64 {
    let mut sum = 0;
    let mut at = 0;
    while at < N {
        sum += u64::from(words[at]);
        at += 1;
    }
    sum
}

/// Puts a checksum into the upper half of a word.
#[inline(always)]
fn with_sum(first: u8, second: u8, sum: u64) -> u32 {
    let [c, d] = (!checksum::fold(sum)).to_ne_bytes();
    word(first, second, c, d)
}

#[inline(always)]
fn complain_v4<P: Packet>(pkt: &P, mtu: u32) -> bool {
    const LENGTH: u32 = 20 + ICMP_HEADER + QUOTED_V4;
    let Some(w) = pkt.window::<{ QUOTED_V4 as usize }>(ETHERNET) else { return false };
    let quoted = [
        w.raw32::<0>(),
        w.raw32::<4>(),
        w.raw32::<8>(),
        w.raw32::<12>(),
        w.raw32::<16>(),
        w.raw32::<20>(),
        w.raw32::<24>(),
    ];
    let start = word(0x45, TOS, 0, LENGTH as u8);
    let (src, dst) = (quoted[4], quoted[3]);
    let header = sum(&[start, word(TTL, transport::ICMP, 0, 0), src, dst]);
    let code = if mtu == 0 { 3 } else { 4 };
    let rest = mtu.to_be();
    let message = sum(&quoted) + u64::from(word(3, code, 0, 0)) + u64::from(rest);
    let [a, b, c, d, e, f, g] = quoted;
    let (hop, icmp) = (with_sum(TTL, transport::ICMP, header), with_sum(3, code, message));
    pkt.resize(ETHERNET + LENGTH)
        && pkt.put_words(ETHERNET, [start, 0, hop, src, dst, icmp, rest, a, b, c, d, e, f, g])
}

#[inline(always)]
fn complain_v6<P: Packet>(pkt: &P, mtu: u32, more: u8) -> bool {
    let length = (ICMP_HEADER + QUOTED_V6) as u8 + more;
    let mut rest = [0, 0];
    if more != 0 {
        let Some(w) = pkt.window::<8>(ETHERNET + QUOTED_V6) else { return false };
        rest = [w.raw32::<0>(), w.raw32::<4>()];
    }
    let Some(w) = pkt.window::<{ QUOTED_V6 as usize }>(ETHERNET) else { return false };
    let quoted = [
        w.raw32::<0>(),
        w.raw32::<4>(),
        w.raw32::<8>(),
        w.raw32::<12>(),
        w.raw32::<16>(),
        w.raw32::<20>(),
        w.raw32::<24>(),
        w.raw32::<28>(),
        w.raw32::<32>(),
        w.raw32::<36>(),
        w.raw32::<40>(),
        w.raw32::<44>(),
    ];
    let [a, b, s0, s1, s2, s3, d0, d1, d2, d3, c, d] = quoted;
    let pseudo = sum(&[s0, s1, s2, s3, d0, d1, d2, d3])
        + u64::from(word(0, 0, 0, length))
        + u64::from(word(0, 0, 0, transport::ICMPV6));
    let (kind, code) = if mtu == 0 { (1, 4) } else { (2, 0) };
    let mtu = mtu.to_be();
    let message = sum(&quoted) + sum(&rest) + u64::from(word(kind, code, 0, 0)) + u64::from(mtu);
    let icmp = with_sum(kind, code, pseudo + message);
    let start = [word(0x60, 0, 0, 0), word(0, length, transport::ICMPV6, TTL)];
    pkt.resize(ETHERNET + 40 + u32::from(length))
        && pkt.put_words(ETHERNET, [start[0], start[1], d0, d1, d2, d3, s0, s1, s2, s3, icmp, mtu])
        && pkt.put_words(ETHERNET + 48, [a, b, s0, s1, s2, s3, d0, d1, d2, d3, c, d])
        && (more == 0 || pkt.put_words(ETHERNET + 96, rest))
}
