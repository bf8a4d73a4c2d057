//! Pods, and the templates of workloads, which stand for the pods they make.

use std::{collections::BTreeMap, net::IpAddr};

use super::actor::{Actor, NamedPort, Role};
use crate::{
    model::{Derivation, Labels, PodLabels},
    policy::{
        rule::Protocol,
        text::{Node, Value},
    },
};

/// Kinds whose objects hold the template of pods, and where.
const TEMPLATES: [(&str, &[&str]); 7] = [
    ("Deployment", &["spec", "template"]),
    ("ReplicaSet", &["spec", "template"]),
    ("StatefulSet", &["spec", "template"]),
    ("DaemonSet", &["spec", "template"]),
    ("ReplicationController", &["spec", "template"]),
    ("Job", &["spec", "template"]),
    ("CronJob", &["spec", "jobTemplate", "spec", "template"]),
];

/// A pod before its namespace's labels are known.
#[derive(Clone, Debug)]
pub(super) struct PodObject {
    namespace: String,
    name: String,
    labels: BTreeMap<String, String>,
    service_account: String,
    is_host_network: bool,
    addrs: Vec<IpAddr>,
    ports: Vec<NamedPort>,
    workload: Option<String>,
}

impl PodObject {
    /// Reads a pod or a workload; `None` if the object is neither, or a pod that has ended.
    pub(super) fn read(kind: &str, root: &Node) -> Option<Self> {
        let metadata = root.get("metadata")?;
        let name = metadata.get("name")?.text()?.to_owned();
        let namespace = text_at(metadata, &["namespace"]).unwrap_or("default").to_owned();
        if kind == "Pod" {
            let phase = text_at(root, &["status", "phase"]);
            if matches!(phase, Some("Succeeded" | "Failed")) {
                return None;
            }
            return Some(Self::of(namespace, name, metadata, root, owner(metadata)));
        }
        let (_, path) = TEMPLATES.iter().find(|(own, _)| *own == kind)?;
        let template = root.at(path)?;
        let workload = Some(format!("{}/{name}", kind.to_ascii_lowercase()));
        let nothing = Node::default();
        let metadata = template.get("metadata").unwrap_or(&nothing);
        Some(Self::of(namespace, name, metadata, template, workload))
    }

    fn of(
        namespace: String,
        name: String,
        metadata: &Node,
        pod: &Node,
        workload: Option<String>,
    ) -> Self {
        let spec = pod.get("spec").cloned().unwrap_or_default();
        let account = text_at(&spec, &["serviceAccountName"]).filter(|name| !name.is_empty());
        let listed = pod.at(&["status", "podIPs"]).map(Node::items).unwrap_or_default();
        let addr = |node: &Node| node.get("ip").unwrap_or(node).text()?.parse().ok();
        let one = pod.at(&["status", "podIP"]);
        let mut addrs: Vec<IpAddr> = listed.iter().chain(one).filter_map(addr).collect();
        addrs.sort_unstable();
        addrs.dedup();
        Self {
            labels: strings(metadata.get("labels")),
            service_account: account.unwrap_or("default").to_owned(),
            is_host_network: spec.get("hostNetwork").is_some_and(|n| n.value == Value::Bool(true)),
            addrs,
            ports: ports(&spec),
            namespace,
            name,
            workload,
        }
    }

    /// Returns the pod as policies see it. One on the host's network is its node.
    pub(super) fn actor(
        &self,
        rules: &Derivation,
        namespaces: &BTreeMap<String, BTreeMap<String, String>>,
    ) -> Actor {
        let name = format!("{}/{}", self.namespace, self.name);
        let implied =
            BTreeMap::from([("kubernetes.io/metadata.name".to_owned(), self.namespace.clone())]);
        let (labels, role) = if self.is_host_network {
            (Labels::from_iter([("reserved:remote-node", "")]), Role::Peer)
        } else {
            let labels = rules.labels(&PodLabels {
                own: &self.labels,
                namespace: &self.namespace,
                namespace_labels: namespaces.get(&self.namespace).unwrap_or(&implied),
                service_account: &self.service_account,
            });
            (labels, Role::Pod)
        };
        let nets = self.addrs.iter().map(|&addr| addr.into()).collect();
        let (ports, workload) = (self.ports.clone(), self.workload.clone());
        Actor { name, labels, nets, role, ports, workload }
    }
}

/// The controller that made a pod; a ReplicaSet stands for its Deployment, whose name it starts with.
fn owner(metadata: &Node) -> Option<String> {
    let owners = metadata.get("ownerReferences")?.items();
    let is_controller =
        |o: &&Node| o.get("controller").is_some_and(|is| is.value == Value::Bool(true));
    let owner = owners.iter().find(is_controller)?;
    let (kind, name) = (text_at(owner, &["kind"])?, text_at(owner, &["name"])?);
    let hash = text_at(metadata, &["labels", "pod-template-hash"]);
    let deployment = hash.and_then(|hash| name.strip_suffix(hash)?.strip_suffix('-'));
    Some(match deployment {
        Some(name) if kind == "ReplicaSet" => format!("deployment/{name}"),
        _ => format!("{}/{name}", kind.to_ascii_lowercase()),
    })
}

fn ports(spec: &Node) -> Vec<NamedPort> {
    let containers = |key| spec.get(key).map(Node::items).unwrap_or_default();
    let all = containers("initContainers").iter().chain(containers("containers"));
    let listed = all.flat_map(|c| c.get("ports").map(Node::items).unwrap_or_default());
    listed.filter_map(named_port).collect()
}

fn named_port(port: &Node) -> Option<NamedPort> {
    let Value::Int(number) = port.get("containerPort")?.value else { return None };
    Some(NamedPort {
        name: text_at(port, &["name"])?.to_owned(),
        protocol: Protocol::from_name(text_at(port, &["protocol"]).unwrap_or("TCP"))?,
        port: u16::try_from(number).ok()?,
    })
}

/// Returns the text behind a path.
pub(super) fn text_at<'a>(node: &'a Node, path: &[&str]) -> Option<&'a str> {
    node.at(path)?.text()
}

/// Returns a map of texts; other values are left out.
pub(super) fn strings(node: Option<&Node>) -> BTreeMap<String, String> {
    let entries = node.map(Node::entries).unwrap_or_default();
    entries
        .iter()
        .filter_map(|entry| Some((entry.key.clone(), entry.node.text()?.to_owned())))
        .collect()
}
