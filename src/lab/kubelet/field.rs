//! Fields of pods and their containers, as the downward API names them.

use std::net::IpAddr;

use k8s_openapi::api::core::v1::{Container, Pod};
use kube::ResourceExt;

use super::host::Host;
use crate::lab::quantity::{self, ceil_of};

/// Something that a container needs is not in the cluster.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Missing {
    #[error("configmap {name:?} not found")]
    ConfigMap { name: String },
    #[error("secret {name:?} not found")]
    Secret { name: String },
    #[error("couldn't find key {key} in {kind} {namespace}/{name}")]
    Key { kind: &'static str, namespace: String, name: String, key: String },
}

impl Missing {
    pub(super) fn key(kind: &'static str, namespace: &str, name: &str, key: &str) -> Self {
        let [namespace, name, key] = [namespace, name, key].map(str::to_owned);
        Self::Key { kind, namespace, name, key }
    }
}

/// Returns a field of a pod; none when there is no such field or label.
pub(super) fn of_pod(host: &Host, pod: &Pod, addresses: &[IpAddr], path: &str) -> Option<String> {
    let inside = |name: &str| {
        let key = path.strip_prefix(name)?.strip_prefix("['")?.strip_suffix("']")?;
        Some(key.to_owned())
    };
    if let Some(key) = inside("metadata.labels") {
        return pod.labels().get(&key).cloned();
    }
    if let Some(key) = inside("metadata.annotations") {
        return pod.annotations().get(&key).cloned();
    }
    let list = |ips: &mut dyn Iterator<Item = IpAddr>| {
        ips.map(|ip| ip.to_string()).collect::<Vec<_>>().join(",")
    };
    match path {
        "metadata.name" => Some(pod.name_any()),
        "metadata.namespace" => pod.namespace(),
        "metadata.uid" => pod.uid(),
        "metadata.labels" => Some(lines(pod.labels())),
        "metadata.annotations" => Some(lines(pod.annotations())),
        "spec.nodeName" => Some(host.name().to_owned()),
        "spec.serviceAccountName" => pod.spec.as_ref()?.service_account_name.clone(),
        "status.hostIP" => host.plan.ips().next().map(|ip| ip.to_string()),
        "status.hostIPs" => Some(list(&mut host.plan.ips())),
        "status.podIP" => addresses.first().map(ToString::to_string),
        "status.podIPs" => Some(list(&mut addresses.iter().copied())),
        _ => None,
    }
}

/// Writes labels or annotations as files of the downward API have them.
fn lines(map: &std::collections::BTreeMap<String, String>) -> String {
    map.iter().map(|(key, value)| format!("{key}={value:?}")).collect::<Vec<_>>().join("\n")
}

/// Returns a limit or request of a container, in units of `divisor`, rounded up; a limit that is
/// not set is what the node has.
pub(super) fn of_resources(container: &Container, path: &str, divisor: &str) -> Option<String> {
    let (list, resource) = path.split_once('.')?;
    let resources = container.resources.as_ref();
    let map = match list {
        "limits" => resources.and_then(|all| all.limits.as_ref()),
        "requests" => resources.and_then(|all| all.requests.as_ref()),
        _ => return None,
    };
    let given = map.and_then(|map| map.get(resource)).and_then(|value| quantity::parse(&value.0));
    let value = match (given, list, resource) {
        (Some(value), ..) => value,
        (None, "limits", "cpu") => quantity::parse(quantity::NODE_CPUS)?,
        (None, "limits", "memory") => quantity::parse(quantity::NODE_MEMORY)?,
        _ => 0.0,
    };
    let divisor = quantity::parse(divisor).filter(|divisor| *divisor > 0.0).unwrap_or(1.0);
    Some(ceil_of(value / divisor).to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn resources_come_in_units_of_the_divisor() {
        let container: Container = from_value(json!({ "name": "c", "resources": {
            "limits": { "cpu": "1500m", "memory": "64Mi" }, "requests": { "cpu": "250m" } } }))
        .unwrap();
        for (path, divisor, expected) in [
            ("limits.cpu", "0", "2"),
            ("limits.cpu", "1m", "1500"),
            ("requests.cpu", "", "1"),
            ("limits.memory", "1Mi", "64"),
            ("limits.memory", "", "67108864"),
            ("requests.memory", "", "0"),
        ] {
            let found = of_resources(&container, path, divisor);
            assert_eq!(found.as_deref(), Some(expected), "{path} {divisor}");
        }
        assert_eq!(of_resources(&container, "nonsense", ""), None);
    }
}
