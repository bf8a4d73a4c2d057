//! Telling a client what is wrong with its packet, from the service.
//!
//! That nobody serves it is "port unreachable" (RFC 1122 3.2.2.1, RFC 4443 3.1): sockets of TCP and UDP
//! fail with ECONNREFUSED. That it does not fit the way to its backend is "too big" (RFC 1191 4,
//! RFC 4443 3.2).

use crate::{
    abi::DropReason,
    checksum,
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
/// so many bytes. Returns 0 or the code of a [`DropReason`]: packets with options are only dropped. Out of
/// line: rare, and it takes much of the stack.
#[inline(never)]
pub fn reject<P: Packet>(pkt: &P, st: &State, mtu: u32) -> u32 {
    let p = &st.packet;
    let made = match (p.is_v4(), p.l4 - ETHERNET) {
        (true, 20) => complain_v4(pkt, mtu),
        (false, 40) => complain_v6(pkt, mtu),
        _ => false,
    };
    if !made || !turn_link(pkt, st) {
        return DropReason::NoBackend.code().into();
    }
    pkt.set_mark(0);
    pkt.set_to_host();
    0
}

/// Sends the frame back to who sent it.
#[inline(always)]
fn turn_link<P: Packet>(pkt: &P, st: &State) -> bool {
    let (to, from) = (st.src_mac.bytes(), st.dst_mac.bytes());
    pkt.put_words(
        0,
        [
            word(to[0], to[1], to[2], to[3]),
            word(to[4], to[5], from[0], from[1]),
            word(from[2], from[3], from[4], from[5]),
        ],
    )
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
fn complain_v6<P: Packet>(pkt: &P, mtu: u32) -> bool {
    const LENGTH: u8 = (ICMP_HEADER + QUOTED_V6) as u8;
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
        + u64::from(word(0, 0, 0, LENGTH))
        + u64::from(word(0, 0, 0, transport::ICMPV6));
    let (kind, code) = if mtu == 0 { (1, 4) } else { (2, 0) };
    let rest = mtu.to_be();
    let message = sum(&quoted) + u64::from(word(kind, code, 0, 0)) + u64::from(rest);
    let icmp = with_sum(kind, code, pseudo + message);
    let start = [word(0x60, 0, 0, 0), word(0, LENGTH, transport::ICMPV6, TTL)];
    pkt.resize(ETHERNET + 40 + u32::from(LENGTH))
        && pkt.put_words(ETHERNET, [start[0], start[1], d0, d1, d2, d3, s0, s1, s2, s3, icmp, rest])
        && pkt.put_words(ETHERNET + 48, [a, b, s0, s1, s2, s3, d0, d1, d2, d3, c, d])
}
