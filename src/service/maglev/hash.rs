//! Hashes that are the same on all nodes and in all versions; those of the standard library are not.

use std::net::IpAddr;

use crate::service::BackendKey;

/// In which order a backend asks for entries of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Walk {
    /// The entry it asks for first.
    pub(super) offset: u32,
    /// How far it goes on from there; every entry is met once, since sizes are prime.
    pub(super) skip: u32,
    /// Its turn where backends must take turns.
    pub(super) turn: u64,
}

impl Walk {
    /// Returns the walk of a backend. It depends on who it is, not on its number, which nodes give as
    /// they like.
    pub(super) fn of(backend: &BackendKey, size: u32) -> Self {
        let seed = digest(backend);
        let [first, second, turn] = [1, 2, 3].map(|salt: u64| mix(seed.wrapping_add(salt << 56)));
        let below = |value: u64, bound: u32| -> u32 {
            u32::try_from(value % u64::from(bound)).expect("a remainder is below its divisor")
        };
        Self { offset: below(first, size), skip: below(second, size - 1) + 1, turn }
    }
}

/// FNV-1a over address, port and protocol. It is for spread, not against enemies: who is a backend is
/// up to the cluster.
fn digest(backend: &BackendKey) -> u64 {
    let address = match backend.address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    };
    let rest =
        [backend.port.to_be_bytes()[0], backend.port.to_be_bytes()[1], backend.protocol.number()];
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    address.octets().into_iter().chain(rest).fold(0xcbf2_9ce4_8422_2325, step)
}

/// The finaliser of splitmix64 (Steele et al., OOPSLA 2014): neighbouring addresses end far apart.
fn mix(seed: u64) -> u64 {
    let mut value = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::Protocol;

    #[test]
    fn walks_never_change_between_versions() {
        let walk = |address: &str, port, protocol| {
            let address = address.parse().expect("an address");
            Walk::of(&BackendKey { address, port, protocol }, 16_381)
        };
        let one = walk("10.0.0.1", 80, Protocol::Tcp);
        assert_eq!((one.offset, one.skip), (14_604, 9_873), "v4");
        let other = walk("fd00::1", 53, Protocol::Udp);
        assert_eq!((other.offset, other.skip), (4244, 11_686), "v6");
        assert_ne!(one, walk("10.0.0.1", 80, Protocol::Udp));
        assert_ne!(one, walk("10.0.0.1", 81, Protocol::Tcp));
    }
}
