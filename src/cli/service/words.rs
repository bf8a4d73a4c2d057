//! Addresses and ports as people read them.

use std::net::IpAddr;

use crate::api::FrontendKind;

/// Writes what a client connects to. The unspecified address stands for all nodes.
pub(crate) fn vip(address: IpAddr, port: u16, protocol: &str) -> String {
    format!("{}/{protocol}", place(address, port))
}

/// Writes an address with a port.
pub(crate) fn place(address: IpAddr, port: u16) -> String {
    match address {
        address if address.is_unspecified() => format!("*:{port}"),
        IpAddr::V4(address) => format!("{address}:{port}"),
        IpAddr::V6(address) => format!("[{address}]:{port}"),
    }
}

/// Names the kind of a frontend, and the policy that redirects it.
pub(crate) fn kind(kind: FrontendKind, redirect: Option<&str>) -> String {
    match redirect {
        Some(policy) => format!("{} by {policy}", kind.name()),
        None => kind.name().to_owned(),
    }
}

/// Names the family of an address: the unspecified ones look the same.
pub(crate) const fn family(address: IpAddr) -> &'static str {
    match address {
        IpAddr::V4(_) => "IPv4",
        IpAddr::V6(_) => "IPv6",
    }
}

#[cfg(test)]
mod tests {
    use super::vip;

    #[test]
    fn a_port_of_every_node_has_no_address() {
        for (address, text) in [
            ("10.96.0.1", "10.96.0.1:80/TCP"),
            ("fd00::1", "[fd00::1]:80/TCP"),
            ("0.0.0.0", "*:80/TCP"),
            ("::", "*:80/TCP"),
        ] {
            assert_eq!(vip(address.parse().unwrap(), 80, "TCP"), text);
        }
    }
}
