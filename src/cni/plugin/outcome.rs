//! What the plugin prints.

use serde_json::{Map, Value, json};

use super::VERSIONS;
use crate::cni::wire::{Attached, Failure};

/// Returns the result of ADD in a version of the specification. What earlier plugins of the
/// chain made is kept in front.
pub(super) fn added(
    version: &str,
    ifname: &str,
    netns: &str,
    attached: &Attached,
    previous: Option<Map<String, Value>>,
) -> Value {
    let mut result = previous.unwrap_or_default();
    result.insert("cniVersion".into(), version.into());
    let interfaces = list(&mut result, "interfaces");
    let inside = interfaces.len() + 1;
    let mut host = json!({"name": attached.host_ifname, "mac": attached.host_mac});
    let mut pod = json!({"name": ifname, "mac": attached.mac, "sandbox": netns});
    if version == "1.1.0" {
        host["mtu"] = attached.mtu.into();
        pod["mtu"] = attached.mtu.into();
    }
    interfaces.extend([host, pod]);
    let ips = list(&mut result, "ips");
    for address in &attached.addresses {
        let (bits, family) = if address.address.is_ipv4() { (32, "4") } else { (128, "6") };
        let mut ip = json!({
            "interface": inside,
            "address": format!("{}/{bits}", address.address),
            "gateway": address.gateway,
        });
        if version.starts_with("0.") {
            ip["version"] = family.into();
        }
        ips.push(ip);
    }
    let routes = list(&mut result, "routes");
    for address in &attached.addresses {
        let dst = if address.address.is_ipv4() { "0.0.0.0/0" } else { "::/0" };
        routes.push(json!({"dst": dst, "gw": address.gateway}));
    }
    Value::Object(result)
}

/// Returns the reply to VERSION.
pub(super) fn versions(asked: &str) -> Value {
    json!({"cniVersion": asked, "supportedVersions": VERSIONS})
}

/// Returns an error document.
pub(super) fn failed(version: &str, failure: &Failure) -> Value {
    let mut document = json!({"cniVersion": version, "code": failure.code, "msg": failure.msg});
    if !failure.details.is_empty() {
        document["details"] = failure.details.as_str().into();
    }
    document
}

fn list<'a>(result: &'a mut Map<String, Value>, key: &str) -> &'a mut Vec<Value> {
    let entry = result.entry(key).or_insert_with(|| Value::Array(Vec::new()));
    if !entry.is_array() {
        *entry = Value::Array(Vec::new());
    }
    entry.as_array_mut().expect("made an array above")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cni::wire::AttachedAddress, model::MacAddr};

    fn attached() -> Attached {
        Attached {
            host_ifname: "skep0123456789".into(),
            host_mac: MacAddr([2, 0, 0, 0, 0, 1]),
            mac: MacAddr([2, 0, 0, 0, 0, 2]),
            mtu: 1500,
            addresses: vec![
                AttachedAddress {
                    address: "10.0.0.1".parse().unwrap(),
                    gateway: "169.254.1.1".parse().unwrap(),
                },
                AttachedAddress {
                    address: "fd00::1".parse().unwrap(),
                    gateway: "fe80::1".parse().unwrap(),
                },
            ],
        }
    }

    #[test]
    fn each_version_has_its_shape() {
        let old = added("0.3.1", "eth0", "/run/netns/x", &attached(), None);
        assert_eq!(old["ips"][0]["version"], "4");
        assert_eq!(old["ips"][1]["address"], "fd00::1/128");
        let new = added("1.0.0", "eth0", "/run/netns/x", &attached(), None);
        assert_eq!(new["ips"][0].get("version"), None);
        assert_eq!(new["interfaces"][1].get("mtu"), None);
        assert_eq!(new["interfaces"][1]["sandbox"], "/run/netns/x");
        let newest = added("1.1.0", "eth0", "/run/netns/x", &attached(), None);
        assert_eq!(newest["interfaces"][1]["mtu"], 1500);
        assert_eq!(newest["routes"][1], json!({"dst": "::/0", "gw": "fe80::1"}));
    }

    #[test]
    fn a_previous_result_is_kept() {
        let previous = json!({
            "cniVersion": "1.0.0", "dns": {"nameservers": ["10.96.0.10"]},
            "interfaces": [{"name": "other0"}], "ips": [{"address": "192.0.2.1/32", "interface": 0}],
        });
        let previous = previous.as_object().cloned();
        let result = added("1.0.0", "eth0", "/run/netns/x", &attached(), previous);
        assert_eq!(result["dns"]["nameservers"][0], "10.96.0.10");
        assert_eq!(result["interfaces"].as_array().unwrap().len(), 3);
        assert_eq!(result["ips"][0]["address"], "192.0.2.1/32");
        assert_eq!(result["ips"][1]["interface"], 2);
    }
}
