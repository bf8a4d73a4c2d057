//! What the programs tell user space about packets.

use super::{Addr, pod::abi_struct};

/// Values of [`Event::kind`].
pub mod event_kind {
    /// A packet was dropped; `reason` says why.
    pub const DROP: u8 = 1;
    /// A connection was opened, changed its TCP flags, or is still going on.
    pub const TRACE: u8 = 4;
    /// A policy let a connection pass; drops tell of the others.
    pub const VERDICT: u8 = 5;
    /// A socket was connected to the backend of a service, or had none; there was no packet yet. Or a datagram
    /// of the node's own is on its way to one, from the port that it has.
    pub const SOCKET: u8 = 7;
}

/// Bits of [`Event::flags`].
pub mod event_flags {
    /// The packet is a reply.
    pub const REPLY: u8 = 1;
    /// The first packet of a connection.
    pub const NEW: u8 = 2;
    /// The connection ended (FIN both ways or RST).
    pub const CLOSE: u8 = 4;
    /// A periodic report of a long flow.
    pub const REPORT: u8 = 8;
    /// `reason` is a benign one: counted, not a fault.
    pub const BENIGN: u8 = 16;
    /// An ICMP error that belongs to a connection.
    pub const RELATED: u8 = 32;
    /// A verdict that passes only because it is audited.
    pub const AUDIT: u8 = 64;
}

/// Where a packet was seen; Hubble's datapath numbers (`TraceObservationPoint`, with 0 for
/// to-endpoint).
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Observation {
    /// Delivered into a pod.
    ToEndpoint = 0,
    /// Delivered to the host.
    ToHost = 2,
    /// Given to the network stack.
    ToStack = 3,
    /// Sent over the overlay.
    ToOverlay = 4,
    /// Received from a pod.
    FromEndpoint = 5,
    /// Received from the host.
    FromHost = 7,
    /// Received from the overlay.
    FromOverlay = 9,
    /// Received from the underlay.
    FromNetwork = 10,
    /// Sent to the underlay.
    ToNetwork = 11,
}

abi_struct! {
    /// One record of the ring buffer.
    pub struct Event {
        /// Monotonic time, ns.
        pub time: u64,
        /// Packets from the opener so far.
        pub tx_packets: u64,
        /// Bytes from the opener so far.
        pub tx_bytes: u64,
        /// Packets to the opener so far.
        pub rx_packets: u64,
        /// Bytes to the opener so far.
        pub rx_bytes: u64,
        /// Source.
        pub src: Addr,
        /// Destination.
        pub dst: Addr,
        /// Translated source; zero if none.
        pub src_xlated: Addr,
        /// The service that who opened the connection speaks with; zero if none.
        pub service: Addr,
        /// Identity of the source.
        pub src_identity: u32,
        /// Identity of the destination.
        pub dst_identity: u32,
        /// Local endpoint that the event is about; 0 = none.
        pub endpoint_id: u32,
        /// Device where the program ran.
        pub ifindex: u32,
        /// Length of the packet at layer 2.
        pub length: u32,
        /// Policy rule that decided ([`super::PolicyCell::rule_id`]); 0 = none.
        pub rule_id: u32,
        /// Source port, or ICMP type, host order.
        pub sport: u16,
        /// Destination port, or ICMP code, host order.
        pub dport: u16,
        /// VNI of the overlay is valid when the observation is an overlay one.
        pub vni: u32,
        /// [`event_kind`].
        pub kind: u8,
        /// Code of [`super::Counted`]: 0 for forwarded, else a drop reason.
        pub reason: u8,
        /// [`super::Direction`].
        pub direction: u8,
        /// [`Observation`].
        pub observation: u8,
        /// IP protocol number; 0 when there is no IP header.
        pub proto: u8,
        /// TCP flags of the packet, as on the wire.
        pub tcp_flags: u8,
        /// [`event_flags`].
        pub flags: u8,
        /// 4 or 6; 0 when there is no IP header.
        pub ip_version: u8,
        /// Destination MAC.
        pub dst_mac: [u8; 6],
        /// Source MAC.
        pub src_mac: [u8; 6],
        /// EtherType, host order.
        pub ether_type: u16,
        /// Its port, host order.
        pub service_port: u16,
    }
}
