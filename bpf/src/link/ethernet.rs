//! Ethernet headers.

use crate::{
    abi::{DropReason, Family},
    packet::{ETHERNET, Packet, Window, ip::ether},
    state::State,
};

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// An IP packet.
    Ip(Family),
    /// Address resolution.
    Arp,
    /// Something else.
    Other(DropReason),
}

/// Reads the Ethernet header into the state.
#[inline(always)]
pub fn read<P: Packet>(pkt: &P, st: &mut State) -> Result<Frame, DropReason> {
    let w = pkt.window::<{ ETHERNET as usize }>(0).ok_or(DropReason::UnsupportedL2)?;
    st.dst_mac = w.mac::<0, 4>();
    st.src_mac = w.mac::<6, 10>();
    st.ether_type = w.be16::<12>();
    if pkt.has_vlan_tag() {
        return Ok(Frame::Other(DropReason::VlanFiltered));
    }
    Ok(match st.ether_type {
        ether::IPV4 => Frame::Ip(Family::V4),
        ether::IPV6 => Frame::Ip(Family::V6),
        ether::ARP => Frame::Arp,
        ether::VLAN | ether::QINQ => Frame::Other(DropReason::VlanFiltered),
        length if length < ether::FIRST_TYPE => Frame::Other(DropReason::UnsupportedL2),
        _ => Frame::Other(DropReason::UnsupportedL3),
    })
}

/// Addresses the frame to who sent it.
#[inline(always)]
pub fn turn<P: Packet>(pkt: &P, st: &State) -> bool {
    let (to, from) = (st.src_mac.bytes(), st.dst_mac.bytes());
    let word = |a, b, c, d| u32::from_ne_bytes([a, b, c, d]);
    pkt.put_words(
        0,
        [
            word(to[0], to[1], to[2], to[3]),
            word(to[4], to[5], from[0], from[1]),
            word(from[2], from[3], from[4], from[5]),
        ],
    )
}
