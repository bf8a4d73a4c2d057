//! The state of one packet in flight.

use crate::{
    abi::{Addr, CtKey, CtValue, Event, FragKey, FragValue, IpcacheKey},
    packet::{Mac, Parsed},
};

/// Everything about a packet that would not fit the stack; one per hook and CPU.
///
/// Each walk overwrites the parsed packet and the link header before it reads them, and each work
/// area is written whole before it is used, so nothing of an earlier packet is ever seen.
#[repr(C)]
#[derive(Default)]
pub struct State {
    /// The packet.
    pub packet: Parsed,
    /// The packet inside an ICMP error.
    pub quoted: Parsed,
    /// Source MAC.
    pub src_mac: Mac,
    /// Destination MAC.
    pub dst_mac: Mac,
    /// EtherType.
    pub ether_type: u16,
    /// Identity of the source.
    pub src_identity: u32,
    /// Identity of the destination.
    pub dst_identity: u32,
    /// Local endpoint that the packet is about.
    pub endpoint_id: u32,
    /// VNI, when the overlay is involved.
    pub vni: u32,
    /// Translated source.
    pub translated: Addr,
    /// Work area: key of the connection.
    pub key: CtKey,
    /// Work area: key of an alias.
    pub alias: CtKey,
    /// Work area: connection about to be written.
    pub value: CtValue,
    /// Work area: prefix to look up.
    pub prefix: IpcacheKey,
    /// Work area: datagram to look up.
    pub datagram: FragKey,
    /// Work area: what the first fragment says.
    pub first_fragment: FragValue,
    /// Work area: event about to be sent.
    pub event: Event,
}

impl State {
    /// Forgets the packet before.
    #[inline(always)]
    pub fn reset(&mut self) {
        self.packet = Parsed::default();
        self.src_mac = Mac::default();
        self.dst_mac = Mac::default();
        self.ether_type = 0;
        self.src_identity = 0;
        self.dst_identity = 0;
        self.endpoint_id = 0;
        self.vni = 0;
        self.translated = Addr::ZERO;
    }
}
