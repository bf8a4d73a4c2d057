//! Addresses of both families in one form.

use super::pod::abi_struct;

abi_struct! {
    /// An IPv4 or IPv6 address in 16 bytes, in network order; IPv4 is mapped (`::ffff:a.b.c.d`).
    ///
    /// One form for both families means one table and one code path for both. Real IPv6 packets
    /// with mapped addresses are martians (RFC 4291 2.5.5.2, RFC 6890) and dropped by the parser,
    /// so the two families cannot collide.
    #[derive(Hash)]
    pub struct Addr {
        /// Network order.
        pub bytes: [u8; 16],
    }
}

/// The two families.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Addr {
    /// The absent address.
    pub const ZERO: Self = Self { bytes: [0; 16] };

    /// Maps an IPv4 address given in network order.
    #[inline(always)]
    pub const fn v4(b: [u8; 4]) -> Self {
        Self { bytes: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, b[0], b[1], b[2], b[3]] }
    }

    /// Wraps an IPv6 address given in network order.
    #[inline(always)]
    pub const fn v6(bytes: [u8; 16]) -> Self {
        Self { bytes }
    }

    /// Returns the family: mapped addresses are IPv4.
    #[inline(always)]
    pub fn family(&self) -> Family {
        let b = &self.bytes;
        let high = u64::from_ne_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]);
        let mid = u32::from_ne_bytes([b[8], b[9], b[10], b[11]]);
        if high == 0 && mid == u32::from_ne_bytes([0, 0, 0xff, 0xff]) {
            Family::V4
        } else {
            Family::V6
        }
    }

    /// Returns the last four bytes: the IPv4 address when the family is IPv4.
    #[inline(always)]
    pub const fn v4_bytes(&self) -> [u8; 4] {
        let b = &self.bytes;
        [b[12], b[13], b[14], b[15]]
    }

    /// Tells whether this is the absent address.
    #[inline(always)]
    pub fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }
}

#[cfg(feature = "user")]
mod user {
    extern crate std;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    use super::{Addr, Family};

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
                Family::V6 => Self::V6(addr.bytes.into()),
            }
        }
    }
}
