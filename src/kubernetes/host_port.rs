//! Ports of a node that lead to its pods.

use std::net::IpAddr;

use k8s_openapi::api::core::v1 as core;
use kube::ResourceExt;

use super::{
    pod::has_ended,
    service::{name, number, protocol},
};
use crate::{
    model::Addresses,
    service::input::{HostPort, HostPorts},
};

/// Reads the host ports of a pod; `None` if none of them leads anywhere now.
pub(super) fn host_ports(pod: &core::Pod) -> Option<HostPorts> {
    let spec = pod.spec.as_ref()?;
    if spec.host_network == Some(true) || has_ended(pod) {
        return None;
    }
    let ports = running(spec).flat_map(|container| container.ports.iter().flatten());
    let found = HostPorts {
        pod: name(pod),
        created: pod.creation_timestamp().map_or(0, |time| time.0.as_second()),
        node: spec.node_name.as_deref().unwrap_or_default().into(),
        addresses: addresses(pod.status.as_ref()?),
        ports: ports.filter_map(port).collect(),
    };
    (!found.ports.is_empty() && found.addresses != Addresses::default()).then_some(found)
}

/// Yields the containers that run as long as the pod does: an init container only if it is a sidecar.
pub(super) fn running(spec: &core::PodSpec) -> impl Iterator<Item = &core::Container> {
    let sidecar = |one: &&core::Container| one.restart_policy.as_deref() == Some("Always");
    spec.init_containers.iter().flatten().filter(sidecar).chain(&spec.containers)
}

/// An address that cannot be read is refused by the API server; such a port leads nowhere.
fn port(port: &core::ContainerPort) -> Option<HostPort> {
    let address = match port.host_ip.as_deref() {
        None | Some("") => None,
        Some(text) => Some(text.parse().ok()?),
    };
    Some(HostPort {
        address,
        port: number(port.host_port?)?,
        target: number(port.container_port)?,
        protocol: protocol(port.protocol.as_deref())?,
    })
}

/// Old kubelets write `podIP` only.
pub(super) fn addresses(status: &core::PodStatus) -> Addresses {
    let all = status.pod_ips.iter().flatten().map(|one| &one.ip).chain(&status.pod_ip);
    let mut found = Addresses::default();
    for text in all {
        match text.parse() {
            Ok(IpAddr::V4(v4)) => drop(found.v4.get_or_insert(v4)),
            Ok(IpAddr::V6(v6)) => drop(found.v6.get_or_insert(v6)),
            Err(_) => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::service::ObjectName;

    fn read(spec: Value, status: Value) -> Option<HostPorts> {
        let object = json!({
            "metadata": {
                "name": "web", "namespace": "shop", "creationTimestamp": "2026-01-02T03:04:05Z",
            },
            "spec": spec, "status": status,
        });
        host_ports(&serde_json::from_value(object).expect("a pod"))
    }

    fn spec() -> Value {
        json!({
            "nodeName": "here",
            "initContainers": [
                { "name": "once", "ports": [{ "containerPort": 1, "hostPort": 1 }] },
                { "name": "side", "restartPolicy": "Always",
                  "ports": [{ "containerPort": 53, "hostPort": 5353, "protocol": "UDP", "hostIP": "::" }] },
            ],
            "containers": [
                { "name": "quiet" },
                { "name": "web", "ports": [
                    { "containerPort": 80, "hostPort": 8080, "hostIP": "" },
                    { "containerPort": 81 },
                    { "containerPort": 82, "hostPort": 0 },
                    { "containerPort": 83, "hostPort": 83, "hostIP": "nonsense" },
                    { "containerPort": 84, "hostPort": 84, "protocol": "QUIC" },
                    { "containerPort": 85, "hostPort": 85, "hostIP": "192.168.0.1", "protocol": "SCTP" },
                ] },
            ],
        })
    }

    fn running() -> Value {
        let ips = json!([{ "ip": "10.0.0.1" }, { "ip": "fd00::1" }]);
        json!({ "phase": "Running", "podIP": "10.0.0.1", "podIPs": ips })
    }

    #[test]
    fn ports_of_containers_that_stay_are_read() {
        let found = read(spec(), running()).expect("host ports");
        assert_eq!((&found.pod, &*found.node), (&ObjectName::new("shop", "web"), "here"));
        assert_eq!(found.created, 1_767_323_045);
        assert_eq!(found.addresses.iter().count(), 2);
        let words = found.ports.iter().map(|port| {
            let address = port.address.map_or_else(|| "any".to_owned(), |ip| ip.to_string());
            format!("{address} {}>{}/{}", port.port, port.target, port.protocol)
        });
        let expected = [":: 5353>53/UDP", "any 8080>80/TCP", "192.168.0.1 85>85/SCTP"];
        assert_eq!(words.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_pod_that_cannot_be_reached_has_none() {
        for status in [
            json!({ "phase": "Pending" }),
            json!({ "phase": "Succeeded", "podIP": "10.0.0.1" }),
            json!({ "phase": "Failed", "podIP": "10.0.0.1" }),
        ] {
            assert_eq!(read(spec(), status.clone()), None, "{status}");
        }
        let pending = read(spec(), json!({ "phase": "Pending", "podIP": "10.0.0.1" }));
        assert!(pending.is_some(), "sidecars answer before all is ready");
        let mut shared = spec();
        shared["hostNetwork"] = true.into();
        assert_eq!(read(shared, running()), None, "it listens on the node itself");
        let plain = json!({ "containers": [{ "name": "a", "ports": [{ "containerPort": 80 }] }] });
        assert_eq!(read(plain, running()), None);
    }
}
