//! The scheduler: a node for every pod that has none.

use std::{collections::HashMap, sync::Arc};

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::ResourceExt;

use super::{
    matching::{selects, tolerates_all},
    owned::{controller_of, has_ended, is_active},
    snapshot::Snapshot,
};
use crate::lab::cluster::Action;

/// Binds each pod to the node that has the fewest pods of the same owner, then the fewest pods.
pub(super) fn plan(snapshot: &Snapshot) -> Vec<Action> {
    let mut load = Load::default();
    for pod in snapshot.pods.iter().filter(|pod| !has_ended(pod)) {
        if let Some(node) = node_name(pod) {
            load.add(node, pod);
        }
    }
    let mut actions = Vec::new();
    for pod in snapshot.pods.iter().filter(|pod| is_active(pod) && node_name(pod).is_none()) {
        let Some(node) = choose(pod, &snapshot.nodes, &load) else { continue };
        load.add(&node, pod);
        actions.push(Action::bind(pod, &node));
    }
    actions
}

fn choose(pod: &Pod, nodes: &[Arc<Node>], load: &Load) -> Option<String> {
    let spec = pod.spec.as_ref()?;
    nodes
        .iter()
        .filter(|node| {
            let cordoned = node.spec.as_ref().and_then(|spec| spec.unschedulable) == Some(true);
            !cordoned && selects(spec, node) && tolerates_all(spec, node)
        })
        .map(|node| node.name_any())
        .filter(|node| load.has_room(node, pod))
        .min_by_key(|node| load.key(node, pod))
}

fn node_name(pod: &Pod) -> Option<&str> {
    let name = pod.spec.as_ref()?.node_name.as_deref()?;
    (!name.is_empty()).then_some(name)
}

/// Who is where.
#[derive(Default)]
struct Load {
    pods: HashMap<String, usize>,
    siblings: HashMap<(String, String), usize>,
    /// Host ports in use: hostNetwork pods, and pods that ask for a host port.
    ports: std::collections::HashSet<(String, i32, String)>,
}

impl Load {
    fn add(&mut self, node: &str, pod: &Pod) {
        *self.pods.entry(node.to_owned()).or_default() += 1;
        *self.siblings.entry((node.to_owned(), family(pod))).or_default() += 1;
        for (port, protocol) in host_ports(pod) {
            self.ports.insert((node.to_owned(), port, protocol));
        }
    }

    fn has_room(&self, node: &str, pod: &Pod) -> bool {
        host_ports(pod)
            .into_iter()
            .all(|(port, protocol)| !self.ports.contains(&(node.to_owned(), port, protocol)))
    }

    fn key(&self, node: &str, pod: &Pod) -> (usize, usize) {
        let siblings = self.siblings.get(&(node.to_owned(), family(pod)));
        let pods = self.pods.get(node);
        (siblings.copied().unwrap_or(0), pods.copied().unwrap_or(0))
    }
}

/// Pods of one owner are spread; a pod without owner stands for itself.
fn family(pod: &Pod) -> String {
    controller_of(pod).map_or_else(|| pod.name_any(), str::to_owned)
}

fn host_ports(pod: &Pod) -> Vec<(i32, String)> {
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

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    fn snapshot(pods: serde_json::Value) -> Snapshot {
        let node = |name: &str, taints: serde_json::Value| {
            Arc::new(
                from_value(json!({ "metadata": { "name": name }, "spec": { "taints": taints } }))
                    .unwrap(),
            )
        };
        let tainted = json!([{ "key": "k", "effect": "NoSchedule" }]);
        Snapshot {
            nodes: vec![node("a", json!([])), node("b", json!([])), node("c", tainted)],
            pods: from_value::<Vec<Pod>>(pods).unwrap().into_iter().map(Arc::new).collect(),
            ..Snapshot::default()
        }
    }

    fn pod(name: &str, node: Option<&str>, port: Option<i32>) -> serde_json::Value {
        let ports = port.map(|port| json!([{ "containerPort": port, "hostPort": port }]));
        json!({
            "metadata": { "name": name, "namespace": "x", "ownerReferences": [
                { "apiVersion": "v1", "kind": "R", "name": "r", "uid": "r", "controller": true }] },
            "spec": { "nodeName": node, "containers": [{ "name": "c", "ports": ports }] },
        })
    }

    #[test]
    fn pods_of_one_owner_are_spread_over_untainted_nodes() {
        let pods =
            json!([pod("p1", Some("a"), None), pod("p2", None, None), pod("p3", None, None)]);
        let snapshot = snapshot(pods);
        let bound = plan(&snapshot);
        let [first, second] = [&snapshot.pods[1], &snapshot.pods[2]];
        assert_eq!(bound, [Action::bind(first, "b"), Action::bind(second, "a")]);
    }

    #[test]
    fn a_host_port_is_given_once_per_node() {
        let ported = |name, node| pod(name, node, Some(80));
        let snapshot =
            snapshot(json!([ported("p1", Some("a")), ported("p2", None), ported("p3", None)]));
        assert_eq!(plan(&snapshot), [Action::bind(&snapshot.pods[1], "b")]);
    }
}
