//! External targets: those that the user names, else those that a lab announces.

use std::net::{IpAddr, SocketAddr};

use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, Client};

use super::{
    probe::Host,
    topology::{External, Manners},
};

/// The port of a target that is given without one.
const PORT: u16 = 443;

/// Text that is no external target.
#[derive(Debug, thiserror::Error)]
pub enum InvalidTarget {
    /// The port is none.
    #[error("{0:?} is no port")]
    Port(String),
    /// Neither an address nor a name.
    #[error("neither an address nor a name; an IPv6 address with a port stands in brackets")]
    Host,
}

impl std::str::FromStr for External {
    type Err = InvalidTarget;

    /// Reads `ADDRESS`, `NAME`, `ADDRESS:PORT`, `[IPV6]:PORT` or `NAME:PORT`.
    fn from_str(text: &str) -> Result<Self, InvalidTarget> {
        let stranger = |host, port| Self { host, port, manners: Manners::Stranger };
        if let Ok(address) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
            return Ok(stranger(Host::Address(address), PORT));
        }
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(stranger(Host::Address(address.ip()), address.port()));
        }
        if text.contains("//") {
            return Err(InvalidTarget::Host);
        }
        let (name, port) = match text.split_once(':') {
            Some((name, port)) => {
                (name, port.parse().map_err(|_| InvalidTarget::Port(port.to_owned()))?)
            }
            None => (text, PORT),
        };
        let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if name.is_empty() || !name.chars().all(fine) {
            return Err(InvalidTarget::Host);
        }
        Ok(stranger(Host::Name(name.to_owned()), port))
    }
}

/// What a lab announces.
#[derive(Debug, Default)]
pub(super) struct Announced {
    /// Places outside.
    pub(super) externals: Vec<External>,
    /// The lab's name.
    pub(super) lab: Option<String>,
}

/// A lab announces itself in the ConfigMap `kube-public/skep-lab`: `lab` is its name, `world` has
/// the addresses of HTTP servers, `world-echo` the port on which they give TCP and UDP bytes back.
/// Any other cluster announces nothing.
pub(super) async fn announced(client: &Client) -> Announced {
    let map = Api::<ConfigMap>::namespaced(client.clone(), "kube-public").get_opt("skep-lab").await;
    // Who may not read it, or cannot, has no targets; the scenarios say so.
    let mut data = map.ok().flatten().and_then(|map| map.data).unwrap_or_default();
    let externals = read(
        data.get("world").map_or("", String::as_str),
        data.get("world-echo").map_or("", String::as_str),
    );
    Announced { externals, lab: data.remove("lab") }
}

fn read(world: &str, echo: &str) -> Vec<External> {
    let manners = Manners::Friend { echo: echo.trim().parse().ok() };
    world
        .split_whitespace()
        .filter_map(|text| text.parse::<SocketAddr>().ok())
        .map(|at| External { host: Host::Address(at.ip()), port: at.port(), manners })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_in_every_form() {
        for (text, host, port) in [
            ("192.0.2.1", "192.0.2.1", 443),
            ("192.0.2.1:80", "192.0.2.1", 80),
            ("2001:db8::1", "[2001:db8::1]", 443),
            ("[2001:db8::1]", "[2001:db8::1]", 443),
            ("[2001:db8::1]:80", "[2001:db8::1]", 80),
            ("example.org", "example.org", 443),
            ("example.org:8080", "example.org", 8080),
        ] {
            let target: External = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((target.host.to_string().as_str(), target.port), (host, port));
            assert_eq!(target.manners, Manners::Stranger);
        }
        for text in ["", "example.org:web", "http://example.org", "a b"] {
            assert!(text.parse::<External>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_lab_announces_friends() {
        let found = read("198.51.100.10:80 [2001:db8:1::10]:80 nonsense", "7");
        assert_eq!(found.len(), 2);
        assert_eq!(found[1].manners, Manners::Friend { echo: Some(7) });
        assert!(read("", "").is_empty());
    }
}
