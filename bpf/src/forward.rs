//! What a router does to a packet that it passes on itself.

use crate::{
    abi::{Config, DropReason, EndpointValue, NearValue},
    checksum::Diff,
    env::Near,
    packet::{ETHERNET, Hops, Packet, Parsed, Window},
    state::State,
};

/// Tells whether the kernel must handle a packet, since it may have to answer with an ICMP error:
/// no hops left, too big, or options.
#[inline(always)]
pub fn is_exceptional<P: Packet>(pkt: &P, config: &Config, p: &Parsed) -> bool {
    p.ttl <= 1 || p.special || is_too_big(pkt, config, p)
}

/// Tells whether a packet is too big for its way, and the network may not cut it.
#[inline(always)]
pub fn must_not_be_cut<P: Packet>(pkt: &P, config: &Config, p: &Parsed) -> bool {
    if !is_too_big(pkt, config, p) {
        return false;
    }
    // RFC 791: "don't fragment"; routers never cut IPv6 (RFC 8200 5).
    !p.is_v4() || pkt.window::<2>(p.l3 + 6).is_none_or(|w| w.be16::<0>() & 0x4000 != 0)
}

#[inline(always)]
fn is_too_big<P: Packet>(pkt: &P, config: &Config, p: &Parsed) -> bool {
    exceeds(pkt, config, p.end - p.l3, p.l4 - p.l3 + p.l4_len)
}

/// Tells whether an IP packet of `length` bytes, `headers` of them headers, is too big for its way. What the
/// device will cut is as big as its segments.
#[inline(always)]
pub fn exceeds<P: Packet>(pkt: &P, config: &Config, length: u32, headers: u32) -> bool {
    if config.route_mtu == 0 || length <= config.route_mtu {
        return false;
    }
    let segment = pkt.segment_size();
    segment == 0 || headers + segment > config.route_mtu
}

/// Takes one hop off.
#[inline(always)]
pub fn take_hop<P: Packet>(pkt: &P, hops: impl Into<Hops>) -> Result<(), DropReason> {
    let hops = hops.into();
    let (at, word) =
        if hops.is_v4 { (8, less_a_hop_v4(hops.word)) } else { (4, less_a_hop_v6(hops.word)) };
    if !pkt.put_words(ETHERNET + at, [word]) {
        return Err(DropReason::WriteError);
    }
    if !hops.is_v4 {
        // IPv4's header sum made up for it; in IPv6 nothing does.
        pkt.fix_whole_sum(Diff::word_pair(hops.word, word).get());
    }
    Ok(())
}

/// TTL, protocol and header sum of the next hop.
#[inline(always)]
fn less_a_hop_v4(word: u32) -> u32 {
    let [ttl, proto, high, low] = word.to_ne_bytes();
    // One off the upper byte of a word: the sum grows by the same (RFC 1141).
    let sum = u32::from(u16::from_be_bytes([high, low])) + 0x0100;
    let [high, low] = ((sum + (sum >> 16)) as u16).to_be_bytes();
    u32::from_ne_bytes([ttl.wrapping_sub(1), proto, high, low])
}

/// Payload length, next header and hop limit of the next hop: the limit is the last byte.
#[inline(always)]
fn less_a_hop_v6(word: u32) -> u32 {
    u32::from_be(word).wrapping_sub(1).to_be()
}

/// The way into a pod of this node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entrance {
    /// The host's end of the pod's veth.
    pub ifindex: u32,
    /// Destination and source of frames for the pod, as they lie in the frame.
    macs: [u32; 3],
}

impl From<&EndpointValue> for Entrance {
    #[inline(always)]
    fn from(pod: &EndpointValue) -> Self {
        Self { ifindex: pod.ifindex, macs: NearValue::macs(pod.mac, pod.host_mac) }
    }
}

impl Entrance {
    /// Returns the way into a near pod.
    #[inline(always)]
    pub fn near<N: Near>(pod: &N) -> Self {
        Self { ifindex: pod.ifindex(), macs: pod.macs() }
    }
}

/// Addresses a frame to the pod behind an entrance.
#[inline(always)]
pub fn address<P: Packet>(pkt: &P, entrance: &Entrance) -> Result<(), DropReason> {
    if pkt.put_words(0, entrance.macs) { Ok(()) } else { Err(DropReason::WriteError) }
}

/// Makes a packet ready for the pod behind [`State::entrance`].
#[inline(always)]
pub fn prepare_for_pod<P: Packet>(pkt: &P, st: &State) -> Result<(), DropReason> {
    prepare(pkt, &st.packet, &st.entrance)
}

/// Makes a packet ready for the pod behind an entrance.
#[inline(always)]
pub fn prepare<P: Packet>(
    pkt: &P,
    hops: impl Into<Hops>,
    entrance: &Entrance,
) -> Result<(), DropReason> {
    take_hop(pkt, hops)?;
    address(pkt, entrance)?;
    pkt.set_mark(0);
    pkt.set_to_host();
    Ok(())
}
