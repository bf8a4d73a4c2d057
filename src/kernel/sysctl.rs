//! Kernel settings of the current network namespace, written and verified.

use std::{io, path::PathBuf};

/// A setting could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SysctlError {
    /// The file cannot be read or written.
    #[error("cannot set {name} to {value:?}")]
    Io {
        /// Dotted name.
        name: String,
        /// Wanted value.
        value: String,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The kernel keeps another value.
    #[error("{name} is {actual:?} although {value:?} was written to {path}")]
    Kept {
        /// Dotted name.
        name: String,
        /// Wanted value.
        value: String,
        /// Value found afterwards.
        actual: String,
        /// The file.
        path: PathBuf,
    },
}

/// What the node's settings depend on.
#[derive(Clone, Copy, Debug)]
pub struct NodeSettings {
    /// IPv4 is on.
    pub ipv4: bool,
    /// IPv6 is on.
    pub ipv6: bool,
    /// Ports that source translation uses, first and last.
    pub snat_ports: (u16, u16),
}

/// Makes the settings that the node needs: forwarding on, reverse path filters off, and so on.
/// Tries all and returns every failure.
pub fn apply_node(_settings: &NodeSettings) -> Vec<SysctlError> {
    todo!()
}

/// Makes the settings of one device: the host side of a pod, the node's devices, the VXLAN device.
///
/// # Errors
/// The first setting that failed.
pub fn apply_device(_name: &str) -> Result<(), SysctlError> {
    todo!()
}

/// Reads a setting by its dotted name; device names with dots are written with `/` in their place.
///
/// # Errors
/// When there is no such setting.
pub fn read(_name: &str) -> io::Result<String> {
    todo!()
}

/// Writes a setting and reads it back. Writes nothing when the value is there already, so that a
/// read-only `/proc/sys` with the right values is good enough.
///
/// # Errors
/// When the kernel refuses or keeps another value.
pub fn set(_name: &str, _value: &str) -> Result<(), SysctlError> {
    todo!()
}
