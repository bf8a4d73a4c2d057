//! What a router does to a packet that it passes on itself.

use crate::{
    abi::{Config, DropReason, EndpointValue},
    checksum::Diff,
    packet::{ETHERNET, Packet, Parsed, Window},
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
    if config.route_mtu == 0 || p.end - p.l3 <= config.route_mtu {
        return false;
    }
    let segment = pkt.segment_size();
    segment == 0 || p.l4 - p.l3 + p.l4_len + segment > config.route_mtu
}

/// Takes one hop off.
#[inline(always)]
pub fn take_hop<P: Packet>(pkt: &P, p: &Parsed) -> Result<(), DropReason> {
    let (at, word) = if p.is_v4() { (8, less_a_hop_v4(p)) } else { (4, less_a_hop_v6(p)) };
    if !pkt.put_words(ETHERNET + at, [word]) {
        return Err(DropReason::WriteError);
    }
    if !p.is_v4() {
        // IPv4's header sum made up for it; in IPv6 nothing does.
        pkt.fix_whole_sum(Diff::word_pair(p.hop_word, word).get());
    }
    Ok(())
}

/// TTL, protocol and header sum of the next hop.
#[inline(always)]
fn less_a_hop_v4(p: &Parsed) -> u32 {
    // One off the upper byte of a word: the sum grows by the same (RFC 1141).
    let sum = u32::from(p.header_sum) + 0x0100;
    let [high, low] = ((sum + (sum >> 16)) as u16).to_be_bytes();
    let [_, proto, ..] = p.hop_word.to_ne_bytes();
    u32::from_ne_bytes([p.ttl.wrapping_sub(1), proto, high, low])
}

/// Payload length, next header and hop limit of the next hop: the limit is the last byte.
#[inline(always)]
fn less_a_hop_v6(p: &Parsed) -> u32 {
    u32::from_be(p.hop_word).wrapping_sub(1).to_be()
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
        let (d, s) = (pod.mac, pod.host_mac);
        let macs = [
            u32::from_ne_bytes([d[0], d[1], d[2], d[3]]),
            u32::from_ne_bytes([d[4], d[5], s[0], s[1]]),
            u32::from_ne_bytes([s[2], s[3], s[4], s[5]]),
        ];
        Self { ifindex: pod.ifindex, macs }
    }
}

/// Addresses a frame to the pod behind [`State::entrance`].
#[inline(always)]
pub fn address<P: Packet>(pkt: &P, st: &State) -> Result<(), DropReason> {
    if pkt.put_words(0, st.entrance.macs) { Ok(()) } else { Err(DropReason::WriteError) }
}

/// Makes a packet ready for [`State::entrance`].
#[inline(always)]
pub fn prepare_for_pod<P: Packet>(pkt: &P, st: &State) -> Result<(), DropReason> {
    take_hop(pkt, &st.packet)?;
    address(pkt, st)?;
    pkt.set_mark(0);
    pkt.set_to_host();
    Ok(())
}
