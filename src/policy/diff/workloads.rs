//! Pods, merged into the workloads they belong to.

use std::collections::{BTreeMap, HashSet};

use crate::policy::cluster::Actor;

/// Ends of connections of one set of objects: pods by workload, then peers.
#[derive(Debug, Default)]
pub(super) struct Workloads {
    /// One pod of each sort, workload by workload, called as the workload is.
    pub(super) actors: Vec<Actor>,
    /// Whether there may be several pods of an actor's workload, by position in `actors`.
    pub(super) is_many: Vec<bool>,
}

impl Workloads {
    /// Merges pods that policies cannot tell apart.
    pub(super) fn new(pods: Vec<Actor>, peers: &[Actor]) -> Self {
        let mut groups: BTreeMap<String, Vec<Actor>> = BTreeMap::new();
        for pod in pods {
            groups.entry(name(&pod)).or_default().push(pod);
        }
        let mut workloads = Self::default();
        for (name, pods) in groups {
            let mut seen = HashSet::new();
            for mut pod in pods {
                let ports: Vec<String> = pod.ports.iter().map(|port| format!("{port:?}")).collect();
                if seen.insert((pod.labels.clone(), pod.nets.clone(), ports)) {
                    workloads.is_many.push(pod.workload.is_some());
                    pod.name.clone_from(&name);
                    workloads.actors.push(pod);
                }
            }
        }
        for peer in peers {
            workloads.is_many.push(false);
            workloads.actors.push(peer.clone());
        }
        workloads
    }

    /// Returns the pairs that are compared: all of different actors, and pods of one workload with each
    /// other.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (usize, usize)> {
        let count = self.actors.len();
        (0..count)
            .flat_map(move |from| (0..count).map(move |to| (from, to)))
            .filter(|&(from, to)| from != to || self.is_many[from])
            .filter(|&(from, to)| self.actors[from].is_subject() || self.actors[to].is_subject())
    }
}

/// Returns `namespace/kind/name`, or `namespace/name` of a pod of its own.
fn name(pod: &Actor) -> String {
    match (&pod.workload, pod.name.split_once('/')) {
        (Some(workload), Some((namespace, _))) => format!("{namespace}/{workload}"),
        _ => pod.name.clone(),
    }
}
