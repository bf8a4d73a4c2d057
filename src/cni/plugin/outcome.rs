//! The result of ADD, in the shape of each version.

use serde_json::{Map, Value, json};

use super::{previous::PreviousResult, version::Version};
use crate::cni::wire::{Attached, AttachmentKey};

/// Returns the result: what was there before, as it came, and what the agent made after it.
pub(super) fn render(
    version: Version,
    attachment: &AttachmentKey,
    netns: &str,
    attached: &Attached,
    previous: Option<PreviousResult>,
) -> Value {
    let first = previous.as_ref().map_or(0, PreviousResult::interface_count);
    let mut result = previous.map(|previous| previous.raw).unwrap_or_default();
    result.insert("cniVersion".into(), version.as_str().into());
    append(&mut result, "interfaces", interfaces(version, attachment, netns, attached));
    append(&mut result, "ips", ips(version, first + 1, attached));
    append(&mut result, "routes", routes(attached));
    if result.get("dns").is_none_or(Value::is_null) {
        result.insert("dns".into(), json!({}));
    }
    result.into()
}

fn append(result: &mut Map<String, Value>, key: &str, more: Vec<Value>) {
    match result.get_mut(key) {
        Some(Value::Array(list)) => list.extend(more),
        _ => drop(result.insert(key.to_owned(), more.into())),
    }
}

/// The host's side first, the container's second.
fn interfaces(
    version: Version,
    attachment: &AttachmentKey,
    netns: &str,
    attached: &Attached,
) -> Vec<Value> {
    let mut host = json!({"name": attached.host_ifname, "mac": attached.host_mac});
    let mut container = json!({"name": attachment.ifname, "mac": attached.mac, "sandbox": netns});
    if version >= Version::V1_1_0 {
        host["mtu"] = attached.mtu.into();
        container["mtu"] = attached.mtu.into();
    }
    vec![host, container]
}

fn ips(version: Version, interface: usize, attached: &Attached) -> Vec<Value> {
    let mut ips = Vec::new();
    for assigned in &attached.addresses {
        let (family, bits) = if assigned.address.is_ipv4() { ("4", 32) } else { ("6", 128) };
        let mut ip = json!({
            "interface": interface,
            "address": format!("{}/{bits}", assigned.address),
            "gateway": assigned.gateway,
        });
        if version < Version::V1_0_0 {
            ip["version"] = family.into();
        }
        ips.push(ip);
    }
    ips
}

fn routes(attached: &Attached) -> Vec<Value> {
    let default = |address: std::net::IpAddr| if address.is_ipv4() { "0.0.0.0/0" } else { "::/0" };
    attached
        .addresses
        .iter()
        .map(|assigned| json!({"dst": default(assigned.address), "gw": assigned.gateway}))
        .collect()
}
