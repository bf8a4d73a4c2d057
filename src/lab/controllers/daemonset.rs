//! DaemonSets: one pod on every node that will have it.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::{
    apps::v1::{DaemonSet, DaemonSetSpec},
    core::v1::{Node, Pod, PodSpec, Toleration},
};
use kube::ResourceExt;
use serde_json::json;

use super::{
    matching::{selects, tolerates_all, tolerates_staying},
    owned::{count, has_ended, is_available, is_ready, pod_of, random_name, share, with_label},
    revision::{REVISION, Revisions},
    snapshot::{PodsByOwner, Snapshot, is_ending},
};
use crate::lab::cluster::Action;

/// Who tells about daemon sets.
const TELLER: &str = "daemonset-controller";

pub(super) fn plan(snapshot: &Snapshot, pods: &PodsByOwner) -> Vec<Action> {
    let sets = snapshot.daemon_sets.iter().filter(|set| !is_ending(set.as_ref()));
    sets.flat_map(|set| {
        let owned = pods.get(&set.uid().unwrap_or_default()).map_or(&[][..], Vec::as_slice);
        let revisions = Revisions::of(snapshot, set.as_ref(), &set.spec.template);
        let mut actions = plan_one(set, &snapshot.nodes, owned, &revisions.hash, snapshot.now);
        let limit = set.spec.revision_history_limit;
        let in_use = |name: &str| {
            let hash = name.rsplit('-').next();
            owned.iter().any(|pod| pod.labels().get(REVISION).map(String::as_str) == hash)
        };
        actions.extend(revisions.keep(set.as_ref(), &set.spec.template, limit, &in_use));
        actions
    })
    .collect()
}

fn node_of(pod: &Pod) -> Option<&str> {
    pod.spec.as_ref()?.node_name.as_deref()
}

fn plan_one(
    set: &DaemonSet,
    nodes: &[Arc<Node>],
    owned: &[Arc<Pod>],
    hash: &str,
    now: Timestamp,
) -> Vec<Action> {
    let spec = &set.spec;
    let pod_spec = with_daemon_tolerations(spec);
    let fits = |node: &&Arc<Node>| selects(&pod_spec, node);
    let hosts: Vec<String> = nodes
        .iter()
        .filter(fits)
        .filter(|node| tolerates_all(&pod_spec, node))
        .map(|node| node.name_any())
        .collect();
    // A taint that keeps new pods out lets those stay that are there.
    let may_stay: Vec<String> = nodes
        .iter()
        .filter(fits)
        .filter(|node| tolerates_staying(&pod_spec, node))
        .map(|node| node.name_any())
        .collect();
    let mut actions = Vec::new();
    for host in &hosts {
        let here = owned.iter().filter(|pod| node_of(pod) == Some(host));
        // One that is ending still holds the node's ports.
        if here.filter(|pod| !has_ended(pod)).count() == 0 {
            let mut pod = pod_of(set, &spec.template, random_name(&set.name_any()));
            pod.metadata.labels = with_label(pod.metadata.labels.take(), REVISION, hash);
            pod.spec = Some(PodSpec { node_name: Some(host.clone()), ..pod_spec.clone() });
            actions.push(Action::create(&pod).told_to(set, TELLER));
        }
    }
    for pod in owned.iter().filter(|pod| !is_ending(pod.as_ref())) {
        let misplaced = node_of(pod).is_none_or(|node| !may_stay.iter().any(|one| one == node));
        if misplaced || has_ended(pod) {
            actions.push(Action::delete(pod.as_ref()).told_to(set, TELLER));
        }
    }
    if actions.is_empty() {
        actions.extend(outdated(set, owned, hash, hosts.len(), now));
    }
    actions.extend(status(set, &hosts, owned, hash, now));
    actions
}

/// Adds what Kubernetes lets the pods of every DaemonSet tolerate.
fn with_daemon_tolerations(spec: &DaemonSetSpec) -> PodSpec {
    let mut pod = spec.template.spec.clone().unwrap_or_default();
    let tolerate = |key: &str, effect: &str| Toleration {
        key: Some(key.into()),
        operator: Some("Exists".into()),
        effect: Some(effect.into()),
        ..Toleration::default()
    };
    let tolerations = pod.tolerations.get_or_insert_default();
    tolerations.push(tolerate("node.kubernetes.io/not-ready", "NoExecute"));
    tolerations.push(tolerate("node.kubernetes.io/unreachable", "NoExecute"));
    for pressure in ["disk-pressure", "memory-pressure", "pid-pressure", "unschedulable"] {
        tolerations.push(tolerate(&format!("node.kubernetes.io/{pressure}"), "NoSchedule"));
    }
    if pod.host_network == Some(true) {
        tolerations.push(tolerate("node.kubernetes.io/network-unavailable", "NoSchedule"));
    }
    pod
}

