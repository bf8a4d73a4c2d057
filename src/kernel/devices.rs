//! Which devices lead to the underlay.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{Netlink, NetlinkError};
use crate::model::{IfIndex, MacAddr};

/// Which devices are the node's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// Those of the default routes.
    #[default]
    Auto,
    /// Those with these names.
    Named(Vec<String>),
}

/// A device that leads to the underlay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnderlayDevice {
    /// Name.
    pub name: String,
    /// Index.
    pub ifindex: IfIndex,
    /// MTU.
    pub mtu: u32,
    /// Hardware address; zero if it has none.
    pub mac: MacAddr,
    /// First global IPv4 address.
    pub v4: Option<Ipv4Addr>,
    /// First global IPv6 address.
    pub v6: Option<Ipv6Addr>,
}

/// The devices that lead to the underlay, and the smallest MTU among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Underlay {
    /// Devices, that of the IPv4 default route first.
    pub devices: Vec<UnderlayDevice>,
    /// Smallest MTU.
    pub mtu: u32,
}

/// No usable device.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// There is no default route and no device was named.
    #[error(
        "no device leads to the underlay: there is no default route; name the devices with --devices"
    )]
    NoDefaultRoute,
    /// A named device does not exist.
    #[error("there is no device {0}")]
    Missing(String),
    /// The kernel would not say.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
}

/// Finds the node's devices in the namespace of the socket.
///
/// # Errors
/// When there is none, or a named one does not exist.
pub fn detect(_netlink: &Netlink, _choice: &DeviceChoice) -> Result<Underlay, DeviceError> {
    todo!()
}
