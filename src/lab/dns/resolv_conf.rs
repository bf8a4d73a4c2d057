//! A pod's resolv.conf: what its DNS policy and configuration make of the cluster's name servers
//! and the node's own file.

use std::{fmt::Write as _, net::IpAddr};

use k8s_openapi::api::core::v1::{Pod, PodSpec};
use kube::ResourceExt;

use super::objects::DOMAIN;

/// Name servers and search domains that the API accepts.
const MOST: (usize, usize) = (3, 32);

/// The parts of a resolv.conf.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct ResolvConf {
    nameservers: Vec<String>,
    searches: Vec<String>,
    /// Each with its value, if it has one.
    options: Vec<(String, Option<String>)>,
}

/// Writes a pod's file from the cluster's name servers and the text of the node's file.
pub(crate) fn of_pod(pod: &Pod, cluster: &[IpAddr], node: &str) -> String {
    let spec = pod.spec.clone().unwrap_or_default();
    let node = ResolvConf::read(node);
    let namespace = pod.namespace().unwrap_or_default();
    let on_host = spec.host_network == Some(true);
    let mut conf = match spec.dns_policy.as_deref() {
        Some("None") => ResolvConf::default(),
        Some("Default") => node,
        Some("ClusterFirstWithHostNet") => ResolvConf::of_cluster(&namespace, cluster, node),
        // ClusterFirst means the node's servers to pods on the node's network.
        _ if on_host => node,
        _ => ResolvConf::of_cluster(&namespace, cluster, node),
    };
    conf.configure(&spec);
    conf.write()
}

impl ResolvConf {
    fn of_cluster(namespace: &str, cluster: &[IpAddr], node: Self) -> Self {
        let own = [format!("{namespace}.svc.{DOMAIN}"), format!("svc.{DOMAIN}"), DOMAIN.to_owned()];
        Self {
            nameservers: cluster.iter().map(ToString::to_string).collect(),
            searches: unique(own.into_iter().chain(node.searches), MOST.1),
            options: vec![("ndots".into(), Some("5".into()))],
        }
    }

    fn read(text: &str) -> Self {
        let mut conf = Self::default();
        for line in text.lines() {
            let mut words = line.split_whitespace().map(str::to_owned);
            match words.next().as_deref() {
                Some("nameserver") => conf.nameservers.extend(words.next()),
                Some("search" | "domain") => conf.searches = words.collect(),
                Some("options") => {
                    conf.options.extend(words.map(|word| match word.split_once(':') {
                        Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                        None => (word, None),
                    }))
                }
                _ => {}
            }
        }
        conf
    }

    /// Adds what the pod's `dnsConfig` says.
    fn configure(&mut self, spec: &PodSpec) {
        let Some(config) = &spec.dns_config else { return };
        let own = config.nameservers.clone().unwrap_or_default();
        self.nameservers = unique(self.nameservers.drain(..).chain(own), MOST.0);
        let own = config.searches.clone().unwrap_or_default();
        self.searches = unique(self.searches.drain(..).chain(own), MOST.1);
        for option in config.options.iter().flatten() {
            let Some(name) = option.name.clone() else { continue };
            self.options.retain(|(other, _)| *other != name);
            self.options.push((name, option.value.clone()));
        }
    }

    fn write(&self) -> String {
        let mut text = String::new();
        for server in &self.nameservers {
            writeln!(text, "nameserver {server}").expect("text grows");
        }
        if !self.searches.is_empty() {
            writeln!(text, "search {}", self.searches.join(" ")).expect("text grows");
        }
        let options = self.options.iter().map(|(name, value)| match value {
            Some(value) => format!("{name}:{value}"),
            None => name.clone(),
        });
        let options: Vec<_> = options.collect();
        if !options.is_empty() {
            writeln!(text, "options {}", options.join(" ")).expect("text grows");
        }
        text
    }
}

/// Keeps the first of equal words, and not too many.
fn unique(words: impl Iterator<Item = String>, most: usize) -> Vec<String> {
    let mut kept = Vec::new();
    for word in words {
        if !kept.contains(&word) && kept.len() < most {
            kept.push(word);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json};

    use super::*;

    #[test]
    fn policy_and_configuration_of_a_pod_are_honoured() {
        let own = "nameserver 10.0.0.1\nnameserver fd00::1\nsearch shop.svc.cluster.local svc.cluster.local cluster.local corp.example\noptions ndots:5\n";
        let node = "nameserver 198.51.100.53\nsearch corp.example\noptions edns0\n";
        let config = json!({
            "nameservers": ["192.0.2.7", "198.51.100.53"],
            "searches": ["corp.example", "extra.example"],
            "options": [{ "name": "ndots", "value": "2" }, { "name": "edns0" }],
        });
        for (sentence, spec, expected) in [
            ("the cluster comes first", json!({}), own),
            ("so it does when said", json!({ "dnsPolicy": "ClusterFirst" }), own),
            ("the node's file", json!({ "dnsPolicy": "Default" }), node),
            ("pods on the host ask as the host does", json!({ "hostNetwork": true }), node),
            (
                "unless they want the cluster",
                json!({ "hostNetwork": true, "dnsPolicy": "ClusterFirstWithHostNet" }),
                own,
            ),
            (
                "only what the pod says",
                json!({ "dnsPolicy": "None", "dnsConfig": config }),
                "nameserver 192.0.2.7\nnameserver 198.51.100.53\nsearch corp.example extra.example\noptions ndots:2 edns0\n",
            ),
            (
                "both",
                json!({ "dnsConfig": config }),
                "nameserver 10.0.0.1\nnameserver fd00::1\nnameserver 192.0.2.7\nsearch shop.svc.cluster.local svc.cluster.local cluster.local corp.example extra.example\noptions ndots:2 edns0\n",
            ),
        ] {
            let mut spec: Value = spec;
            spec["containers"] = json!([]);
            let pod: Pod =
                from_value(json!({ "metadata": { "namespace": "shop" }, "spec": spec })).unwrap();
            let cluster = ["10.0.0.1".parse().unwrap(), "fd00::1".parse().unwrap()];
            assert_eq!(of_pod(&pod, &cluster, node), expected, "{sentence}");
        }
    }
}
