//! Internet checksums (RFC 1071, RFC 1624): differences and sums.

use crate::{
    abi::{Addr, Family},
    env::Env,
};

/// Folds a sum into 16 bits, in host order of the words that were added.
#[inline(always)]
pub const fn fold(sum: u64) -> u16 {
    let sum = (sum & 0xffff_ffff) + (sum >> 32);
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    sum as u16
}

/// A change of bytes as the kernel wants it: the sum of the new words less that of the old ones,
/// in memory order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Diff(u64);

impl Diff {
    /// Returns the change of one 16-bit word given in host order.
    #[inline(always)]
    pub const fn word(old: u16, new: u16) -> Self {
        Self((!old.to_be()) as u64 + new.to_be() as u64)
    }

    /// Returns the change of four bytes given as they lie in memory.
    #[inline(always)]
    pub const fn word_pair(old: u32, new: u32) -> Self {
        Self(!old as u64 + new as u64)
    }

    /// Returns the change of an address as it is on the wire.
    #[inline(always)]
    pub fn addr(old: &Addr, new: &Addr) -> Self {
        match old.family() {
            Family::V4 => {
                let (old, new) = (old.v4_bytes(), new.v4_bytes());
                Self(u64::from(!u32::from_ne_bytes(old)) + u64::from(u32::from_ne_bytes(new)))
            }
            Family::V6 => {
                let ([a, b], [c, d]) = (old.words(), new.words());
                Self(halves(!a) + halves(!b) + halves(c) + halves(d))
            }
        }
    }

    /// Returns the same, of which the verifier knows nothing: not by which comparison it came about.
    #[inline(always)]
    pub fn blurred<E: Env>(self, env: &E, noise: u32) -> Self {
        Self(env.blur(self.get(), noise).into())
    }

    /// Returns both changes together.
    #[inline(always)]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }

    /// Returns the change as 32 bits.
    #[inline(always)]
    pub const fn get(self) -> u32 {
        let sum = (self.0 & 0xffff_ffff) + (self.0 >> 32);
        ((sum & 0xffff_ffff) + (sum >> 32)) as u32
    }

    /// Returns a checksum (host order) corrected for this change.
    #[inline(always)]
    pub const fn apply(self, sum: u16) -> u16 {
        let folded = fold((!sum.to_be()) as u64 + fold(self.0) as u64);
        u16::from_be(!folded)
    }
}

#[inline(always)]
const fn halves(word: u64) -> u64 {
    (word & 0xffff_ffff) + (word >> 32)
}

/// Adds up an IPv6 address.
#[inline(always)]
pub fn sum_v6(addr: &Addr) -> u64 {
    let [a, b] = addr.words();
    halves(a) + halves(b)
}
