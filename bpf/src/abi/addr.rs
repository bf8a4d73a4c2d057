//! Addresses of both families in one form.

use core::{
    cmp::Ordering,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// An IPv4 or IPv6 address in 16 bytes, in network order; IPv4 is mapped (`::ffff:a.b.c.d`).
///
/// One form for both families means one table and one code path for both. Real IPv6 packets
/// with mapped addresses are martians (RFC 4291 2.5.5.2, RFC 6890) and dropped by the parser,
/// so the two families cannot collide. The bytes are kept in two words, because the bpf target
/// copies and compares anything less aligned byte by byte.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Addr {
    /// The bytes of the address in memory order, eight in each word.
    words: [u64; 2],
}

// SAFETY: `repr(C)`, `Copy`, 'static, two integers: every bit pattern is valid and there is no
// padding.
#[cfg(feature = "user")]
unsafe impl aya::Pod for Addr {}

/// The two families.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// The second word of every IPv4 address begins with these bytes.
const MAPPED: u32 = u32::from_ne_bytes([0, 0, 0xff, 0xff]);

impl Addr {
    /// The absent address.
    pub const ZERO: Self = Self { words: [0; 2] };

    /// Maps an IPv4 address given in network order.
    #[inline(always)]
    pub const fn v4(b: [u8; 4]) -> Self {
        Self { words: [0, u64::from_ne_bytes([0, 0, 0xff, 0xff, b[0], b[1], b[2], b[3]])] }
    }

    /// Wraps an IPv6 address given in network order.
    #[inline(always)]
    pub const fn v6(b: [u8; 16]) -> Self {
        Self {
            words: [
                u64::from_ne_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]),
                u64::from_ne_bytes([b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]]),
            ],
        }
    }

    /// Wraps two words as they lie in memory.
    #[inline(always)]
    pub const fn from_words(words: [u64; 2]) -> Self {
        Self { words }
    }

    /// Stands for all processes of a network namespace, by the kernel's cookie of it. Nobody has such an
    /// address: it is all zero where hosts are told apart.
    #[inline(always)]
    pub const fn netns(cookie: u64) -> Self {
        Self { words: [cookie, 0] }
    }

    /// Tells whether it stands for a network namespace. (The address of no host ends in 64 zeroes: RFC 4291
    /// 2.6.1 reserves it for the routers of a subnet.)
    #[inline(always)]
    pub const fn is_netns(&self) -> bool {
        self.words[1] == 0
    }

    /// Stands for the node that asks, where what it sends to an address of its own has to leave by a device
    /// to pass by a program: the dummy address of RFC 7600, to which nobody sends anything, and one beside
    /// the sources of hairpin connections.
    #[inline(always)]
    pub const fn this_node(family: Family) -> Self {
        match family {
            Family::V4 => Self::v4([192, 0, 0, 8]),
            Family::V6 => Self::v6([0xfd, 0, 0, 0x73, 0, 0x6b, 0, 0x65, 0, 0x70, 0, 0, 0, 0, 0, 2]),
        }
    }

    /// Returns the two words as they lie in memory.
    #[inline(always)]
    pub const fn words(&self) -> [u64; 2] {
        self.words
    }

    /// Returns the bytes in network order.
    #[inline(always)]
    pub const fn bytes(&self) -> [u8; 16] {
        let (a, b) = (self.words[0].to_ne_bytes(), self.words[1].to_ne_bytes());
        [
            a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], b[0], b[1], b[2], b[3], b[4], b[5],
            b[6], b[7],
        ]
    }

    /// Returns the family: mapped addresses are IPv4.
    #[inline(always)]
    pub const fn family(&self) -> Family {
        let b = self.words[1].to_ne_bytes();
        if self.words[0] == 0 && u32::from_ne_bytes([b[0], b[1], b[2], b[3]]) == MAPPED {
            Family::V4
        } else {
            Family::V6
        }
    }

    /// Returns the unspecified address of the same family: `0.0.0.0` or `::`.
    #[inline(always)]
    pub const fn unspecified(&self) -> Self {
        match self.family() {
            Family::V4 => Self::v4([0; 4]),
            Family::V6 => Self::ZERO,
        }
    }

    /// Returns the last four bytes: the IPv4 address when the family is IPv4.
    #[inline(always)]
    pub const fn v4_bytes(&self) -> [u8; 4] {
        let b = self.words[1].to_ne_bytes();
        [b[4], b[5], b[6], b[7]]
    }

    /// Tells whether this is the absent address.
    #[inline(always)]
    pub const fn is_zero(&self) -> bool {
        self.words[0] | self.words[1] == 0
    }
}

impl Ord for Addr {
    #[inline(always)]
    fn cmp(&self, other: &Self) -> Ordering {
        let high = u64::from_be(self.words[0]).cmp(&u64::from_be(other.words[0]));
        high.then(u64::from_be(self.words[1]).cmp(&u64::from_be(other.words[1])))
    }
}

impl PartialOrd for Addr {
    #[inline(always)]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl From<IpAddr> for Addr {
    fn from(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(v4) => Self::v4(v4.octets()),
            IpAddr::V6(v6) => Self::v6(v6.octets()),
        }
    }
}

impl From<Ipv4Addr> for Addr {
    fn from(ip: Ipv4Addr) -> Self {
        Self::v4(ip.octets())
    }
}

impl From<Ipv6Addr> for Addr {
    fn from(ip: Ipv6Addr) -> Self {
        Self::v6(ip.octets())
    }
}

impl From<Addr> for IpAddr {
    fn from(addr: Addr) -> Self {
        match addr.family() {
            Family::V4 => Self::V4(addr.v4_bytes().into()),
            Family::V6 => Self::V6(addr.bytes().into()),
        }
    }
}
