//! Pods as skep sees them.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1 as core;
use kube::ResourceExt;
use serde::{Deserialize, Serialize};

use super::{
    Malformed, Watched,
    crd::{NamedPort, PodWorkload},
    host_port::{addresses, host_ports, running},
    service::{name, number, protocol},
};
use crate::{
    model::{Addresses, PodRef},
    service::input::{ContainerPort, HostPorts, LocalPod},
};

/// A port that a pod names.
pub type PodPort = NamedPort;

/// A pod of this node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodObject {
    /// Which pod.
    pub pod: PodRef,
    /// Its own labels.
    pub labels: BTreeMap<String, String>,
    /// Its service account.
    pub service_account: String,
    /// Whether it has ended; its addresses may serve another pod.
    pub ended: bool,
    /// Name of what made it, for people: a Deployment, a DaemonSet, ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<PodWorkload>,
    /// Ports with names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub named_ports: Vec<PodPort>,
    /// Ports of the node that lead to it, as long as it can be reached. What an agent remembers of a pod has
    /// none: addresses change, and the datapath has those of before.
    #[serde(skip)]
    pub host_ports: Option<HostPorts>,
    /// The pod as traffic may be redirected to it, as long as it can be reached. It is not remembered either.
    #[serde(skip)]
    pub local: Option<LocalPod>,
}

impl Watched for PodObject {
    type Object = core::Pod;
    const NOUN: &'static str = "pods";

    fn from_object(pod: &core::Pod) -> Result<Self, Malformed> {
        let spec = pod.spec.as_ref();
        Ok(Self {
            pod: PodRef {
                namespace: pod.namespace().unwrap_or_default(),
                name: pod.name_any(),
                uid: pod.uid().unwrap_or_default(),
            },
            labels: pod.labels().clone(),
            service_account: spec
                .and_then(|spec| spec.service_account_name.clone())
                .filter(|name| !name.is_empty())
                .unwrap_or_else(|| "default".into()),
            ended: has_ended(pod),
            workload: workload(pod),
            named_ports: spec.map(named_ports).unwrap_or_default(),
            host_ports: host_ports(pod),
            local: local(pod),
        })
    }

    fn key(&self) -> String {
        self.pod.to_string()
    }
}

/// Tells whether a pod has ended; it is not started again.
pub(super) fn has_ended(pod: &core::Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

/// Reads what redirects need to know of a pod; `None` if it cannot be reached.
fn local(pod: &core::Pod) -> Option<LocalPod> {
    let (spec, status) = (pod.spec.as_ref()?, pod.status.as_ref()?);
    let addresses = addresses(status);
    if has_ended(pod) || addresses == Addresses::default() {
        return None;
    }
    let is_ready = |one: &core::PodCondition| one.type_ == "Ready" && one.status == "True";
    let ports = running(spec).flat_map(|container| container.ports.iter().flatten());
    Some(LocalPod {
        name: name(pod),
        labels: pod.labels().clone(),
        node: spec.node_name.as_deref().unwrap_or_default().into(),
        addresses,
        ready: status.conditions.iter().flatten().any(is_ready),
        terminating: pod.metadata.deletion_timestamp.is_some(),
        ports: ports.filter_map(container_port).collect(),
    })
}

fn container_port(port: &core::ContainerPort) -> Option<ContainerPort> {
    Some(ContainerPort {
        name: port.name.as_deref()?.into(),
        protocol: protocol(port.protocol.as_deref())?,
        port: number(port.container_port)?,
    })
}

fn named_ports(spec: &core::PodSpec) -> Vec<PodPort> {
    let init = spec.init_containers.as_deref().unwrap_or_default();
    let ports = init.iter().chain(&spec.containers).flat_map(|container| {
        container.ports.as_deref().unwrap_or_default().iter().filter_map(|port| {
            Some(PodPort {
                name: port.name.clone()?,
                protocol: port.protocol.clone().unwrap_or_else(|| "TCP".into()),
                port: u16::try_from(port.container_port).ok()?,
            })
        })
    });
    ports.collect()
}

/// A ReplicaSet's name is its Deployment's plus the hash that the pod carries as a label.
fn workload(pod: &core::Pod) -> Option<PodWorkload> {
    let owner = pod.owner_references().iter().find(|owner| owner.controller == Some(true))?;
    if owner.kind == "ReplicaSet"
        && let Some(hash) = pod.labels().get("pod-template-hash")
        && let Some(name) = owner.name.strip_suffix(&format!("-{hash}"))
    {
        return Some(PodWorkload { kind: "Deployment".into(), name: name.to_owned() });
    }
    Some(PodWorkload { kind: owner.kind.clone(), name: owner.name.clone() })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(metadata: Value, status: Value) -> Option<LocalPod> {
        let mut object = json!({
            "metadata": { "name": "dns", "namespace": "kube-system", "labels": { "app": "dns" } },
            "spec": { "nodeName": "here", "containers": [{ "name": "dns", "ports": [
                { "name": "dns", "containerPort": 5353, "protocol": "UDP" },
                { "containerPort": 53 },
            ] }] },
            "status": status,
        });
        for (key, value) in metadata.as_object().into_iter().flatten() {
            object["metadata"][key] = value.clone();
        }
        PodObject::from_object(&serde_json::from_value(object).unwrap()).unwrap().local
    }

    fn status(phase: &str, ready: &str) -> Value {
        json!({
            "phase": phase, "podIP": "10.0.0.1",
            "conditions": [{ "type": "Ready", "status": ready }],
        })
    }

    #[test]
    fn a_pod_takes_connections_while_it_is_ready_and_not_about_to_end() {
        let ready = read(json!({}), status("Running", "True")).unwrap();
        assert!(ready.takes_connections());
        assert_eq!((&*ready.node, ready.addresses.iter().count()), ("here", 1));
        let ports: Vec<_> = ready.ports.iter().map(|one| (&*one.name, one.port.get())).collect();
        assert_eq!(ports, [("dns", 5353)]);
        assert!(!read(json!({}), status("Running", "False")).unwrap().takes_connections());
        let ending = json!({ "deletionTimestamp": "2026-01-02T03:04:05Z" });
        assert!(!read(ending, status("Running", "True")).unwrap().takes_connections());
        assert_eq!(read(json!({}), status("Failed", "True")), None);
        assert_eq!(read(json!({}), json!({ "phase": "Pending" })), None);
    }
}
