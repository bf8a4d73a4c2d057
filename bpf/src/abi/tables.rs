//! Policy tables: classes of identities, addresses and ports, and a verdict for each combination.
//!
//! A policy is a number; endpoints say which one counts for each direction. Entries of a number are
//! written before an endpoint names it and removed after the last one does not any more.

use super::{Addr, pod::abi_struct};

/// Numbers of policies with a fixed meaning, and bits in all others.
pub mod policy {
    /// Not known yet: nothing passes.
    pub const NONE: u32 = 0;
    /// Everything passes; there are no tables to look at.
    pub const OPEN: u32 = 1;
    /// First number that a set of rules may get.
    pub const FIRST: u32 = 2;
    /// Set in a number whose rules tell addresses apart.
    pub const BY_ADDRESS: u32 = 1 << 31;
}

/// Scopes of identities ([`super::IdentityValue::scope`]). Each is the number of the class that its
/// identities have unless a policy tells them apart.
pub mod scope {
    /// Nothing is known of the identity.
    pub const UNKNOWN: u32 = 0;
    /// A pod.
    pub const POD: u32 = 1;
    /// The outside.
    pub const WORLD: u32 = 2;
    /// A node, or another endpoint that is no pod.
    pub const NODE: u32 = 3;
}

abi_struct! {
    /// An identity as one policy sees it; the value is its class.
    pub struct PolicyIdentityKey {
        /// Number of the policy.
        pub policy: u32,
        /// The identity.
        pub identity: u32,
    }
}

abi_struct! {
    /// Ports as one policy sees them; the value is their class. `prefix_len` counts from the policy:
    /// 48 and the bits of the port.
    pub struct PolicyPortKey {
        /// Bits that must match.
        pub prefix_len: u32,
        /// Number of the policy.
        pub policy: u32,
        /// IP protocol number.
        pub proto: u8,
        /// Zero.
        pub reserved: u8,
        /// The port, or the ICMP type, in network order: prefixes count from its highest bit.
        pub port_be: [u8; 2],
    }
}

/// Bits of a [`PolicyPortKey`] in front of the port.
pub const PORT_PREFIX: u32 = 48;
/// Bits of a [`PolicyAddrKey`] in front of the address.
pub const ADDR_PREFIX: u32 = 32;

/// A prefix of addresses as one policy sees it; the value is their class. `prefix_len` counts from
/// the policy: 32 and the bits of the address, where an IPv4 /24 is 96 + 24.
///
/// Packed to four bytes, because the kernel wants the data right behind the length.
#[repr(C, packed(4))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct PolicyAddrKey {
    /// Bits that must match.
    pub prefix_len: u32,
    /// Number of the policy.
    pub policy: u32,
    /// Network address.
    pub addr: Addr,
}

const _: () = assert!(size_of::<PolicyAddrKey>() == 24, "an LPM key has no padding");

// SAFETY: `repr(C)`, `Copy`, 'static, integers only; the assertion above proves that there is no
// padding.
#[cfg(feature = "user")]
unsafe impl aya::Pod for PolicyAddrKey {}

abi_struct! {
    /// A combination of classes.
    pub struct PolicyCellKey {
        /// Number of the policy.
        pub policy: u32,
        /// Class of the peer's identity.
        pub identity: u16,
        /// Class of the peer's address.
        pub address: u16,
        /// Class of the responder's port.
        pub port: u16,
        /// Zero.
        pub reserved: u16,
    }
}

/// Values of [`PolicyCell::verdict`].
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellVerdict {
    /// Passes.
    Allow = 1,
    /// Dropped, because a rule denies it.
    Deny = 2,
    /// Dropped, because no rule allows it.
    Isolated = 3,
    /// Passes the proxy only.
    Redirect = 4,
    /// Passes once both ends have authenticated.
    Auth = 5,
    /// Passes, and it is told that it should not.
    Audit = 6,
    /// Dropped, because only a DNS name could allow it, and nobody has learned the peer's.
    Unlearned = 7,
}

abi_struct! {
    /// The verdict of a combination. A combination without one has that of its identity's scope.
    pub struct PolicyCell {
        /// A [`CellVerdict`]; 0 never occurs.
        pub verdict: u8,
        /// How both ends authenticate; reserved.
        pub auth: u8,
        /// Which listener of the proxy; reserved.
        pub proxy: u16,
        /// Which of two verdicts counts; reserved.
        pub precedence: u32,
        /// The rule that decided; for user space to name. 0 = none.
        pub rule_id: u32,
        /// Zero.
        pub reserved: u32,
    }
}
