//! What the headers of a packet say.

use crate::abi::{Addr, DropReason};

/// Bytes of an Ethernet header.
pub const ETHERNET: u32 = 14;

/// What a packet is to the datapath.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Belongs to a connection of its own.
    #[default]
    Flow,
    /// An ICMP error about another packet.
    Error,
    /// A neighbour solicitation.
    Solicitation,
    /// A neighbour advertisement.
    Advertisement,
    /// Multicast listener reports, router solicitations: of no interest outside the link.
    LinkNoise,
    /// ICMP that pods may not send.
    Forbidden,
    /// ICMP that is not understood.
    Unknown,
}

/// Which part of a datagram a packet is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fragment {
    /// All of it.
    #[default]
    Whole,
    /// The part with the layer 4 header.
    First,
    /// A later part.
    Later,
}

/// A packet after parsing. Numbers are in host order.
#[derive(Clone, Copy, Debug)]
pub struct Parsed {
    /// Source.
    pub src: Addr,
    /// Destination.
    pub dst: Addr,
    /// Offset of the IP header.
    pub l3: u32,
    /// Offset of the layer 4 header.
    pub l4: u32,
    /// Offset behind the last byte of the IP packet.
    pub end: u32,
    /// Identification of the datagram, for fragments.
    pub fragment_id: u32,
    /// Bytes of the layer 4 header.
    pub l4_len: u32,
    /// Where the parser stands.
    pub(super) cursor: u32,
    /// The four bytes with the hops left, as they lie in the packet: from IPv4's TTL to its header sum, or
    /// up to IPv6's hop limit.
    pub hop_word: u32,
    /// Source port, or the identifier of an ICMP exchange.
    pub sport: u16,
    /// Destination port, or the identifier of an ICMP exchange.
    pub dport: u16,
    /// Layer 4 protocol.
    pub proto: u8,
    /// Protocol as fragments name it: the header behind the fragment header.
    pub fragment_proto: u8,
    /// ICMP exchange, as in [`crate::abi::CtKey::type_class`].
    pub type_class: u8,
    /// TCP flags.
    pub tcp_flags: u8,
    /// ICMP type.
    pub icmp_type: u8,
    /// ICMP code.
    pub icmp_code: u8,
    /// Hops left.
    pub ttl: u8,
    /// 4 or 6.
    pub version: u8,
    /// The header asks for more than forwarding: options that routers must look at.
    pub special: bool,
    /// Which part of a datagram.
    pub fragment: Fragment,
    /// What it is.
    pub kind: Kind,
    /// Why parsing failed, if it did.
    pub refused: DropReason,
}

impl Default for Parsed {
    #[inline(always)]
    fn default() -> Self {
        Self {
            src: Addr::ZERO,
            dst: Addr::ZERO,
            l3: 0,
            l4: 0,
            end: 0,
            fragment_id: 0,
            l4_len: 0,
            cursor: 0,
            hop_word: 0,
            sport: 0,
            dport: 0,
            proto: 0,
            fragment_proto: 0,
            type_class: 0,
            tcp_flags: 0,
            icmp_type: 0,
            icmp_code: 0,
            ttl: 0,
            version: 0,
            special: false,
            fragment: Fragment::Whole,
            kind: Kind::Flow,
            refused: DropReason::InvalidPacket,
        }
    }
}

impl Parsed {
    /// Returns the source end of the connection.
    #[inline(always)]
    pub fn source(&self) -> (Addr, u16) {
        (self.src, self.sport)
    }

    /// Returns the destination end of the connection.
    #[inline(always)]
    pub fn destination(&self) -> (Addr, u16) {
        (self.dst, self.dport)
    }

    /// Returns the checksum of the IPv4 header.
    #[inline(always)]
    pub fn header_sum(&self) -> u16 {
        let [.., high, low] = self.hop_word.to_ne_bytes();
        u16::from_be_bytes([high, low])
    }

    /// Tells whether this is IPv4.
    #[inline(always)]
    pub fn is_v4(&self) -> bool {
        self.version == 4
    }
}
