//! Who has an address, which nodes exist, which identities are known.

use super::{Addr, pod::abi_struct};

/// A prefix. `prefix_len` counts from the first of 128 bits: an IPv4 /24 is 96 + 24.
///
/// Packed to four bytes, because the kernel wants the address right behind the length.
#[repr(C, packed(4))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct IpcacheKey {
    /// Bits that must match.
    pub prefix_len: u32,
    /// Network address.
    pub addr: Addr,
}

const _: () = assert!(size_of::<IpcacheKey>() == 20, "an LPM key has no padding");

// SAFETY: `repr(C)`, `Copy`, 'static, integers only; the assertion above proves that there is no
// padding.
#[cfg(feature = "user")]
unsafe impl aya::Pod for IpcacheKey {}

/// Bits of [`IpcacheValue::flags`].
pub mod ipcache_flags {
    /// A pod CIDR of a node: the address belongs to the cluster, its owner is not known yet.
    pub const POD_CIDR: u32 = 1;
    /// An address of a node itself.
    pub const NODE: u32 = 2;
}

abi_struct! {
    /// The owner of an address.
    pub struct IpcacheValue {
        /// Identity; 0 for a pod CIDR.
        pub identity: u32,
        /// The node behind which the address is; 0 = none (the outside).
        pub node_id: u32,
        /// Encryption key index; 0 = in clear.
        pub key_index: u32,
        /// [`ipcache_flags`].
        pub flags: u32,
        /// Zero.
        pub reserved: [u32; 2],
    }
}

/// Bits of [`NodeValue::flags`].
pub mod node_flags {
    /// This is the local node.
    pub const LOCAL: u32 = 1;
    /// The node's agent has published itself ready: it accepts pod sources for its own addresses.
    pub const READY: u32 = 2;
}

abi_struct! {
    /// A node, by its id.
    pub struct NodeValue {
        /// Underlay address, IPv4; zero if none.
        pub addr_v4: Addr,
        /// Underlay address, IPv6; zero if none.
        pub addr_v6: Addr,
        /// [`node_flags`].
        pub flags: u32,
        /// Zero.
        pub reserved: [u32; 3],
    }
}

/// Bits of [`IdentityValue::flags`].
pub mod identity_flags {
    /// A node identity (1, 6, 7 for nodes, 8).
    pub const NODE: u32 = 1;
    /// An identity of the outside.
    pub const WORLD: u32 = 2;
}

abi_struct! {
    /// A known identity. An identity without an entry is judged as unknown.
    pub struct IdentityValue {
        /// Scope of the identity: a number of [`super::scope`].
        pub scope: u32,
        /// [`identity_flags`].
        pub flags: u32,
    }
}
