//! Who is where, and what that means for the next pod.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use k8s_openapi::api::core::v1::{Node, Pod, PodAffinityTerm, TopologySpreadConstraint};
use kube::ResourceExt;

use crate::lab::{
    controllers::{
        matching::{accepts, label_selector_matches, selects, taints, tolerates},
        owned::controller_of,
    },
    quantity,
};

/// A host port: number and protocol.
pub(super) type Port = (i32, String);
/// What speaks for a node; the least is the best.
pub(super) type Rank = (Reverse<i64>, usize, usize);

/// All pods that have a node.
#[derive(Default)]
pub(super) struct Load {
    /// Labels of each node.
    nodes: HashMap<String, Arc<Node>>,
    pods: HashMap<String, Vec<Pod>>,
    siblings: HashMap<(String, String), usize>,
    /// Host ports in use: hostNetwork pods, and pods that ask for a host port.
    ports: HashSet<(String, Port)>,
    /// CPUs and bytes that are asked for.
    requests: HashMap<String, [f64; 2]>,
}

impl Load {
    pub(super) fn new(nodes: &[Arc<Node>]) -> Self {
        let nodes = nodes.iter().map(|node| (node.name_any(), Arc::clone(node))).collect();
        Self { nodes, ..Self::default() }
    }

    pub(super) fn add(&mut self, node: &str, pod: &Pod) {
        *self.siblings.entry((node.to_owned(), family(pod))).or_default() += 1;
        for port in host_ports(pod) {
            self.ports.insert((node.to_owned(), port));
        }
        let used = self.requests.entry(node.to_owned()).or_default();
        let more = requests(pod);
        used.iter_mut().zip(more).for_each(|(used, more)| *used += more);
        self.pods.entry(node.to_owned()).or_default().push(pod.clone());
    }

    pub(super) fn is_free(&self, node: &str, port: &Port) -> bool {
        !self.ports.contains(&(node.to_owned(), port.clone()))
    }

    fn count(&self, node: &str) -> usize {
        self.pods.get(node).map_or(0, Vec::len)
    }

    pub(super) fn is_full(&self, node: &Node) -> bool {
        let limit = allocatable(node, "pods").unwrap_or(f64::INFINITY);
        #[expect(clippy::cast_precision_loss, reason = "nodes have few pods")]
        let count = self.count(&node.name_any()) as f64;
        count >= limit
    }

