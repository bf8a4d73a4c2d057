//! Which addresses nobody may have.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use crate::model::Family;

/// Why an address is neither a frontend nor a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unfit {
    /// It says "none" or "this network".
    Unspecified,
    /// It is the host's own, on every host.
    Loopback,
    /// It means another machine on each link; cloud metadata services are at such addresses.
    LinkLocal,
    /// It is a group.
    Multicast,
    /// It is everybody on the link.
    Broadcast,
    /// It is an IPv4 address written as IPv6. Maps hold IPv4 addresses in just this form, so it would
    /// stand for another family's frontend.
    Mapped,
}

impl Unfit {
    /// Finds out what is wrong with an address. The API server refuses most of these in slices, but not
    /// in services, and not on behalf of clients that write slices of old versions.
    pub fn of(address: IpAddr) -> Option<Self> {
        match address {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => Self::of_v6(address),
        }
    }

    fn of_v4(address: Ipv4Addr) -> Option<Self> {
        let [first, ..] = address.octets();
        match first {
            // RFC 1122 3.2.1.3: all of 0.0.0.0/8 is "this network".
            0 => Some(Self::Unspecified),
            127 => Some(Self::Loopback),
            169 if address.is_link_local() => Some(Self::LinkLocal),
            224..=239 => Some(Self::Multicast),
            255 if address.is_broadcast() => Some(Self::Broadcast),
            _ => None,
        }
    }

    fn of_v6(address: Ipv6Addr) -> Option<Self> {
        if address.to_ipv4_mapped().is_some() {
            Some(Self::Mapped)
        } else if address.is_unspecified() {
            Some(Self::Unspecified)
        } else if address.is_loopback() {
            Some(Self::Loopback)
        } else if address.is_unicast_link_local() {
            Some(Self::LinkLocal)
        } else if address.is_multicast() {
            Some(Self::Multicast)
        } else {
            None
        }
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unspecified => "unspecified",
            Self::Loopback => "a loopback address",
            Self::LinkLocal => "a link-local address",
            Self::Multicast => "a multicast address",
            Self::Broadcast => "the broadcast address",
            Self::Mapped => "an IPv4 address in IPv6 form",
        })
    }
}

/// Returns the family of an address.
pub(super) fn family(address: IpAddr) -> Family {
    match address {
        IpAddr::V4(_) => Family::V4,
        IpAddr::V6(_) => Family::V6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_nobody_may_have_are_told_by_kind() {
        let table = [
            ("0.0.0.0", Some(Unfit::Unspecified)),
            ("0.1.2.3", Some(Unfit::Unspecified)),
            ("127.0.0.1", Some(Unfit::Loopback)),
            ("127.255.0.9", Some(Unfit::Loopback)),
            ("169.254.169.254", Some(Unfit::LinkLocal)),
            ("169.253.1.1", None),
            ("224.0.0.1", Some(Unfit::Multicast)),
            ("239.1.1.1", Some(Unfit::Multicast)),
            ("255.255.255.255", Some(Unfit::Broadcast)),
            ("10.0.0.1", None),
            ("203.0.113.7", None),
            ("::", Some(Unfit::Unspecified)),
            ("::1", Some(Unfit::Loopback)),
            ("fe80::1", Some(Unfit::LinkLocal)),
            ("ff02::1", Some(Unfit::Multicast)),
            ("::ffff:10.0.0.1", Some(Unfit::Mapped)),
            ("fd00::1", None),
            ("2001:db8::1", None),
        ];
        for (text, expected) in table {
            assert_eq!(Unfit::of(text.parse().expect("an address")), expected, "{text}");
        }
    }
}
