//! What lint knows of a cluster beyond whom policies speak of: ports, addresses, probes, webhooks.

use std::{collections::BTreeMap, net::IpAddr};

use ipnet::IpNet;

use super::monitor::Monitor;
use crate::policy::text::{Node, Value};

/// A port of a service.
#[derive(Clone, Debug)]
pub(super) struct ServicePort {
    pub(super) name: String,
    pub(super) port: u16,
    /// A number or a name; the port itself if it says nothing.
    pub(super) target: Result<u16, String>,
}

/// A service.
#[derive(Clone, Debug)]
pub(super) struct ServiceFact {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) addrs: Vec<IpAddr>,
    pub(super) ports: Vec<ServicePort>,
    pub(super) selector: BTreeMap<String, String>,
    pub(super) labels: BTreeMap<String, String>,
    /// Whether it is reached through nodes, which hide who asks.
    pub(super) hides_source: bool,
}

/// What a pod says of itself.
#[derive(Clone, Debug, Default)]
pub(super) struct PodFact {
    /// Numbers of its containers' ports.
    pub(super) ports: Vec<u16>,
    /// Ports that kubelet asks: numbers, or names.
    pub(super) probes: Vec<Result<u16, String>>,
    /// The port that says that metrics are to be fetched from it.
    pub(super) scraped: Option<u16>,
}

/// Who calls a service from the API server.
#[derive(Clone, Debug)]
pub(super) struct Webhook {
    pub(super) what: String,
    pub(super) namespace: String,
    pub(super) service: String,
    pub(super) port: u16,
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) pod_prefixes: Vec<IpNet>,
    pub(super) node_addrs: Vec<IpAddr>,
    pub(super) has_nodes: bool,
    pub(super) services: Vec<ServiceFact>,
    pub(super) pods: BTreeMap<String, PodFact>,
    pub(super) webhooks: Vec<Webhook>,
    pub(super) groups: BTreeMap<String, usize>,
    pub(super) host_firewall: Option<bool>,
    pub(super) monitors: Vec<Monitor>,
}

pub(super) fn text<'a>(node: &'a Node, path: &[&str]) -> Option<&'a str> {
    node.at(path)?.text()
}

fn texts(map: Option<&Node>) -> BTreeMap<String, String> {
    let entries = map.map(Node::entries).unwrap_or_default();
    entries.iter().filter_map(|e| Some((e.key.clone(), e.node.text()?.to_owned()))).collect()
}

pub(super) fn list<'a>(node: &'a Node, path: &[&str]) -> &'a [Node] {
    node.at(path).map(Node::items).unwrap_or_default()
}

pub(super) fn port(node: &Node) -> Option<Result<u16, String>> {
    match &node.value {
        Value::Int(number) => u16::try_from(*number).ok().map(Ok),
        Value::Text(text) => Some(text.parse().map_err(|_| text.clone())),
        _ => None,
    }
}

impl Facts {
    pub(super) fn add(&mut self, root: &Node) {
        let (Some(kind), Some(name)) = (text(root, &["kind"]), text(root, &["metadata", "name"]))
        else {
            return;
        };
        let namespace = text(root, &["metadata", "namespace"]).unwrap_or("default");
        match kind {
            "Node" => self.node(root),
            "Service" => self.service(namespace, name, root),
            "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration" => {
                for hook in list(root, &["webhooks"]) {
                    self.webhook(name, hook.at(&["clientConfig", "service"]));
                }
            }
            "APIService" => self.webhook(name, root.at(&["spec", "service"])),
            "CiliumCIDRGroup" => {
                let count = list(root, &["spec", "externalCIDRs"]).len();
                self.groups.insert(name.to_owned(), count);
            }
            "ConfigMap" => self.settings(name, root),
            "ServiceMonitor" | "PodMonitor" => {
                self.monitors.push(Monitor::read(kind, namespace, name, root));
            }
            _ => {
                let template = match kind {
                    "Pod" => Some(root),
                    "CronJob" => root.at(&["spec", "jobTemplate", "spec", "template"]),
                    _ => root.at(&["spec", "template"]),
                };
                if let Some(template) = template {
                    self.pods.insert(format!("{namespace}/{name}"), pod(template));
                }
            }
        }
    }

    /// Settings of the network; one that is not there is off.
    fn settings(&mut self, name: &str, root: &Node) {
        let key = match name {
            "cilium-config" => "enable-host-firewall",
            "skep-config" => "host-firewall",
            _ => return,
        };
        let is_on = root.at(&["data", key]).is_some_and(|value| value.text() == Some("true"));
        self.host_firewall = Some(is_on);
    }

    fn node(&mut self, root: &Node) {
        self.has_nodes = true;
        let many = list(root, &["spec", "podCIDRs"]).iter();
        let prefixes = many.chain(root.at(&["spec", "podCIDR"])).filter_map(Node::text);
        self.pod_prefixes.extend(prefixes.filter_map(|text| text.parse::<IpNet>().ok()));
        self.pod_prefixes.sort_unstable();
        self.pod_prefixes.dedup();
        let addrs = list(root, &["status", "addresses"]).iter();
        let addrs = addrs.filter_map(|a| text(a, &["address"])?.parse::<IpAddr>().ok());
        self.node_addrs.extend(addrs);
    }

    fn service(&mut self, namespace: &str, name: &str, root: &Node) {
        let many = list(root, &["spec", "clusterIPs"]).iter();
        let addrs = many.chain(root.at(&["spec", "clusterIP"])).filter_map(Node::text);
        let ports = list(root, &["spec", "ports"]).iter().filter_map(|node| {
            let Some(Ok(number)) = node.get("port").and_then(port) else { return None };
            let target = node.get("targetPort").and_then(port).unwrap_or(Ok(number));
            let name = text(node, &["name"]).unwrap_or_default().to_owned();
            Some(ServicePort { name, port: number, target })
        });
        let is_outside = matches!(text(root, &["spec", "type"]), Some("NodePort" | "LoadBalancer"));
        let is_local = text(root, &["spec", "externalTrafficPolicy"]) == Some("Local");
        self.services.push(ServiceFact {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            addrs: addrs.filter_map(|text| text.parse().ok()).collect(),
            ports: ports.collect(),
            selector: texts(root.at(&["spec", "selector"])),
            labels: texts(root.at(&["metadata", "labels"])),
            hides_source: is_outside && !is_local,
        });
    }

    fn webhook(&mut self, what: &str, service: Option<&Node>) {
        let Some(service) = service else { return };
        let (Some(namespace), Some(name)) =
            (text(service, &["namespace"]), text(service, &["name"]))
        else {
            return;
        };
        let port = match service.get("port").and_then(port) {
            Some(Ok(port)) => port,
            _ => 443,
        };
        self.webhooks.push(Webhook {
            what: what.to_owned(),
            namespace: namespace.to_owned(),
            service: name.to_owned(),
            port,
        });
    }
}

fn pod(template: &Node) -> PodFact {
    let mut fact = PodFact::default();
    for container in list(template, &["spec", "containers"]) {
        let ports =
            list(container, &["ports"]).iter().filter_map(|p| port(p.get("containerPort")?));
        fact.ports.extend(ports.flatten());
        for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
            for action in ["httpGet", "tcpSocket", "grpc"] {
                fact.probes.extend(container.at(&[probe, action, "port"]).and_then(port));
            }
        }
    }
    if text(template, &["metadata", "annotations", "prometheus.io/scrape"]) == Some("true") {
        let named = text(template, &["metadata", "annotations", "prometheus.io/port"]);
        fact.scraped = named.and_then(|text| text.parse().ok());
    }
    fact
}