/// Replaces pods of an older template: those that do not serve, and as many others as may be
/// missed at a time. A surge is not made: two pods of a set on one node would want the same ports.
fn outdated(
    set: &DaemonSet,
    owned: &[Arc<Pod>],
    hash: &str,
    hosts: usize,
    now: Timestamp,
) -> Vec<Action> {
    let strategy = set.spec.update_strategy.clone().unwrap_or_default();
    if strategy.type_.as_deref() == Some("OnDelete") {
        return vec![];
    }
    let hosts = i32::try_from(hosts).unwrap_or(i32::MAX);
    let rolling = strategy.rolling_update.unwrap_or_default();
    let limit = match &rolling.max_unavailable {
        None => 1,
        some => share(some.as_ref(), hosts, f64::ceil).max(1),
    };
    let serves = |pod: &Arc<Pod>| {
        is_available(pod, set.spec.min_ready_seconds, now) && !is_ending(pod.as_ref())
    };
    let old = |pod: &&Arc<Pod>| {
        pod.labels().get(REVISION).is_none_or(|own| own != hash) && !is_ending(pod.as_ref())
    };
    let mut spare = limit - (hosts - count(owned, |pod| serves(pod)));
    let mut old: Vec<_> = owned.iter().filter(old).collect();
    old.sort_by_key(|pod| serves(pod));
    old.retain(|pod| {
        let free = !serves(pod);
        spare -= i32::from(!free);
        free || spare >= 0
    });
    old.into_iter().map(|pod| Action::delete(pod.as_ref()).told_to(set, TELLER)).collect()
}

fn status(
    set: &DaemonSet,
    hosts: &[String],
    owned: &[Arc<Pod>],
    hash: &str,
    now: Timestamp,
) -> Option<Action> {
    let is_host = |pod: &Pod| node_of(pod).is_some_and(|node| hosts.iter().any(|one| one == node));
    let placed: Vec<&Arc<Pod>> = owned.iter().filter(|pod| is_host(pod)).collect();
    let desired = i32::try_from(hosts.len()).unwrap_or(i32::MAX);
    let ready = count(&placed, |pod| is_ready(pod));
    let available = count(&placed, |pod| is_available(pod, set.spec.min_ready_seconds, now));
    let updated = |pod: &&&Arc<Pod>| pod.labels().get(REVISION).is_some_and(|own| own == hash);
    let status = json!({
        "desiredNumberScheduled": desired,
        "currentNumberScheduled": count(&placed, |_| true).min(desired),
        "numberMisscheduled": count(owned, |pod| !is_host(pod)),
        "numberReady": ready,
        "numberAvailable": available,
        "numberUnavailable": (desired - available).max(0),
        "updatedNumberScheduled": count(&placed, updated),
        "observedGeneration": set.metadata.generation,
    });
    let before = serde_json::to_value(&set.status).unwrap_or_default();
    let same = status.as_object()?.iter().all(|(name, is)| {
        // A count of nothing is not written.
        before[name] == *is || before[name].is_null() && *is == 0 && !before.is_null()
    });
    (!same).then(|| Action::status(set, &status))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value};

    use super::*;
    use crate::lab::cluster::Write;

    fn set(spec: Value) -> DaemonSet {
        let mut value = json!({
            "metadata": { "name": "d", "namespace": "x", "uid": "d" },
            "spec": { "selector": {}, "template": { "spec": { "containers": [] } } },
        });
        json_patch::merge(&mut value["spec"], &spec);
        from_value(value).unwrap()
    }

    fn node(name: &str, taints: Value) -> Arc<Node> {
        let value = json!({ "metadata": { "name": name }, "spec": { "taints": taints } });
        Arc::new(from_value(value).unwrap())
    }

    fn pod(node: &str, hash: &str, ready: &str) -> Arc<Pod> {
        let value = json!({
            "metadata": { "name": format!("p-{node}"), "labels": { REVISION: hash } },
            "spec": { "nodeName": node, "containers": [] },
            "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": ready }] },
        });
        Arc::new(from_value(value).unwrap())
    }

    fn deletions(set: &DaemonSet, nodes: &[Arc<Node>], owned: &[Arc<Pod>]) -> Vec<String> {
        let actions = plan_one(set, nodes, owned, "new", Timestamp::now());
        let gone = actions.iter().filter(|one| matches!(one.write, Write::Delete { .. }));
        gone.map(|action| action.name().to_owned()).collect()
    }

    #[test]
    fn a_taint_keeps_pods_out_and_only_no_execute_throws_them_out() {
        let set = set(json!({}));
        let nodes = [
            node("a", json!([{ "key": "k", "effect": "NoSchedule" }])),
            node("b", json!([{ "key": "k", "effect": "NoExecute" }])),
            node("c", json!([])),
        ];
        let owned = [pod("a", "new", "True"), pod("b", "new", "True")];
        assert_eq!(deletions(&set, &nodes, &owned), ["p-b"]);
        let actions = plan_one(&set, &nodes, &owned, "new", Timestamp::now());
        let made = actions.iter().filter(|one| matches!(one.write, Write::Create(_)));
        assert_eq!(made.count(), 1);
    }

    #[test]
    fn old_pods_go_as_far_as_they_may_be_missed() {
        let nodes = ["a", "b", "c", "d"].map(|name| node(name, json!([])));
        let rolling = |most: Value| {
            set(json!({ "updateStrategy": { "rollingUpdate": { "maxUnavailable": most } } }))
        };
        let all = ["a", "b", "c", "d"].map(|name| pod(name, "old", "True"));
        assert_eq!(deletions(&rolling(json!(1)), &nodes, &all).len(), 1);
        assert_eq!(deletions(&rolling(json!("50%")), &nodes, &all).len(), 2);
        // One that does not serve is no loss, but stands for the one that may be missed.
        let mut one_bad = all.clone();
        one_bad[2] = pod("c", "old", "False");
        assert_eq!(deletions(&rolling(json!(1)), &nodes, &one_bad), ["p-c"]);
        let mut one_new = all;
        one_new[2] = pod("c", "new", "False");
        assert!(deletions(&rolling(json!(1)), &nodes, &one_new).is_empty());
    }
}
