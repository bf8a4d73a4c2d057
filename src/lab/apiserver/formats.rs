//! The formats that structural schemas can ask of text.

use std::net::{Ipv4Addr, Ipv6Addr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ipnet::IpNet;

use super::metadata::is_label;

/// Tells whether text has a format; formats that Kubernetes does not know are no condition.
pub(super) fn holds(format: &str, text: &str) -> bool {
    match format {
        "date-time" | "datetime" => text.parse::<jiff::Timestamp>().is_ok(),
        "date" => text.parse::<jiff::civil::Date>().is_ok(),
        "duration" => is_duration(text),
        "ipv4" => text.parse::<Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<Ipv6Addr>().is_ok(),
        "cidr" => text.parse::<IpNet>().is_ok(),
        "mac" => is_mac(text),
        "uuid" | "uuid3" | "uuid4" | "uuid5" => is_uuid(text),
        "byte" => STANDARD.decode(text).is_ok(),
        "hostname" => text.len() <= 253 && text.to_lowercase().split('.').all(is_label),
        "email" => text
            .split_once('@')
            .is_some_and(|(user, host)| !user.is_empty() && host.split('.').all(|l| !l.is_empty())),
        "uri" => text.split_once(':').is_some_and(|(scheme, rest)| {
            !rest.is_empty()
                && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
        }),
        _ => true,
    }
}

/// `1h30m`, `300ms`, `-1.5h`; a plain `0` too.
fn is_duration(text: &str) -> bool {
    let mut rest = text.trim_start_matches(['+', '-']);
    if rest == "0" {
        return true;
    }
    let mut any = false;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
        let unit = ["ns", "us", "µs", "ms", "s", "m", "h", "d", "w"]
            .into_iter()
            .filter(|unit| rest[digits..].starts_with(unit))
            .max_by_key(|unit| unit.len());
        let Some(unit) = unit.filter(|_| digits > 0) else { return false };
        rest = &rest[digits + unit.len()..];
        any = true;
    }
    any
}

fn is_mac(text: &str) -> bool {
    let bytes: Vec<&str> = text.split([':', '-']).collect();
    bytes.len() == 6 && bytes.iter().all(|b| b.len() == 2 && u8::from_str_radix(b, 16).is_ok())
}

fn is_uuid(text: &str) -> bool {
    let plain: String = text.chars().filter(|c| *c != '-').collect();
    plain.len() == 32 && plain.chars().all(|c| c.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::holds;

    #[test]
    fn formats_are_told_apart() {
        for (format, good, bad) in [
            ("date-time", "2026-01-02T03:04:05Z", "yesterday"),
            ("date", "2026-01-02", "2026-13-02"),
            ("duration", "1h30m", "1x"),
            ("ipv4", "10.0.0.1", "10.0.0.256"),
            ("ipv6", "fd00::1", "10.0.0.1"),
            ("cidr", "fd00::/64", "fd00::1/129"),
            ("mac", "02:00:00:00:00:01", "02:00:00:00:01"),
            ("uuid", "7633c362-9c7d-4313-bb2e-aba0109c9632", "7633"),
            ("byte", "aGk=", "a?"),
            ("hostname", "a.example", "a_b"),
            ("email", "a@b.example", "a.b"),
            ("uri", "https://a.example/x", "no uri"),
        ] {
            assert!(holds(format, good), "{format} {good}");
            assert!(!holds(format, bad), "{format} {bad}");
        }
        assert!(holds("made-up", "anything"));
    }
}
