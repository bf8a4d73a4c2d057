//! Which probes there are: every pod to every pod, and every pod to the outside.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

use k8s_openapi::api::core::v1::Pod;

/// What is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scenario {
    /// TCP from a pod to another pod's address.
    PodToPod,
    /// TCP from a pod to an address outside the cluster.
    PodToWorld,
}

impl Scenario {
    /// Every scenario, in the order in which they are reported.
    pub const ALL: [Self; 2] = [Self::PodToPod, Self::PodToWorld];

    /// Returns the name, as in `--test`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PodToPod => "pod-to-pod",
            Self::PodToWorld => "pod-to-world",
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Something that listens on TCP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// What people call it: a pod's name, or "world".
    pub name: String,
    /// The node it is on; empty for the outside.
    pub node: String,
    /// Where it listens.
    pub address: SocketAddr,
}

/// One connection to try from one pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// What is tried.
    pub scenario: Scenario,
    /// Namespace of the pod that connects.
    pub namespace: String,
    /// The pod that connects.
    pub pod: String,
    /// Its container.
    pub container: String,
    /// The node it is on.
    pub node: String,
    /// Whom it connects to.
    pub target: Target,
}

/// Returns the probes for `pods` and addresses outside, grouped by source pod.
///
/// Pods that run on skep take part: running, with addresses of their own. A pod without a TCP port
/// is a source only. A pod probes the families it has an address of.
pub fn plan(pods: &[Pod], outside: &[SocketAddr], scenarios: &[Scenario]) -> Vec<Probe> {
    let pods: Vec<Candidate> = pods.iter().filter_map(Candidate::from_pod).collect();
    let outside: Vec<Target> = outside
        .iter()
        .map(|&address| Target { name: "world".to_owned(), node: String::new(), address })
        .collect();
    let mut probes = Vec::new();
    for source in &pods {
        let has_family = |target: &Target| {
            source.addresses.iter().any(|address| address.is_ipv4() == target.address.is_ipv4())
        };
        let others = pods.iter().filter(|other| other.key() != source.key());
        let peers = others.flat_map(Candidate::targets).map(|target| (Scenario::PodToPod, target));
        let world = outside.iter().cloned().map(|target| (Scenario::PodToWorld, target));
        for (scenario, target) in peers.chain(world) {
            if scenarios.contains(&scenario) && has_family(&target) {
                probes.push(source.probe(scenario, target));
            }
        }
    }
    probes
}

/// A pod that takes part.
struct Candidate {
    namespace: String,
    name: String,
    container: String,
    node: String,
    addresses: Vec<IpAddr>,
    tcp_port: Option<u16>,
}

impl Candidate {
    fn from_pod(pod: &Pod) -> Option<Self> {
        let spec = pod.spec.as_ref()?;
        let status = pod.status.as_ref()?;
        let running = status.phase.as_deref() == Some("Running");
        if !running || spec.host_network == Some(true) || pod.metadata.deletion_timestamp.is_some()
        {
            return None;
        }
        let tcp_port = spec
            .containers
            .iter()
            .flat_map(|container| container.ports.iter().flatten())
            .find(|port| port.protocol.as_deref().unwrap_or("TCP") == "TCP")
            .and_then(|port| u16::try_from(port.container_port).ok());
        Some(Self {
            namespace: pod.metadata.namespace.clone()?,
            name: pod.metadata.name.clone()?,
            container: spec.containers.first()?.name.clone(),
            node: spec.node_name.clone()?,
            addresses: status
                .pod_ips
                .iter()
                .flatten()
                .filter_map(|entry| entry.ip.parse().ok())
                .collect(),
            tcp_port,
        })
    }

    fn key(&self) -> (&str, &str) {
        (&self.namespace, &self.name)
    }

    fn targets(&self) -> Vec<Target> {
        self.tcp_port
            .into_iter()
            .flat_map(|port| {
                self.addresses.iter().map(move |&address| SocketAddr::new(address, port))
            })
            .map(|address| Target { name: self.name.clone(), node: self.node.clone(), address })
            .collect()
    }

    fn probe(&self, scenario: Scenario, target: Target) -> Probe {
        Probe {
            scenario,
            namespace: self.namespace.clone(),
            pod: self.name.clone(),
            container: self.container.clone(),
            node: self.node.clone(),
            target,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(name: &str, ips: &[&str], port: Option<u16>) -> Pod {
        let ports: Vec<_> = port.into_iter().map(|port| json!({"containerPort": port})).collect();
        let ips: Vec<_> = ips.iter().map(|ip| json!({"ip": ip})).collect();
        serde_json::from_value(json!({
            "metadata": {"namespace": "default", "name": name},
            "spec": {"nodeName": "n1", "containers": [{"name": "c", "ports": ports}]},
            "status": {"phase": "Running", "podIPs": ips},
        }))
        .expect("a pod")
    }

    #[test]
    fn every_pair_is_tried_in_both_directions_and_both_families() {
        let pods = [
            pod("a", &["10.0.0.1", "fd00::1"], Some(80)),
            pod("b", &["10.0.0.2", "fd00::2"], Some(80)),
        ];
        let probes = plan(&pods, &[], &Scenario::ALL);
        let seen: Vec<_> =
            probes.iter().map(|p| format!("{} {}", p.pod, p.target.address)).collect();
        assert_eq!(seen, ["a 10.0.0.2:80", "a [fd00::2]:80", "b 10.0.0.1:80", "b [fd00::1]:80"]);
    }

    #[test]
    fn a_pod_without_ports_is_a_source_only_and_families_must_match() {
        let pods = [pod("a", &["10.0.0.1"], None), pod("b", &["10.0.0.2", "fd00::2"], Some(80))];
        let world = ["198.51.100.10:80".parse().unwrap(), "[2001:db8:1::10]:80".parse().unwrap()];
        let probes = plan(&pods, &world, &Scenario::ALL);
        let count = |pod: &str, scenario| {
            probes.iter().filter(|p| p.pod == pod && p.scenario == scenario).count()
        };
        assert_eq!(count("a", Scenario::PodToPod), 1, "only IPv4 to b");
        assert_eq!(count("a", Scenario::PodToWorld), 1, "only IPv4 outside");
        assert_eq!(count("b", Scenario::PodToPod), 0, "a has no port");
        assert_eq!(count("b", Scenario::PodToWorld), 2);
    }
}
