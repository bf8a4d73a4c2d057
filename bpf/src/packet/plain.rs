//! Packets as most are, read at one glance.

use super::{
    access::{Mac, Packet, Window},
    ip::ether,
    parsed::Parsed,
    transport::{self, tcp_flag},
};
use crate::abi::{Addr, Family};

/// TCP flags that open or end a connection.
const EVENTFUL: u8 = tcp_flag::SYN | tcp_flag::FIN | tcp_flag::RST;

/// A whole IP packet of UDP, or of TCP in the midst of a connection, without options, extension headers
/// or VLAN tags, and with hops to spare. Numbers are in host order.
#[derive(Clone, Copy, Debug)]
pub struct Plain {
    /// Who the frame is for.
    pub dst_mac: Mac,
    /// Who sent the frame.
    pub src_mac: Mac,
    /// Source.
    pub src: Addr,
    /// Destination.
    pub dst: Addr,
    /// Source port.
    pub sport: u16,
    /// Destination port.
    pub dport: u16,
    /// Bytes of the IP packet.
    pub length: u32,
    /// Bytes of its headers, layer 4 included.
    pub headers: u32,
    /// Where its hops are counted.
    pub hops: Hops,
    /// Layer 4 protocol.
    pub proto: u8,
    /// TCP flags.
    pub tcp_flags: u8,
}

/// The part of an IP header that changes with each hop.
#[derive(Clone, Copy, Debug)]
pub struct Hops {
    /// Whether it is one of IPv4.
    pub is_v4: bool,
    /// As [`Parsed::hop_word`].
    pub word: u32,
}

impl From<&Parsed> for Hops {
    #[inline(always)]
    fn from(p: &Parsed) -> Self {
        Self { is_v4: p.is_v4(), word: p.hop_word }
    }
}

/// Returns where a frame without a VLAN tag goes, if there may be a plain packet in it: cheap to ask, so that
/// others can be told apart before anything else is read.
#[inline(always)]
pub fn destination<P: Packet>(pkt: &P) -> Option<Addr> {
    if pkt.has_vlan_tag() {
        return None;
    }
    let w = pkt.peek::<54>()?;
    match w.be16::<12>() {
        ether::IPV4 => Some(w.v4::<30>()),
        ether::IPV6 => Some(w.v6::<38, 46>()),
        _ => None,
    }
}

impl Plain {
    /// Reads a packet of IPv4; `None` if it is anything else, or takes more than a look: the parser knows.
    ///
    /// What this accepts the parser accepts, and reads alike.
    #[inline(always)]
    pub fn v4<P: Packet>(pkt: &P) -> Option<Self> {
        let w = pkt.peek::<54>()?;
        // Version 4 and no options; all of the datagram.
        if w.byte::<14>() != 0x45 || w.be16::<20>() & 0x3fff != 0 || w.byte::<22>() <= 1 {
            return None;
        }
        let length = u32::from(w.be16::<16>());
        let room = length.checked_sub(20)?;
        let proto = w.byte::<23>();
        let (l4_len, tcp_flags) = match proto {
            transport::TCP => tcp(room, w.byte::<46>(), w.byte::<47>())?,
            transport::UDP => udp(room, w.be16::<38>())?,
            _ => return None,
        };
        (pkt.len() >= 14 + length).then_some(Self {
            dst_mac: w.mac::<0, 4>(),
            src_mac: w.mac::<6, 10>(),
            src: w.v4::<26>(),
            dst: w.v4::<30>(),
            sport: w.be16::<34>(),
            dport: w.be16::<36>(),
            length,
            headers: 20 + l4_len,
            hops: Hops { is_v4: true, word: w.raw32::<22>() },
            proto,
            tcp_flags,
        })
    }

    /// The same for IPv6.
    #[inline(always)]
    pub fn v6<P: Packet>(pkt: &P) -> Option<Self> {
        let w = pkt.peek::<74>()?;
        if w.byte::<14>() >> 4 != 6 || w.byte::<21>() <= 1 {
            return None;
        }
        let room = u32::from(w.be16::<18>());
        let proto = w.byte::<20>();
        let (l4_len, tcp_flags) = match proto {
            transport::TCP => tcp(room, w.byte::<66>(), w.byte::<67>())?,
            transport::UDP => udp(room, w.be16::<58>())?,
            _ => return None,
        };
        let (src, dst) = (w.v6::<22, 30>(), w.v6::<38, 46>());
        let is_mapped = |addr: &Addr| matches!(addr.family(), Family::V4);
        if is_mapped(&src) || is_mapped(&dst) || pkt.len() < 54 + room {
            return None;
        }
        Some(Self {
            dst_mac: w.mac::<0, 4>(),
            src_mac: w.mac::<6, 10>(),
            src,
            dst,
            sport: w.be16::<54>(),
            dport: w.be16::<56>(),
            length: 40 + room,
            headers: 40 + l4_len,
            hops: Hops { is_v4: false, word: w.raw32::<18>() },
            proto,
            tcp_flags,
        })
    }
}

/// Returns length and flags of a TCP header in `room` bytes.
#[inline(always)]
fn tcp(room: u32, offset: u8, flags: u8) -> Option<(u32, u8)> {
    let length = u32::from(offset >> 4) * 4;
    let is_whole = length >= 20 && length <= room;
    (is_whole && flags & EVENTFUL == 0 && flags & 0x3f != 0).then_some((length, flags))
}

/// Returns length and flags of a UDP header in `room` bytes.
#[inline(always)]
fn udp(room: u32, length: u16) -> Option<(u32, u8)> {
    let length = u32::from(length);
    (length >= 8 && length <= room).then_some((8, 0))
}
