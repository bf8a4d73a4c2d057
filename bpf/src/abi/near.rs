//! The pods of this node where a program finds them without a search.

use super::{Addr, Family, pod::abi_struct};

/// Slots of each family. A power of two: the last bits of an address name its slot, so that the pods of a
/// node, whose addresses are from one range, have one each.
pub const NEAR_SLOTS: u32 = 1024;

abi_struct! {
    /// A local pod that is ready, in the slot of one of its addresses. Of two pods with one slot only one
    /// has it; the other is found by [`super::EndpointValue`], as all are.
    ///
    /// Elements of an array are not replaced as a whole: a program may see the bytes of two. So a writer
    /// first takes the incarnation away and then the rest, and gives the incarnation last, each by a write
    /// of its own, and a program looks at the incarnation before and after all else. No incarnation comes
    /// twice.
    pub struct NearValue {
        /// The address.
        pub addr: Addr,
        /// As [`super::EndpointValue::incarnation`]; 0 = the rest means nothing.
        pub incarnation: u32,
        /// As [`super::EndpointValue::identity`].
        pub identity: u32,
        /// As [`super::EndpointValue::ifindex`].
        pub ifindex: u32,
        /// MACs of the pod's and of the host's end of the veth, as they begin a frame for the pod.
        pub macs: [u32; 3],
        /// Zero.
        pub reserved: [u32; 2],
    }
}

impl NearValue {
    /// Returns how a frame from the second MAC to the first one begins.
    #[inline(always)]
    pub const fn macs(to: [u8; 6], from: [u8; 6]) -> [u32; 3] {
        let ([a, b, c, d, e, f], [g, h, i, j, k, l]) = (to, from);
        [
            u32::from_ne_bytes([a, b, c, d]),
            u32::from_ne_bytes([e, f, g, h]),
            u32::from_ne_bytes([i, j, k, l]),
        ]
    }
}

impl Addr {
    /// Returns the slot in which a pod with this address would be.
    #[inline(always)]
    pub const fn near_slot(&self) -> u32 {
        let slot = u64::from_be(self.words()[1]) as u32 & (NEAR_SLOTS - 1);
        match self.family() {
            Family::V4 => slot,
            Family::V6 => slot + NEAR_SLOTS,
        }
    }
}
