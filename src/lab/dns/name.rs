//! Names of addresses, below `in-addr.arpa` and `ip6.arpa`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where IPv4 addresses have names.
const V4: &str = ".in-addr.arpa";
/// Where IPv6 addresses have names.
const V6: &str = ".ip6.arpa";

/// Returns the name under which an address is looked up, as 1.2.0.192.in-addr.arpa.
pub(crate) fn reverse_of(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            format!("{d}.{c}.{b}.{a}{V4}")
        }
        IpAddr::V6(v6) => {
            let digits: Vec<_> =
                format!("{:032x}", v6.to_bits()).chars().rev().map(String::from).collect();
            digits.join(".") + V6
        }
    }
}

/// Returns the address that a name in lower case is about.
pub(crate) fn as_reverse(name: &str) -> Option<IpAddr> {
    if let Some(digits) = name.strip_suffix(V4) {
        let octets: Vec<u8> =
            digits.split('.').rev().map(|part| part.parse().ok()).collect::<Option<_>>()?;
        return <[u8; 4]>::try_from(octets).ok().map(|octets| Ipv4Addr::from(octets).into());
    }
    let digits = name.strip_suffix(V6)?;
    let mut bits = 0;
    let mut count = 0;
    for digit in digits.split('.').rev() {
        bits = bits << 4 | u128::from_str_radix(digit, 16).ok().filter(|_| digit.len() == 1)?;
        count += 1;
    }
    (count == 32).then(|| Ipv6Addr::from_bits(bits).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_names_and_names_have_addresses() {
        for (address, name) in [
            ("10.244.1.7", "7.1.244.10.in-addr.arpa"),
            ("fd00::7", "7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa"),
        ] {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(reverse_of(address), name);
            assert_eq!(as_reverse(name), Some(address));
        }
        for name in [
            "1.2.3.in-addr.arpa",
            "1.2.3.4.5.in-addr.arpa",
            "x.2.3.4.in-addr.arpa",
            "ff.ip6.arpa",
            "1.ip6.arpa",
            "example.com",
        ] {
            assert_eq!(as_reverse(name), None, "{name}");
        }
    }
}
