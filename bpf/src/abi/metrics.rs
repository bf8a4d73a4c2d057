//! Counters and admission.

use super::{Counted, pod::abi_struct};

/// Which way a packet goes, seen from the endpoint or the node.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Neither, or not known.
    Unknown = 0,
    /// To the endpoint.
    Ingress = 1,
    /// From the endpoint.
    Egress = 2,
}

abi_struct! {
    /// Packets and bytes, one copy per CPU.
    pub struct Counter {
        /// Packets.
        pub packets: u64,
        /// Bytes at layer 2.
        pub bytes: u64,
    }
}

/// Returns the element of the metrics array for a reason and a direction: 256 reasons x 4.
#[inline(always)]
pub const fn metric_index(counted: Counted, direction: Direction) -> u32 {
    ((counted.code() as u32) << 2) | direction as u32
}

abi_struct! {
    /// Token bucket of one endpoint on one CPU.
    pub struct Bucket {
        /// Tokens left, in thousandths.
        pub millitokens: u64,
        /// Monotonic time of the last refill, ns.
        pub refilled: u64,
    }
}

/// The number under which [`AdmissionQuota`] counts what strangers opened, who are nobody's endpoints: it is
/// no endpoint's.
pub const STRANGERS: u32 = 0;

abi_struct! {
    /// Whether an endpoint may open more flows; absent means yes.
    pub struct AdmissionQuota {
        /// Non-zero: the endpoint has used its share of the conntrack table.
        pub exhausted: u32,
        /// Entries it had at the last collection.
        pub entries: u32,
    }
}
