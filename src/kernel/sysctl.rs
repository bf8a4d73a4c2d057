//! Kernel settings of the current network namespace, written and verified.
//!
//! Below `/proc/sys/net` every namespace has its own values; the calling thread's is the one that
//! counts. Settings that a namespace does not have are the host's alone and are left alone.

use std::{fs, io, ops::RangeInclusive, path::PathBuf};

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

/// What a device is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceUse {
    /// The host side of a pod's veth.
    Pod,
    /// A device that leads to the underlay.
    Underlay,
    /// The VXLAN device.
    Overlay,
}

/// An effective reverse path filter is the maximum of `all` and the device, so `all` must be 0 too;
/// the programs check sources themselves. Devices made later inherit `default`.
const IPV4: &[(&str, &str)] = &[
    ("net.ipv4.ip_forward", "1"),
    ("net.ipv4.conf.all.rp_filter", "0"),
    ("net.ipv4.conf.default.rp_filter", "0"),
    ("net.ipv4.conf.all.send_redirects", "0"),
    ("net.ipv4.conf.default.send_redirects", "0"),
];
const IPV6: &[(&str, &str)] =
    &[("net.ipv6.conf.all.forwarding", "1"), ("net.ipv6.conf.default.forwarding", "1")];
const JIT: &str = "net.core.bpf_jit_enable";
const RESERVED_PORTS: &str = "net.ipv4.ip_local_reserved_ports";

/// Makes the settings that the node needs: forwarding on, reverse path filters off, the ports of
/// source translation kept from local sockets, and so on. Tries all and returns every failure.
pub fn apply_node(settings: &NodeSettings) -> Vec<SysctlError> {
    let mut failures = Vec::new();
    let mut note = |result: Result<(), SysctlError>| failures.extend(result.err());
    // Only the host's own namespace has this one.
    if read(JIT).is_ok_and(|value| value == "0") {
        note(set(JIT, "1"));
    }
    let families = [(settings.ipv4, IPV4), (settings.ipv6, IPV6)];
    for (name, value) in families.iter().filter(|(on, _)| *on).flat_map(|(_, list)| list.iter()) {
        note(set(name, value));
    }
    note(reserve_ports(settings.snat_ports.0..=settings.snat_ports.1));
    failures
}

/// Makes the settings of one device. systemd may have set its own when the device appeared.
///
/// # Errors
/// The first setting that failed.
pub fn apply_device(device: &str, usage: DeviceUse) -> Result<(), SysctlError> {
    // A dot in a device name is a slash in the setting's.
    let device = device.replace('.', "/");
    set(&format!("net.ipv4.conf.{device}.rp_filter"), "0")?;
    set(&format!("net.ipv4.conf.{device}.send_redirects"), "0")?;
    match usage {
        DeviceUse::Pod => {}
        // The node's own address comes back from other nodes when its packets hairpin.
        DeviceUse::Overlay => set(&format!("net.ipv4.conf.{device}.accept_local"), "1")?,
        // With forwarding on, the kernel listens to routers only when this is 2.
        DeviceUse::Underlay => {
            let accept_ra = format!("net.ipv6.conf.{device}.accept_ra");
            if read(&accept_ra).is_ok_and(|value| value == "1") {
                set(&accept_ra, "2")?;
            }
        }
    }
    Ok(())
}

/// Reads a setting by its dotted name; device names with dots are written with `/` in their place.
///
/// # Errors
/// When there is no such setting.
pub fn read(name: &str) -> io::Result<String> {
    fs::read_to_string(path(name)).map(|value| value.trim_end().to_owned())
}

/// Writes a setting and reads it back. Writes nothing when the value is there already, so that a
/// read-only `/proc/sys` with the right values is good enough.
///
/// # Errors
/// When the kernel refuses or keeps another value.
pub fn set(name: &str, value: &str) -> Result<(), SysctlError> {
    let failed =
        |source| SysctlError::Io { name: name.to_owned(), value: value.to_owned(), source };
    if read(name).map_err(failed)? == value {
        return Ok(());
    }
    fs::write(path(name), value).map_err(failed)?;
    let actual = read(name).map_err(failed)?;
    if actual == value {
        return Ok(());
    }
    let (name, value) = (name.to_owned(), value.to_owned());
    Err(SysctlError::Kept { path: path(&name), name, value, actual })
}

/// Swaps dots and slashes, as sysctl(8) does.
fn path(name: &str) -> PathBuf {
    let swapped: String = name
        .chars()
        .map(|c| match c {
            '.' => '/',
            '/' => '.',
            other => other,
        })
        .collect();
    PathBuf::from("/proc/sys").join(swapped)
}

/// Adds a range to the ports that the kernel never gives to a local socket by itself.
fn reserve_ports(wanted: RangeInclusive<u16>) -> Result<(), SysctlError> {
    let value = format!("{}-{}", wanted.start(), wanted.end());
    let current = read(RESERVED_PORTS).map_err(|source| SysctlError::Io {
        name: RESERVED_PORTS.into(),
        value: value.clone(),
        source,
    })?;
    let reserved = ranges(&current);
    let covered =
        reserved.iter().any(|range| range.start() <= wanted.start() && wanted.end() <= range.end());
    if covered {
        return Ok(());
    }
    let all = if current.is_empty() { value } else { format!("{current},{value}") };
    match set(RESERVED_PORTS, &all) {
        // The kernel merges and sorts ranges; what counts is that ours is in them.
        Err(SysctlError::Kept { actual, .. })
            if wanted.clone().all(|port| ranges(&actual).iter().any(|r| r.contains(&port))) =>
        {
            Ok(())
        }
        other => other,
    }
}

fn ranges(text: &str) -> Vec<RangeInclusive<u16>> {
    text.split(',')
        .filter_map(|part| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            Some(first.trim().parse().ok()?..=last.trim().parse().ok()?)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_paths_and_device_names_keep_their_dots() {
        assert_eq!(path("net.ipv4.ip_forward"), PathBuf::from("/proc/sys/net/ipv4/ip_forward"));
        let vlan = path("net.ipv4.conf.eth0/100.rp_filter");
        assert_eq!(vlan, PathBuf::from("/proc/sys/net/ipv4/conf/eth0.100/rp_filter"));
    }

    #[test]
    fn a_missing_setting_is_named_in_the_error() {
        let error = set("net.ipv4.no_such_setting", "1").unwrap_err();
        assert_eq!(error.to_string(), "cannot set net.ipv4.no_such_setting to \"1\"");
    }

    #[test]
    fn port_lists_are_read_as_the_kernel_prints_them() {
        assert_eq!(ranges("22,61000-65535"), [22..=22, 61000..=65535]);
        assert_eq!(ranges(""), []);
    }
}
