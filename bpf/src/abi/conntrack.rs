//! Connection tracking: one entry per connection, both legs in it.

use super::{Addr, pod::abi_struct};

/// Which table a tuple belongs to; part of the key.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    /// Pod traffic as pods see it.
    Pod = 0,
    /// Before service translation: what the client sends.
    Service = 1,
    /// As seen by the other end after the source was translated, to the node for most.
    NodeSnat = 2,
    /// The host's own flows.
    Host = 3,
}

abi_struct! {
    /// A connection without direction: the lower (address, port) end comes first.
    ///
    /// For ICMP echo both ports hold the identifier, `proto` tells the family and `type_class`
    /// that it is an echo. Other protocols without ports have zero ports.
    #[derive(Hash)]
    pub struct CtKey {
        /// The lower end.
        pub addr_a: Addr,
        /// The higher end.
        pub addr_b: Addr,
        /// Port of the lower end, host order.
        pub port_a: u16,
        /// Port of the higher end, host order.
        pub port_b: u16,
        /// IP protocol number.
        pub proto: u8,
        /// A [`Zone`].
        pub zone: u8,
        /// ICMP: which exchange (echo = 1, and so on); 0 otherwise.
        pub type_class: u8,
        /// Zero.
        pub reserved: u8,
    }
}

/// Which end of a [`CtKey`] something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The lower end.
    A,
    /// The higher end.
    B,
}

impl End {
    /// Returns 1 for the higher end.
    #[inline(always)]
    pub const fn bit(self) -> u32 {
        self as u32
    }
}

impl CtKey {
    /// Makes the key of a packet and tells which end its source is.
    #[inline(always)]
    pub fn canonical(
        zone: Zone,
        (proto, type_class): (u8, u8),
        (src, sport): (Addr, u16),
        (dst, dport): (Addr, u16),
    ) -> (Self, End) {
        let rest = Self { proto, zone: zone as u8, type_class, ..Self::default() };
        if (src, sport) <= (dst, dport) {
            (Self { addr_a: src, addr_b: dst, port_a: sport, port_b: dport, ..rest }, End::A)
        } else {
            (Self { addr_a: dst, addr_b: src, port_a: dport, port_b: sport, ..rest }, End::B)
        }
    }

    /// Returns the hash that [`CtValue::tag`] repeats; never zero.
    #[inline(always)]
    pub const fn tag(&self) -> u64 {
        let (a, b) = (self.addr_a.words(), self.addr_b.words());
        let rest = (self.port_a as u64) << 48
            | (self.port_b as u64) << 32
            | (self.proto as u64) << 16
            | (self.zone as u64) << 8
            | self.type_class as u64;
        // Multilinear: independent products, so that the CPU computes them side by side.
        let sum = a[0]
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .wrapping_add(a[1].wrapping_mul(0xc2b2_ae3d_27d4_eb4f))
            .wrapping_add(b[0].wrapping_mul(0x1656_67b1_9e37_79f9))
            .wrapping_add(b[1].wrapping_mul(0x27d4_eb2f_1656_67c5))
            .wrapping_add(rest.wrapping_mul(0xff51_afd7_ed55_8ccd));
        (sum ^ (sum >> 32)) | 1
    }
}

/// Values of [`CtValue::kind`].
pub mod ct_kind {
    /// A connection.
    pub const TRACKED: u8 = 1;
    /// Another tuple of a connection; `alias` is the key of the tracked entry.
    pub const ALIAS: u8 = 2;
}

/// Bits of [`CtValue::flags`].
pub mod ct_flags {
    /// The higher end (b) opened the connection; else the lower one.
    pub const OPENED_BY_B: u8 = 1;
    /// The source is translated: `nat_addr` and `nat_port` are what the other end sees.
    pub const SNAT: u8 = 2;
    /// The connection came from outside the node (its replies are never translated).
    pub const INBOUND: u8 = 4;
    /// The opener speaks with a service. `service_addr` and `service_port` are the end of it that is not in
    /// the key: what the opener sees, or in zone `Service` the backend.
    pub const SERVICE: u8 = 8;
    /// The opener speaks with a service and is this node itself, at whichever of its addresses.
    pub const HOST: u8 = 16;
}

