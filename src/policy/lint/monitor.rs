//! Objects of the Prometheus operator that say from whom metrics are fetched.

use std::collections::BTreeMap;

use super::facts::{Facts, PodFact, ServiceFact, list, port, text};
use crate::policy::{
    rule::LabelKey,
    text::{Node, Value},
};

/// A port from which metrics are fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Scraped {
    /// Of a service, by its name there.
    OfService(String),
    /// Of a pod, by number or name.
    OfPod(Result<u16, String>),
}

/// A `ServiceMonitor` or a `PodMonitor`.
#[derive(Clone, Debug)]
pub(super) struct Monitor {
    /// Kind, namespace and name, as people say them.
    pub(super) what: String,
    is_of_pods: bool,
    /// Namespaces; `None` = all.
    namespaces: Option<Vec<String>>,
    selector: Node,
    ports: Vec<Scraped>,
}

impl Monitor {
    /// Reads one.
    pub(super) fn read(kind: &str, namespace: &str, name: &str, root: &Node) -> Self {
        let is_of_pods = kind == "PodMonitor";
        let any = root.at(&["spec", "namespaceSelector", "any"]);
        let named = list(root, &["spec", "namespaceSelector", "matchNames"]);
        let named: Vec<String> = named.iter().filter_map(|n| Some(n.text()?.to_owned())).collect();
        let namespaces = match any.map(|node| &node.value) {
            Some(Value::Bool(true)) => None,
            _ if named.is_empty() => Some(vec![namespace.to_owned()]),
            _ => Some(named),
        };
        let field = if is_of_pods { "podMetricsEndpoints" } else { "endpoints" };
        Self {
            what: format!("{kind} {namespace}/{name}"),
            is_of_pods,
            namespaces,
            selector: root.at(&["spec", "selector"]).cloned().unwrap_or_default(),
            ports: list(root, &["spec", field])
                .iter()
                .filter_map(|item| scraped(item, is_of_pods))
                .collect(),
        }
    }

    /// Returns the ports of a pod that are fetched from, by number or name.
    pub(super) fn ports_of(
        &self,
        (namespace, labels): (&str, &BTreeMap<String, String>),
        facts: &Facts,
    ) -> Vec<Result<u16, String>> {
        if self.namespaces.as_ref().is_some_and(|own| own.iter().all(|own| own != namespace)) {
            return Vec::new();
        }
        if self.is_of_pods {
            return if matches(&self.selector, labels) { self.pod_ports(None) } else { Vec::new() };
        }
        let is_behind = |service: &&ServiceFact| {
            service.namespace == namespace
                && !service.selector.is_empty()
                && service.selector.iter().all(|(key, value)| labels.get(key) == Some(value))
                && matches(&self.selector, &service.labels)
        };
        facts.services.iter().filter(is_behind).flat_map(|s| self.pod_ports(Some(s))).collect()
    }

    fn pod_ports(&self, service: Option<&ServiceFact>) -> Vec<Result<u16, String>> {
        let resolve = |scraped: &Scraped| match scraped {
            Scraped::OfPod(port) => Some(port.clone()),
            Scraped::OfService(name) => {
                let port = service?.ports.iter().find(|port| port.name == *name)?;
                Some(port.target.clone())
            }
        };
        self.ports.iter().filter_map(resolve).collect()
    }
}

fn scraped(item: &Node, is_of_pods: bool) -> Option<Scraped> {
    if let Some(name) = text(item, &["port"]) {
        let name = name.to_owned();
        return Some(if is_of_pods { Scraped::OfPod(Err(name)) } else { Scraped::OfService(name) });
    }
    ["targetPort", "portNumber"]
        .iter()
        .find_map(|key| item.get(key).and_then(port))
        .map(Scraped::OfPod)
}

/// Tells whether a selector of Kubernetes selects labels.
fn matches(selector: &Node, labels: &BTreeMap<String, String>) -> bool {
    let wanted = selector.get("matchLabels").map(Node::entries).unwrap_or_default();
    wanted.iter().all(|e| {
        e.node.text().is_some_and(|value| labels.get(&e.key).is_some_and(|own| own == value))
    }) && list(selector, &["matchExpressions"]).iter().all(|item| {
        let own = text(item, &["key"]).and_then(|key| labels.get(key));
        let is_listed = own.is_some_and(|own| {
            list(item, &["values"]).iter().any(|value| value.text() == Some(own))
        });
        match text(item, &["operator"]) {
            Some("In") => is_listed,
            Some("NotIn") => !is_listed,
            Some("Exists") => own.is_some(),
            Some("DoesNotExist") => own.is_none(),
            _ => false,
        }
    })
}

/// Returns the ports of a pod from which somebody fetches metrics, and who says so.
pub(super) fn scraped_ports(
    facts: &Facts,
    (namespace, labels): (&str, &BTreeMap<String, String>),
    pod: &PodFact,
) -> Vec<(Result<u16, String>, String)> {
    let own = pod.scraped.map(|port| (Ok(port), "its annotation".to_owned()));
    let monitors = facts.monitors.iter().flat_map(|monitor| {
        let ports = monitor.ports_of((namespace, labels), facts);
        ports.into_iter().map(|port| (port, monitor.what.clone()))
    });
    own.into_iter().chain(monitors).collect()
}

/// Returns the labels that a pod was given, without those that its place gives it.
pub(super) fn own_labels(labels: &crate::model::Labels) -> BTreeMap<String, String> {
    let own = labels.0.iter().filter_map(|(key, value)| {
        let name = key.strip_prefix("k8s:")?;
        let is_own = !name.starts_with("io.cilium.k8s.") && name != LabelKey::NAMESPACE;
        is_own.then(|| (name.to_owned(), value.clone()))
    });
    own.collect()
}
