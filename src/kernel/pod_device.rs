//! A pod's network device.

use super::{NetNs, NetNsError, NetlinkError, sysctl::SysctlError};
use crate::model::{Addresses, IfIndex, MacAddr};

/// What a pod's device shall be.
#[derive(Clone, Copy, Debug)]
pub struct PodDeviceSpec<'a> {
    /// The pod's namespace.
    pub netns: &'a NetNs,
    /// Name of the host side.
    pub host_name: &'a str,
    /// Name in the pod.
    pub pod_ifname: &'a str,
    /// The pod's addresses: /32 and /128.
    pub addresses: Addresses,
    /// MAC in the pod.
    pub pod_mac: MacAddr,
    /// MAC of the host side.
    pub host_mac: MacAddr,
    /// MTU of both ends.
    pub mtu: u32,
    /// MTU of the routes: what the underlay carries for pods.
    pub route_mtu: u32,
    /// Gateways that the pod sees.
    pub gateways: Addresses,
}

/// A pod's device, made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PodDevice {
    /// ifindex of the host side.
    pub ifindex: IfIndex,
    /// MAC in the pod.
    pub mac: MacAddr,
    /// MAC of the host side.
    pub host_mac: MacAddr,
}

/// A pod's device could not be made, checked or removed.
#[derive(Debug, thiserror::Error)]
pub enum PodDeviceError {
    /// The pod's namespace is the host's.
    #[error("the pod's network namespace is the host's")]
    HostNamespace,
    /// The interface exists in the pod.
    #[error("the pod has an interface {0} already")]
    Exists(String),
    /// Something that should be there is not.
    #[error("the pod's device differs: {0}")]
    Differs(String),
    /// The kernel refused a device, address, route or neighbour.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
    /// The namespace cannot be used.
    #[error(transparent)]
    NetNs(#[from] NetNsError),
    /// A device setting cannot be written.
    #[error(transparent)]
    Sysctl(#[from] SysctlError),
}

impl PodDevice {
    /// Makes the veth pair with the pod's end configured and **the host side down**, so that
    /// programs can be attached and map entries written before any packet flows; then call
    /// [`PodDevice::bring_up`]. All or nothing.
    ///
    /// # Errors
    /// When the kernel refuses; nothing is left behind.
    pub fn create(_spec: &PodDeviceSpec<'_>) -> Result<Self, PodDeviceError> {
        todo!()
    }

    /// Sets the host side up and adds its routes and neighbours. Idempotent.
    ///
    /// # Errors
    /// When the kernel refuses; the caller deletes the device.
    pub fn bring_up(&self, _spec: &PodDeviceSpec<'_>) -> Result<(), PodDeviceError> {
        todo!()
    }

    /// Compares a pod's device with its specification.
    ///
    /// # Errors
    /// [`PodDeviceError::Differs`] with the first difference.
    pub fn check(_spec: &PodDeviceSpec<'_>) -> Result<Self, PodDeviceError> {
        todo!()
    }

    /// Removes a pod's device by the name of its host side. That it does not exist is not an error.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn delete(_host_name: &str) -> Result<(), PodDeviceError> {
        todo!()
    }
}
