//! StatefulSets: pods with numbers, made in order.

use std::{ops::Range, sync::Arc};

use jiff::Timestamp;
use k8s_openapi::api::{
    apps::v1::{StatefulSet, StatefulSetSpec},
    core::v1::{PersistentVolumeClaim, PersistentVolumeClaimVolumeSource, Pod, Volume},
};
use kube::ResourceExt;
use serde_json::json;

use super::{
    owned::{count, has_ended, is_available, is_ready, pod_of, with_label},
    revision::{REVISION, Revisions},
    snapshot::{PodsByOwner, Snapshot, is_ending},
};
use crate::lab::cluster::Action;

/// Who tells about stateful sets.
const TELLER: &str = "statefulset-controller";

pub(super) fn plan(snapshot: &Snapshot, pods: &PodsByOwner) -> Vec<Action> {
    let sets = snapshot.stateful_sets.iter().filter(|set| !is_ending(set.as_ref()));
    sets.flat_map(|set| {
        let owned = pods.get(&set.uid().unwrap_or_default()).map_or(&[][..], Vec::as_slice);
        let revisions = Revisions::of(snapshot, set.as_ref(), &set.spec.template);
        let view = View { set, owned, revisions, claims: &snapshot.claims, now: snapshot.now };
        view.plan()
    })
    .collect()
}

/// A set and what there is of it.
struct View<'a> {
    set: &'a StatefulSet,
    owned: &'a [Arc<Pod>],
    revisions: Revisions,
    claims: &'a [Arc<PersistentVolumeClaim>],
    now: Timestamp,
}