    /// Returns the resource that a node has too little of for a pod.
    pub(super) fn lacks(&self, node: &Node, pod: &Pod) -> Option<&'static str> {
        let used = self.requests.get(&node.name_any()).copied().unwrap_or_default();
        let more = requests(pod);
        ["cpu", "memory"].into_iter().zip(used.into_iter().zip(more)).find_map(
            |(resource, (used, more))| {
                let limit = allocatable(node, resource)?;
                (more > 0.0 && used + more > limit * (1.0 + 1e-9)).then_some(resource)
            },
        )
    }

    pub(super) fn rank(&self, pod: &Pod, node: &Node) -> Rank {
        let name = node.name_any();
        let siblings = self.siblings.get(&(name.clone(), family(pod)));
        (Reverse(self.preference(pod, node)), siblings.copied().unwrap_or(0), self.count(&name))
    }

    /// Returns how much a pod prefers a node.
    fn preference(&self, pod: &Pod, node: &Node) -> i64 {
        let Some(spec) = &pod.spec else { return 0 };
        let affinity = spec.affinity.clone().unwrap_or_default();
        let to_node = affinity
            .node_affinity
            .and_then(|one| one.preferred_during_scheduling_ignored_during_execution);
        let nodes = to_node.iter().flatten().filter(|one| accepts(&one.preference, node));
        let mut sum: i64 = nodes.map(|one| i64::from(one.weight)).sum();
        let together = affinity
            .pod_affinity
            .and_then(|one| one.preferred_during_scheduling_ignored_during_execution);
        let near =
            together.iter().flatten().filter(|one| self.has(pod, node, &one.pod_affinity_term));
        sum += near.map(|one| i64::from(one.weight)).sum::<i64>();
        let apart = affinity
            .pod_anti_affinity
            .and_then(|one| one.preferred_during_scheduling_ignored_during_execution);
        let far = apart.iter().flatten().filter(|one| self.has(pod, node, &one.pod_affinity_term));
        sum -= far.map(|one| i64::from(one.weight)).sum::<i64>();
        let tolerations = spec.tolerations.as_deref().unwrap_or_default();
        let unwelcome = taints(node).iter().filter(|taint| {
            taint.effect == "PreferNoSchedule"
                && !tolerations.iter().any(|one| tolerates(one, taint))
        });
        sum -= 100 * i64::try_from(unwelcome.count()).unwrap_or(0);
        let spread = spec.topology_spread_constraints.iter().flatten();
        for constraint in spread.filter(|one| one.when_unsatisfiable == "ScheduleAnyway") {
            sum -= 10 * self.skew(pod, node, constraint).unwrap_or(0).max(0);
        }
        sum
    }

    /// Tells whether pods that a term means are in the node's part of the topology.
    pub(super) fn has(&self, pod: &Pod, node: &Node, term: &PodAffinityTerm) -> bool {
        let part = node.labels().get(&term.topology_key);
        part.is_some()
            && self.matching(pod, term).any(|(at, _)| at.labels().get(&term.topology_key) == part)
    }

    /// Tells whether pods that a term means are on any node.
    pub(super) fn has_anywhere(&self, pod: &Pod, term: &PodAffinityTerm) -> bool {
        self.matching(pod, term).next().is_some()
    }

    fn matching<'a>(
        &'a self,
        pod: &'a Pod,
        term: &'a PodAffinityTerm,
    ) -> impl Iterator<Item = (&'a Arc<Node>, &'a Pod)> {
        self.placed().filter(move |(_, other)| is_meant(pod, term, other))
    }

    fn placed(&self) -> impl Iterator<Item = (&Arc<Node>, &Pod)> {
        self.pods
            .iter()
            .filter_map(|(node, pods)| Some((self.nodes.get(node)?, pods)))
            .flat_map(|(node, pods)| pods.iter().map(move |pod| (node, pod)))
    }

    /// Tells whether a pod that is there already does not want this one near.
    pub(super) fn is_refused_by_others(&self, pod: &Pod, node: &Node) -> bool {
        self.placed().any(|(at, other)| {
            let apart = other
                .spec
                .as_ref()
                .and_then(|spec| spec.affinity.as_ref()?.pod_anti_affinity.as_ref());
            let terms = apart
                .and_then(|one| one.required_during_scheduling_ignored_during_execution.as_deref());
            terms.unwrap_or_default().iter().any(|term| {
                let key = &term.topology_key;
                let part = node.labels().get(key);
                part.is_some() && at.labels().get(key) == part && is_meant(other, term, pod)
            })
        })
    }

    /// Returns by how much a node's part of the topology would be ahead of the emptiest one, with
    /// this pod; none when the node is in no part.
    pub(super) fn skew(
        &self,
        pod: &Pod,
        node: &Node,
        constraint: &TopologySpreadConstraint,
    ) -> Option<i64> {
        let key = &constraint.topology_key;
        let own = node.labels().get(key)?;
        let spec = pod.spec.as_ref()?;
        let fitting = self.nodes.values().filter(|node| selects(spec, node));
        let mut parts: BTreeMap<&String, i64> =
            fitting.filter_map(|node| Some((node.labels().get(key)?, 0))).collect();
        let meant = |other: &Pod| {
            other.namespace() == pod.namespace()
                && other.metadata.deletion_timestamp.is_none()
                && constraint
                    .label_selector
                    .as_ref()
                    .is_some_and(|one| label_selector_matches(one, other.labels()))
        };
        for (at, _) in self.placed().filter(|(_, other)| meant(other)) {
            if let Some(count) = at.labels().get(key).and_then(|part| parts.get_mut(part)) {
                *count += 1;
            }
        }
        let here = parts.get(own).copied().unwrap_or(0);
        let least = parts.values().min().copied().unwrap_or(0);
        Some(here + i64::from(meant(pod)) - least)
    }
}

/// Tells whether a term of `pod` means another pod.
fn is_meant(pod: &Pod, term: &PodAffinityTerm, other: &Pod) -> bool {
    let in_namespace = match (&term.namespaces, &term.namespace_selector) {
        (Some(names), _) if !names.is_empty() => {
            names.iter().any(|name| Some(name) == other.metadata.namespace.as_ref())
        }
        // The lab does not look at namespaces' labels here: a selector means all of them.
        (_, Some(_)) => true,
        _ => other.namespace() == pod.namespace(),
    };
    let selector = term.label_selector.as_ref();
    in_namespace
        && selector.is_some_and(|selector| label_selector_matches(selector, other.labels()))
}

fn allocatable(node: &Node, resource: &str) -> Option<f64> {
    let allocatable = node.status.as_ref()?.allocatable.as_ref()?;
    quantity::parse(&allocatable.get(resource)?.0)
}

/// Returns the CPUs and bytes that a pod asks for.
fn requests(pod: &Pod) -> [f64; 2] {
    let Some(spec) = &pod.spec else { return [0.0; 2] };
    let of = |resource: &str| {
        let all = spec.containers.iter().filter_map(|container| {
            let requests = container.resources.as_ref()?.requests.as_ref()?;
            quantity::parse(&requests.get(resource)?.0)
        });
        all.sum::<f64>()
    };
    [of("cpu"), of("memory")]
}

/// Pods of one owner are spread; a pod without owner stands for itself.
fn family(pod: &Pod) -> String {
    controller_of(pod).map_or_else(|| pod.name_any(), str::to_owned)
}

/// Returns the ports that a pod needs of its node.
pub(super) fn host_ports(pod: &Pod) -> Vec<Port> {
    let Some(spec) = &pod.spec else { return vec![] };
    let on_host = spec.host_network == Some(true);
    let ports = spec.containers.iter().flat_map(|container| container.ports.iter().flatten());
    ports
        .filter_map(|port| {
            let number = port.host_port.or(on_host.then_some(port.container_port))?;
            Some((number, port.protocol.clone().unwrap_or_else(|| "TCP".into())))
        })
        .collect()
}
