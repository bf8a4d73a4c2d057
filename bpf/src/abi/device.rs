//! Per-device configuration, keyed by ifindex.

use super::{Addr, pod::abi_struct};

/// What a device is to skep.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceKind {
    /// The host side of a pod's veth.
    Pod = 1,
    /// A device that leads to the underlay.
    Node = 2,
    /// The VXLAN device.
    Overlay = 3,
}

/// Bits of [`DeviceValue::flags`].
pub mod device_flags {
    /// Programs are attached and the entry is complete: packets may be redirected into it.
    pub const READY: u32 = 1;
}

abi_struct! {
    /// What a program must know of the device it runs on; written before the link goes up.
    pub struct DeviceValue {
        /// A [`DeviceKind`]; 0 never occurs.
        pub kind: u32,
        /// [`device_flags`].
        pub flags: u32,
        /// Pods: the endpoint's number on this node.
        pub endpoint_id: u32,
        /// Pods: the endpoint's identity.
        pub identity: u32,
        /// Pods: the endpoint's incarnation.
        pub incarnation: u32,
        /// Device MTU.
        pub mtu: u32,
        /// Address of the pod, or of the node on this device (source of translation); of the overlay, that by which
        /// other nodes know this one; zero if none.
        pub addr_v4: Addr,
        /// The same, IPv6.
        pub addr_v6: Addr,
        /// MAC of the device itself.
        pub mac: [u8; 6],
        /// Pods: MAC of the pod's end.
        pub peer_mac: [u8; 6],
        /// Pods: policy of packets to the pod, a number of [`super::policy`].
        pub ingress_policy: u32,
        /// Pods: policy of packets from the pod.
        pub egress_policy: u32,
        /// Zero.
        pub reserved: [u32; 3],
    }
}
