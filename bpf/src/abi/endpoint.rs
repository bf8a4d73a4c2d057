//! The pods of this node, by address.

use super::pod::abi_struct;

/// Bits of [`EndpointValue::flags`].
pub mod endpoint_flags {
    /// Set once the device entry is ready; packets for an endpoint without it are dropped.
    pub const READY: u32 = 1;
}

abi_struct! {
    /// A local pod, looked up by one of its addresses.
    pub struct EndpointValue {
        /// ifindex of the host-side veth.
        pub ifindex: u32,
        /// The endpoint's number on this node.
        pub endpoint_id: u32,
        /// The endpoint's identity.
        pub identity: u32,
        /// Which use of the address this is; tells an old owner's conntrack legs apart.
        pub incarnation: u32,
        /// [`endpoint_flags`].
        pub flags: u32,
        /// Policy of packets to the pod: a number of [`super::policy`].
        pub ingress_policy: u32,
        /// Policy of packets from the pod.
        pub egress_policy: u32,
        /// MAC of the pod's end of the veth.
        pub mac: [u8; 6],
        /// MAC of the host's end of the veth.
        pub host_mac: [u8; 6],
        /// Zero.
        pub reserved: [u32; 4],
    }
}