impl View<'_> {
    fn spec(&self) -> &StatefulSetSpec {
        &self.set.spec
    }

    fn plan(&self) -> Vec<Action> {
        let mut actions = self.fill();
        let is_filled = actions.is_empty();
        let parallel = self.is_parallel();
        if is_filled || parallel {
            actions.extend(self.surplus());
        }
        if is_filled && actions.is_empty() {
            actions.extend(self.outdated());
        }
        let current = self.current();
        let in_use = |name: &str| name == current;
        let template = &self.spec().template;
        let limit = self.spec().revision_history_limit;
        actions.extend(self.revisions.keep(self.set, template, limit, &in_use));
        actions.extend(self.status());
        actions
    }

    fn is_parallel(&self) -> bool {
        self.spec().pod_management_policy.as_deref() == Some("Parallel")
    }

    fn ordinals(&self) -> Range<i32> {
        let first = self.spec().ordinals.as_ref().and_then(|ordinals| ordinals.start).unwrap_or(0);
        first..first + self.spec().replicas.unwrap_or(1).max(0)
    }

    fn name(&self, ordinal: i32) -> String {
        format!("{}-{ordinal}", self.set.name_any())
    }

    fn find(&self, ordinal: i32) -> Option<&Arc<Pod>> {
        let name = self.name(ordinal);
        self.owned.iter().find(|pod| pod.name_any() == name)
    }

    fn is_healthy(&self, pod: &Pod) -> bool {
        is_available(pod, self.spec().min_ready_seconds, self.now) && !is_ending(pod)
    }

    /// Makes what is missing: in order, each when the one before is well, or all at once. Ends
    /// with an action that means "not yet" when one is on its way.
    fn fill(&self) -> Vec<Action> {
        let mut actions = Vec::new();
        for ordinal in self.ordinals() {
            match self.find(ordinal) {
                None => actions.extend(self.create(ordinal)),
                // A set's pod that ended is replaced by one of the same name.
                Some(pod) if has_ended(pod) && !is_ending(pod.as_ref()) => {
                    actions.push(Action::delete(pod.as_ref()).told_to(self.set, TELLER));
                }
                Some(pod) if self.is_healthy(pod) => continue,
                Some(_) => {}
            }
            if !self.is_parallel() {
                break;
            }
        }
        actions
    }

    fn create(&self, ordinal: i32) -> Vec<Action> {
        let name = self.name(ordinal);
        // Below the partition, pods are of the revision from before the rollout.
        let old = ordinal < self.partition();
        let current = self.current();
        let kept = old.then(|| self.revisions.template(&current)).flatten();
        let hash = match &kept {
            Some(_) => current.rsplit('-').next().unwrap_or_default().to_owned(),
            None => self.revisions.hash.clone(),
        };
        let template = kept.unwrap_or_else(|| self.spec().template.clone());
        let mut pod = pod_of(self.set, &template, name.clone());
        let labels = with_label(pod.metadata.labels.take(), REVISION, &hash);
        let labels = with_label(labels, "statefulset.kubernetes.io/pod-name", &name);
        pod.metadata.labels =
            with_label(labels, "apps.kubernetes.io/pod-index", &ordinal.to_string());
        let mut actions = self.claim(&name);
        if let Some(inner) = &mut pod.spec {
            inner.hostname = Some(name.clone());
            inner.subdomain.clone_from(&self.spec().service_name);
            let volumes = inner.volumes.get_or_insert_default();
            for template in self.spec().volume_claim_templates.iter().flatten() {
                let volume = template.name_any();
                let claim_name = format!("{volume}-{name}");
                volumes.retain(|one| one.name != volume);
                volumes.push(Volume {
                    name: volume,
                    persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
                        claim_name,
                        read_only: None,
                    }),
                    ..Volume::default()
                });
            }
        }
        actions.push(Action::create(&pod).told_to(self.set, TELLER));
        actions
    }

    /// Makes the claims that a pod of this name needs.
    fn claim(&self, pod: &str) -> Vec<Action> {
        let namespace = self.set.namespace();
        let templates = self.spec().volume_claim_templates.iter().flatten();
        let wanted = templates.map(|template| {
            let mut claim = template.clone();
            claim.metadata.name = Some(format!("{}-{pod}", template.name_any()));
            claim.metadata.namespace.clone_from(&namespace);
            let selector = self.spec().selector.match_labels.clone().unwrap_or_default();
            claim.metadata.labels.get_or_insert_default().extend(selector);
            claim.status = None;
            claim
        });
        let exists = |claim: &PersistentVolumeClaim| {
            let same = |one: &Arc<PersistentVolumeClaim>| {
                one.namespace() == namespace && one.name_any() == claim.name_any()
            };
            self.claims.iter().any(same)
        };
        wanted.filter(|claim| !exists(claim)).map(|claim| Action::create(&claim)).collect()
    }

    fn ordinal(&self, pod: &Pod) -> Option<i32> {
        pod.name_any().strip_prefix(&format!("{}-", self.set.name_any()))?.parse().ok()
    }

    /// Deletes pods beyond the wanted ones, the highest number first, one at a time when in order.
    fn surplus(&self) -> Vec<Action> {
        let wanted = self.ordinals();
        let numbered = self.owned.iter().filter_map(|pod| Some((self.ordinal(pod)?, pod.as_ref())));
        let mut extra: Vec<(i32, &Pod)> =
            numbered.filter(|(ordinal, _)| !wanted.contains(ordinal)).collect();
        extra.sort_by_key(|(ordinal, _)| std::cmp::Reverse(*ordinal));
        let parallel = self.is_parallel();
        if !parallel && extra.iter().any(|(_, pod)| is_ending(*pod)) {
            return vec![];
        }
        let extra = extra.into_iter().filter(|(_, pod)| !is_ending(*pod));
        let delete = |(_, pod): (i32, &Pod)| Action::delete(pod).told_to(self.set, TELLER);
        extra.take(if parallel { usize::MAX } else { 1 }).map(delete).collect()
    }

    fn partition(&self) -> i32 {
        let strategy = self.spec().update_strategy.as_ref();
        let rolling = strategy.and_then(|strategy| strategy.rolling_update.as_ref());
        self.ordinals().start + rolling.and_then(|rolling| rolling.partition).unwrap_or(0)
    }

    /// Replaces one pod of an older template, the highest number first, when those above are well.
    fn outdated(&self) -> Option<Action> {
        let strategy = self.spec().update_strategy.as_ref();
        if strategy.and_then(|one| one.type_.as_deref()) == Some("OnDelete") {
            return None;
        }
        for ordinal in self.ordinals().rev() {
            let pod = self.find(ordinal)?;
            if ordinal >= self.partition() && !self.is_updated(pod) {
                let delete = || Action::delete(pod.as_ref()).told_to(self.set, TELLER);
                return (!is_ending(pod.as_ref())).then(delete);
            }
            if !self.is_healthy(pod) {
                return None;
            }
        }
        None
    }

    fn is_updated(&self, pod: &Pod) -> bool {
        pod.labels().get(REVISION) == Some(&self.revisions.hash)
    }

    /// Returns the name of the revision from before the rollout, or of the only one.
    fn current(&self) -> String {
        let status = self.set.status.as_ref();
        let before = status.and_then(|status| status.current_revision.clone());
        let before = before.unwrap_or_else(|| self.revisions.update.clone());
        if self.is_rolled_out() { self.revisions.update.clone() } else { before }
    }

    fn is_rolled_out(&self) -> bool {
        self.owned.len() == self.ordinals().len()
            && self.owned.iter().all(|pod| self.is_updated(pod) && is_ready(pod))
    }

    fn status(&self) -> Option<Action> {
        let current = self.current();
        let hash = current.rsplit('-').next().unwrap_or_default();
        let of = |hash: &str| {
            count(self.owned, |pod| {
                !is_ending(pod.as_ref())
                    && pod.labels().get(REVISION).is_some_and(|own| own == hash)
            })
        };
        let status = json!({
            "replicas": count(self.owned, |_| true),
            "readyReplicas": count(self.owned, |pod| is_ready(pod)),
            "availableReplicas": count(self.owned, |pod| self.is_healthy(pod)),
            "currentReplicas": of(hash),
            "updatedReplicas": of(&self.revisions.hash),
            "currentRevision": current,
            "updateRevision": self.revisions.update,
            "observedGeneration": self.set.metadata.generation,
        });
        let before = serde_json::to_value(&self.set.status).unwrap_or_default();
        let same = status.as_object()?.iter().all(|(name, is)| {
            // A count of nothing is not written.
            before[name] == *is || before[name].is_null() && *is == 0
        });
        (!same).then(|| Action::status(self.set, &status))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value};

    use super::*;
    use crate::lab::cluster::Write;

    fn set(spec: Value) -> StatefulSet {
        let mut value = json!({
            "metadata": { "name": "db", "namespace": "x", "uid": "s", "generation": 1 },
            "spec": { "replicas": 3, "selector": {}, "serviceName": "db",
                "template": { "spec": { "containers": [{ "name": "c", "image": "two" }] } } },
            "status": { "replicas": 0, "currentRevision": "db-old" },
        });
        json_patch::merge(&mut value["spec"], &spec);
        from_value(value).unwrap()
    }

    fn pod(set: &StatefulSet, ordinal: i32, is_new: bool, ready: bool) -> Arc<Pod> {
        let hash = Revisions::of(&Snapshot::default(), set, &set.spec.template).hash;
        let hash = if is_new { hash } else { "old".to_owned() };
        Arc::new(
            from_value(json!({
                "metadata": { "name": format!("db-{ordinal}"), "labels": { REVISION: hash } },
                "status": { "phase": "Running",
                    "conditions": [{ "type": "Ready", "status": if ready { "True" } else { "False" } }] },
            }))
            .unwrap(),
        )
    }

    /// Returns what happens to pods, such as `+db-0` and `-db-2`.
    fn moves(set: &StatefulSet, owned: &[Arc<Pod>]) -> Vec<String> {
        let revisions = Revisions::of(&Snapshot::default(), set, &set.spec.template);
        let view = View { set, owned, revisions, claims: &[], now: Timestamp::now() };
        let name = |action: Action| match (action.kind(), &action.write) {
            ("Pod", Write::Create(_)) => Some(format!("+{}", action.name())),
            ("Pod", Write::Delete { .. }) => Some(format!("-{}", action.name())),
            ("PersistentVolumeClaim", Write::Create(_)) => Some(format!("claim {}", action.name())),
            _ => None,
        };
        view.plan().into_iter().filter_map(name).collect()
    }

    #[test]
    fn pods_come_in_order_or_all_at_once() {
        let ordered = set(json!({}));
        assert_eq!(moves(&ordered, &[]), ["+db-0"]);
        assert!(moves(&ordered, &[pod(&ordered, 0, true, false)]).is_empty());
        assert_eq!(moves(&ordered, &[pod(&ordered, 0, true, true)]), ["+db-1"]);
        let parallel = set(json!({ "podManagementPolicy": "Parallel" }));
        assert_eq!(moves(&parallel, &[pod(&parallel, 1, true, false)]), ["+db-0", "+db-2"]);
    }

    #[test]
    fn pods_go_from_the_top() {
        let small = set(json!({ "replicas": 1 }));
        let all: Vec<_> = (0..3).map(|n| pod(&small, n, true, true)).collect();
        assert_eq!(moves(&small, &all), ["-db-2"]);
        let first = pod(&small, 0, true, false);
        assert!(!moves(&small, &[first, pod(&small, 1, true, true)]).contains(&"+db-0".to_owned()));
    }

    #[test]
    fn updates_go_from_the_top_down_to_the_partition() {
        let set = |partition: i32| {
            set(json!({ "updateStrategy": { "rollingUpdate": { "partition": partition } } }))
        };
        for (partition, new, expected) in [
            (0, [false, false, false], &["-db-2"][..]),
            (0, [false, false, true], &["-db-1"]),
            (2, [false, false, true], &[]),
            (2, [false, false, false], &["-db-2"]),
        ] {
            let set = set(partition);
            let owned: Vec<_> =
                (0_i32..).zip(new).map(|(n, is_new)| pod(&set, n, is_new, true)).collect();
            assert_eq!(moves(&set, &owned), expected, "{partition} {new:?}");
        }
        let set = set(0);
        let waiting =
            [pod(&set, 0, false, true), pod(&set, 1, false, true), pod(&set, 2, true, false)];
        assert!(moves(&set, &waiting).is_empty());
    }

    #[test]
    fn claims_come_with_their_pods() {
        let set = set(
            json!({ "volumeClaimTemplates": [{ "metadata": { "name": "data" }, "spec": {} }] }),
        );
        assert_eq!(moves(&set, &[]), ["claim data-db-0", "+db-0"]);
    }
}
