//! Replacing the pods of an older template.

use std::{collections::HashMap, sync::Arc};

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

use super::{TELLER, View, create, node_of};
use crate::lab::{
    cluster::Action,
    controllers::{
        owned::{count, is_available, share},
        revision::REVISION,
        snapshot::is_ending,
    },
};

pub(super) fn plan(view: &View<'_>) -> Vec<Action> {
    let strategy = view.set.spec.update_strategy.clone().unwrap_or_default();
    if strategy.type_.as_deref() == Some("OnDelete") {
        return vec![];
    }
    let rolling = strategy.rolling_update.unwrap_or_default();
    let hosts = i32::try_from(view.hosts.len()).unwrap_or(i32::MAX);
    let surge = rolling.max_surge.as_ref();
    let surge = surge.map_or(0, |some| share(Some(some), hosts, f64::ceil));
    if surge > 0 {
        return view.surge(surge);
    }
    let limit = match &rolling.max_unavailable {
        None => 1,
        some => share(some.as_ref(), hosts, f64::ceil).max(1),
    };
    view.replace(limit, hosts)
}

impl View<'_> {
    fn serves(&self, pod: &Pod) -> bool {
        is_available(pod, self.set.spec.min_ready_seconds, self.now) && !is_ending(pod)
    }

    fn is_old(&self, pod: &Pod) -> bool {
        pod.labels().get(REVISION).is_none_or(|own| own != self.hash)
    }

    /// Deletes old pods: those that do not serve, and as many others as may be missed at a time.
    fn replace(&self, limit: i32, hosts: i32) -> Vec<Action> {
        let mut spare = limit - (hosts - count(self.owned, |pod| self.serves(pod)));
        let mut old: Vec<&Arc<Pod>> =
            self.owned.iter().filter(|pod| self.is_old(pod) && !is_ending(pod.as_ref())).collect();
        old.sort_by_key(|pod| self.serves(pod));
        old.retain(|pod| {
            let free = !self.serves(pod);
            spare -= i32::from(!free);
            free || spare >= 0
        });
        old.into_iter().map(|pod| self.delete(pod)).collect()
    }

    /// Makes new pods beside old ones, as many at a time as `most`, and deletes those old ones
    /// whose successors serve. Where the old one does not serve, its successor is not counted.
    fn surge(&self, most: i32) -> Vec<Action> {
        let mut by_node: HashMap<&str, Vec<&Arc<Pod>>> = HashMap::new();
        for pod in self.owned.iter().filter(|pod| !is_ending(pod.as_ref())) {
            by_node.entry(node_of(pod).unwrap_or_default()).or_default().push(pod);
        }
        let (mut actions, mut waiting, mut under_way) = (Vec::new(), Vec::new(), 0);
        for host in self.hosts {
            let here = by_node.get(host.as_str()).map_or(&[][..], Vec::as_slice);
            let (old, new): (Vec<&Arc<Pod>>, Vec<&Arc<Pod>>) =
                here.iter().partition(|pod| self.is_old(pod));
            let Some(first) = old.first() else { continue };
            if new.iter().any(|pod| self.serves(pod)) {
                actions.extend(old.iter().map(|pod| self.delete(pod)));
            } else if !new.is_empty() {
                under_way += 1;
            } else if self.serves(first) {
                waiting.push(host);
            } else {
                actions.push(create(self.set, self.pod_spec, host, self.hash));
            }
        }
        let room = usize::try_from(most - under_way).unwrap_or(0);
        let next = waiting.into_iter().take(room);
        actions.extend(next.map(|host| create(self.set, self.pod_spec, host, self.hash)));
        actions
    }

    fn delete(&self, pod: &Pod) -> Action {
        Action::delete(pod).told_to(self.set, TELLER)
    }
}
