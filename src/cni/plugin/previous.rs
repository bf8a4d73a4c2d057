//! `prevResult`: what the plugins before skep made, or what skep itself made earlier.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::Deserialize;
use serde_json::{Map, Value};

/// A result whose parts fit together. It is handed on as it came, unknown keys included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PreviousResult {
    /// The document.
    pub(super) raw: Map<String, Value>,
    interfaces: Vec<Interface>,
    addresses: Vec<Address>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Interface {
    name: String,
    #[serde(default)]
    sandbox: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Address {
    address: IpNet,
    interface: Option<usize>,
}

#[derive(Deserialize)]
struct Route {
    #[serde(rename = "dst")]
    _destination: IpNet,
}

/// Why a previous result cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidResult {
    #[error("must be an object")]
    Shape,
    #[error("has interfaces that are not a list of objects with a name")]
    Interfaces,
    #[error("has ips that are not a list of objects with an address in CIDR notation")]
    Addresses,
    #[error("has ips of an interface that is not in its list")]
    Index,
    #[error("has routes that are not a list of objects with a destination")]
    Routes,
    #[error("has a dns that is not an object")]
    Dns,
}

impl PreviousResult {
    /// Checks the document.
    pub(super) fn parse(value: Value) -> Result<Self, InvalidResult> {
        let Value::Object(raw) = value else { return Err(InvalidResult::Shape) };
        let interfaces: Vec<Interface> =
            list(&raw, "interfaces").ok_or(InvalidResult::Interfaces)?;
        let addresses: Vec<Address> = list(&raw, "ips").ok_or(InvalidResult::Addresses)?;
        let known = |index: usize| index < interfaces.len();
        if !addresses.iter().filter_map(|address| address.interface).all(known) {
            return Err(InvalidResult::Index);
        }
        list::<Route>(&raw, "routes").ok_or(InvalidResult::Routes)?;
        if !matches!(raw.get("dns"), None | Some(Value::Null | Value::Object(_))) {
            return Err(InvalidResult::Dns);
        }
        Ok(Self { raw, interfaces, addresses })
    }

    /// Tells whether some plugin has made an interface of this name in the container.
    pub(super) fn has_in_container(&self, ifname: &str) -> bool {
        self.interfaces.iter().any(|interface| interface.of_container(ifname))
    }

    /// Returns the addresses of an interface in the container, with those of no interface.
    pub(super) fn addresses_of(&self, ifname: &str) -> Vec<IpAddr> {
        let belongs = |address: &&Address| {
            address.interface.is_none_or(|index| self.interfaces[index].of_container(ifname))
        };
        self.addresses.iter().filter(belongs).map(|address| address.address.addr()).collect()
    }

    /// Returns how many interfaces there are; later ones are numbered from here.
    pub(super) fn interface_count(&self) -> usize {
        self.interfaces.len()
    }
}

impl Interface {
    fn of_container(&self, ifname: &str) -> bool {
        self.name == ifname && !self.sandbox.is_empty()
    }
}

/// Reads a list; absent and null are empty.
fn list<T: for<'de> Deserialize<'de>>(raw: &Map<String, Value>, key: &str) -> Option<Vec<T>> {
    match raw.get(key) {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(value) => Vec::deserialize(value).ok(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn addresses_of_both_families_belong_to_the_container_interface() {
        let result = PreviousResult::parse(json!({
            "interfaces": [{"name": "skep1", "mac": "x"}, {"name": "eth0", "sandbox": "/run/netns/a"}],
            "ips": [
                {"address": "10.0.0.2/32", "interface": 1},
                {"address": "fd00::2/128", "interface": 1},
                {"address": "10.9.9.9/24", "interface": 0},
            ],
        }))
        .unwrap();
        let expected: [IpAddr; 2] = ["10.0.0.2".parse().unwrap(), "fd00::2".parse().unwrap()];
        assert_eq!(result.addresses_of("eth0"), expected);
        assert!(result.has_in_container("eth0") && !result.has_in_container("skep1"));
    }

    #[test]
    fn parts_that_do_not_fit_are_refused() {
        use InvalidResult::{Addresses, Dns, Index, Interfaces, Routes, Shape};
        for (value, expected) in [
            (json!([]), Shape),
            (json!({"interfaces": {}}), Interfaces),
            (json!({"interfaces": [{"mac": "x"}]}), Interfaces),
            (json!({"ips": [{"address": "10.0.0.2"}]}), Addresses),
            (json!({"ips": [{"address": "10.0.0.2/32", "interface": -1}]}), Addresses),
            (json!({"ips": [{"address": "10.0.0.2/32", "interface": 0}]}), Index),
            (json!({"routes": [{"dst": "everywhere"}]}), Routes),
            (json!({"dns": "10.0.0.10"}), Dns),
        ] {
            assert_eq!(PreviousResult::parse(value.clone()), Err(expected), "{value}");
        }
    }
}
