//! Which controller an object belongs to: what has none and is meant by a selector is adopted; what
//! is no longer meant, as after `kubectl label pod`, is let go.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, OwnerReference};
use kube::{Resource, ResourceExt};
use serde_json::json;

use super::{
    matching::label_selector_matches,
    owned::{controller_of, has_ended, owner_reference},
    snapshot::{Snapshot, is_ending},
};
use crate::lab::cluster::Action;

pub(super) fn plan(snapshot: &Snapshot) -> Vec<Action> {
    let mut owners: Vec<Claimant> = Vec::new();
    owners.extend(snapshot.replica_sets.iter().map(|set| claimant(set, &set.spec.selector)));
    owners.extend(snapshot.daemon_sets.iter().map(|set| claimant(set, &set.spec.selector)));
    owners.extend(snapshot.stateful_sets.iter().map(|set| {
        let stem = format!("{}-", set.name_any());
        Claimant { stem: Some(stem), ..claimant(set, &set.spec.selector) }
    }));
    let pods = snapshot.pods.iter().filter(|pod| !has_ended(pod));
    let mut actions = settle(pods, &owners);
    let owners: Vec<Claimant> =
        snapshot.deployments.iter().map(|one| claimant(one, &one.spec.selector)).collect();
    actions.extend(settle(snapshot.replica_sets.iter(), &owners));
    actions
}

/// A controller that may own objects.
struct Claimant<'a> {
    namespace: String,
    reference: OwnerReference,
    selector: &'a LabelSelector,
    /// It owns names of this beginning and a number only.
    stem: Option<String>,
    is_ending: bool,
}

fn claimant<'a, K: Resource<DynamicType = ()>>(
    owner: &Arc<K>,
    selector: &'a LabelSelector,
) -> Claimant<'a> {
    Claimant {
        namespace: owner.namespace().unwrap_or_default(),
        reference: owner_reference(owner.as_ref()),
        selector,
        stem: None,
        is_ending: is_ending(owner.as_ref()),
    }
}

impl Claimant<'_> {
    fn means<K: ResourceExt>(&self, object: &K) -> bool {
        label_selector_matches(self.selector, object.labels())
    }

    fn may_adopt<K: ResourceExt>(&self, object: &K) -> bool {
        let is_empty = self.selector.match_labels.as_ref().is_none_or(BTreeMap::is_empty)
            && self.selector.match_expressions.as_ref().is_none_or(Vec::is_empty);
        let name = object.name_any();
        let is_numbered = |stem: &String| {
            name.strip_prefix(stem).is_some_and(|number| number.parse::<u32>().is_ok())
        };
        !self.is_ending
            && !is_empty
            && object.namespace().unwrap_or_default() == self.namespace
            && self.stem.as_ref().is_none_or(is_numbered)
            && self.means(object)
    }
}

fn settle<'a, K: Resource<DynamicType = ()> + 'a>(
    objects: impl Iterator<Item = &'a Arc<K>>,
    claimants: &[Claimant<'_>],
) -> Vec<Action> {
    let by_uid: HashMap<&str, &Claimant> =
        claimants.iter().map(|one| (one.reference.uid.as_str(), one)).collect();
    let settle_one = |object: &Arc<K>| {
        let object = object.as_ref();
        let mut owners = object.owner_references().to_vec();
        if let Some(uid) = controller_of(object) {
            by_uid.get(uid).filter(|owner| !owner.means(object))?;
            owners.retain(|one| one.controller != Some(true));
        } else {
            owners.push(claimants.iter().find(|one| one.may_adopt(object))?.reference.clone());
        }
        // With the version, so that of two controllers one gets it.
        Some(Action::merge(
            object,
            json!({ "metadata": {
                "resourceVersion": object.resource_version(),
                "ownerReferences": owners,
            } }),
        ))
    };
    objects.filter(|object| !is_ending(object.as_ref())).filter_map(settle_one).collect()
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::{
        apps::v1::{ReplicaSet, StatefulSet},
        core::v1::Pod,
    };
    use serde_json::{Value, from_value};

    use super::*;
    use crate::lab::cluster::Write;

    fn pod(name: &str, label: &str, owner: Option<&str>) -> Arc<Pod> {
        let owners = owner.map(|uid| {
            json!([{ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "x", "uid": uid,
                "controller": true }])
        });
        let metadata = json!({ "name": name, "namespace": "n", "labels": { "app": label },
            "ownerReferences": owners });
        Arc::new(from_value(json!({ "metadata": metadata })).unwrap())
    }

    fn set<K: serde::de::DeserializeOwned>(uid: &str, more: Value) -> Arc<K> {
        let mut set = json!({
            "metadata": { "name": uid, "namespace": "n", "uid": uid },
            "spec": { "selector": { "matchLabels": { "app": "a" } }, "template": {},
                "serviceName": "" },
        });
        json_patch::merge(&mut set, &more);
        Arc::new(from_value(set).unwrap())
    }

    /// What becomes of pods: the name and the owners' uids.
    fn moves(snapshot: &Snapshot) -> Vec<(String, Vec<String>)> {
        let show = |action: &Action| {
            let Write::Merge(patch) = &action.write else { panic!("{action:?}") };
            let owners = patch["metadata"]["ownerReferences"].as_array().unwrap();
            let uids = owners.iter().map(|one| one["uid"].as_str().unwrap().to_owned());
            (action.name().to_owned(), uids.collect())
        };
        plan(snapshot).iter().map(show).collect()
    }

    #[test]
    fn orphans_are_adopted_and_strangers_let_go() {
        let mut snapshot = Snapshot {
            replica_sets: vec![set::<ReplicaSet>("web", json!({}))],
            pods: vec![
                pod("orphan", "a", None),
                pod("other", "b", None),
                pod("own", "a", Some("web")),
                pod("relabelled", "b", Some("web")),
                pod("of-somebody-else", "a", Some("else")),
            ],
            ..Snapshot::default()
        };
        let adopted = ("orphan".to_owned(), vec!["web".to_owned()]);
        assert_eq!(moves(&snapshot), [adopted, ("relabelled".to_owned(), vec![])]);
        for more in [
            json!({ "metadata": { "deletionTimestamp": "2026-01-01T00:00:00Z" } }),
            json!({ "metadata": { "namespace": "m" } }),
            json!({ "spec": { "selector": { "matchLabels": null } } }),
        ] {
            snapshot.pods.truncate(1);
            snapshot.replica_sets = vec![set("web", more.clone())];
            assert!(moves(&snapshot).is_empty(), "{more}");
        }
    }

    #[test]
    fn a_stateful_set_adopts_its_own_names_only() {
        let snapshot = Snapshot {
            stateful_sets: vec![set::<StatefulSet>("db", json!({}))],
            pods: vec![pod("db-0", "a", None), pod("db-x", "a", None), pod("a", "a", None)],
            ..Snapshot::default()
        };
        assert_eq!(moves(&snapshot), [("db-0".to_owned(), vec!["db".to_owned()])]);
    }
}