/// Approval of one leg: policy revision (upper half) and peer identity (lower half) in one
/// aligned word, so that it is read and written whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Approval(pub u64);

impl Approval {
    /// Never judged.
    pub const NONE: Self = Self(0);

    /// Combines what was judged. Revisions start at 1, so an approval is never zero.
    #[inline(always)]
    pub const fn new(revision: u32, peer: u32) -> Self {
        Self(((revision as u64) << 32) | peer as u64)
    }

    /// Returns the revision that was judged.
    #[inline(always)]
    pub const fn revision(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// Returns the identity of the peer that was judged.
    #[inline(always)]
    pub const fn peer(self) -> u32 {
        self.0 as u32
    }
}

/// The side that opened a connection: index of its values in a [`CtValue`].
pub const OPENER: usize = 0;
/// The other side.
pub const RESPONDER: usize = 1;

abi_struct! {
    /// A tracked connection or an alias of one. What each side has is at [`OPENER`] and [`RESPONDER`].
    ///
    /// The kernel reuses freed hash elements at once, so a program that holds a pointer may look
    /// at another connection: `tag` repeats a hash of the key and is compared before and after the
    /// approvals are read. Approvals are written only by map update with the key; through a value
    /// pointer programs touch only times, counters and TCP flags.
    pub struct CtValue {
        /// Hash of the key.
        pub tag: u64,
        /// [`Approval`] of each leg: the opener's egress, the responder's ingress.
        pub approval: [u64; 2],
        /// Monotonic time of creation, ns.
        pub created: u64,
        /// Monotonic time of the last packet, ns.
        pub last_seen: u64,
        /// Monotonic time of the last event about it, ns.
        pub last_report: u64,
        /// Packets from each side.
        pub packets: [u64; 2],
        /// Bytes from each side.
        pub bytes: [u64; 2],
        /// Incarnation of each side's endpoint when its leg was approved; 0 = not a local pod.
        pub incarnation: [u32; 2],
        /// Number of each side's endpoint, for quotas; 0 = not a local pod.
        pub endpoint: [u32; 2],
        /// Key of the tracked entry; all zero unless this is an alias.
        pub alias: CtKey,
        /// Translated source; zero unless `flags` has SNAT.
        pub nat_addr: Addr,
        /// Translated source port, host order.
        pub nat_port: u16,
        /// TCP flags seen from each side.
        pub tcp_flags: [u8; 2],
        /// [`ct_kind`].
        pub kind: u8,
        /// [`ct_flags`].
        pub flags: u8,
        /// Port of the service or its backend, host order; zero unless `flags` has SERVICE.
        pub service_port: u16,
        /// Address of the service or its backend; zero unless `flags` has SERVICE.
        pub service_addr: Addr,
        /// Number of the backend, in zone `Service`.
        pub backend_id: u32,
        /// Zero.
        pub reserved: u32,
    }
}

abi_struct! {
    /// A fragmented datagram (RFC 791, RFC 8200 4.5).
    #[derive(Hash)]
    pub struct FragKey {
        /// Source.
        pub src: Addr,
        /// Destination.
        pub dst: Addr,
        /// Identification, host order.
        pub id: u32,
        /// IP protocol number.
        pub proto: u32,
    }
}

abi_struct! {
    /// What its first fragment said.
    pub struct FragValue {
        /// Source port or ICMP identifier, host order.
        pub sport: u16,
        /// Destination port, host order.
        pub dport: u16,
        /// Layer 4 protocol.
        pub proto: u8,
        /// ICMP exchange, as in [`CtKey::type_class`].
        pub type_class: u8,
        /// Zero.
        pub reserved: u16,
        /// Monotonic time when seen, ns.
        pub seen: u64,
    }
}
