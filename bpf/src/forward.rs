//! What a router does to a packet that it passes on itself.

use crate::{
    abi::{Config, DropReason, EndpointValue},
    packet::{ETHERNET, Packet, Parsed},
    state::State,
};

/// Tells whether the kernel must handle a packet, since it may have to answer with an ICMP error:
/// no hops left, too big, or options.
#[inline(always)]
pub fn is_exceptional<P: Packet>(pkt: &P, config: &Config, p: &Parsed) -> bool {
    p.ttl <= 1 || p.special || is_too_big(pkt, config, p)
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
    let ttl = p.ttl.wrapping_sub(1);
    let stored = if p.is_v4() {
        // One off the upper byte of a word: the sum grows by the same (RFC 1141).
        let sum = u32::from(p.header_sum) + 0x0100;
        let [high, low] = ((sum + (sum >> 16)) as u16).to_be_bytes();
        pkt.store_uncovered(p.l3 + 8, &[ttl, p.proto, high, low])
    } else {
        pkt.store(p.l3 + 7, &[ttl])
    };
    if stored { Ok(()) } else { Err(DropReason::WriteError) }
}

/// Makes a packet ready for the pod's end of the veth.
#[inline(always)]
pub fn prepare_for_pod<P: Packet>(
    pkt: &P,
    st: &State,
    pod: &EndpointValue,
) -> Result<(), DropReason> {
    take_hop(pkt, &st.packet)?;
    let (d, s) = (pod.mac, pod.host_mac);
    let macs = [d[0], d[1], d[2], d[3], d[4], d[5], s[0], s[1], s[2], s[3], s[4], s[5]];
    if !pkt.store_uncovered(st.packet.l3 - ETHERNET, &macs) {
        return Err(DropReason::WriteError);
    }
    pkt.set_mark(0);
    pkt.set_to_host();
    Ok(())
}
