//! Revisions of StatefulSets and DaemonSets, kept for `kubectl rollout history` and `undo`.

use std::sync::Arc;

use k8s_openapi::{
    api::{apps::v1::ControllerRevision, core::v1::PodTemplateSpec},
    apimachinery::pkg::{apis::meta::v1::ObjectMeta, runtime::RawExtension},
};
use kube::{Resource, ResourceExt};
use serde_json::json;

use super::{
    owned::{controller_of, hash_of, owned_meta},
    snapshot::{Snapshot, is_ending},
};
use crate::lab::cluster::Action;

/// Label that tells the pods of one revision from those of another.
pub(super) const REVISION: &str = "controller-revision-hash";

/// The revisions of one object.
pub(super) struct Revisions {
    /// The name of the current template's.
    pub(super) update: String,
    /// Its hash, which pods carry.
    pub(super) hash: String,
    owned: Vec<Arc<ControllerRevision>>,
}

impl Revisions {
    /// Finds an object's revisions.
    pub(super) fn of<K: Resource<DynamicType = ()>>(
        snapshot: &Snapshot,
        owner: &K,
        template: &PodTemplateSpec,
    ) -> Self {
        let hash = hash_of(template);
        let uid = owner.uid();
        let mine = |one: &&Arc<ControllerRevision>| {
            controller_of(one.as_ref()) == uid.as_deref() && !is_ending(one.as_ref())
        };
        Self {
            update: format!("{}-{hash}", owner.name_any()),
            hash,
            owned: snapshot.revisions.iter().filter(mine).cloned().collect(),
        }
    }

    /// Returns the template of a revision.
    pub(super) fn template(&self, name: &str) -> Option<PodTemplateSpec> {
        let revision = self.owned.iter().find(|one| one.name_any() == name)?;
        serde_json::from_value(revision.data.0["spec"]["template"].clone()).ok()
    }

    /// Records the current template with the next number, and forgets the oldest that nobody uses.
    pub(super) fn keep<K: Resource<DynamicType = ()>>(
        &self,
        owner: &K,
        template: &PodTemplateSpec,
        limit: Option<i32>,
        in_use: &dyn Fn(&str) -> bool,
    ) -> Vec<Action> {
        let latest = self.owned.iter().filter_map(|one| one.revision).max().unwrap_or(0);
        let mut actions = Vec::new();
        match self.owned.iter().find(|one| one.name_any() == self.update) {
            None => actions.push(Action::create(&self.create(owner, template, latest + 1))),
            // Undone: the old template is the newest revision again.
            Some(one) if one.revision < Some(latest) => {
                actions.push(Action::merge(one.as_ref(), json!({ "revision": latest + 1 })));
            }
            Some(_) => {}
        }
        let limit = usize::try_from(limit.unwrap_or(10)).unwrap_or(usize::MAX);
        let mut old: Vec<_> =
            self.owned.iter().filter(|one| one.name_any() != self.update).collect();
        old.sort_by_key(|one| one.revision);
        let surplus = old.len().saturating_sub(limit);
        let unused = old.into_iter().filter(|one| !in_use(&one.name_any()));
        actions.extend(unused.take(surplus).map(|one| Action::delete(one.as_ref())));
        actions
    }

    fn create<K: Resource<DynamicType = ()>>(
        &self,
        owner: &K,
        template: &PodTemplateSpec,
        revision: i64,
    ) -> ControllerRevision {
        let mut labels =
            template.metadata.as_ref().and_then(|meta| meta.labels.clone()).unwrap_or_default();
        labels.insert(REVISION.to_owned(), self.hash.clone());
        let mut annotations = owner.annotations().clone();
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
        // As kubectl sends it back to undo: the whole template, in place of the other one.
        let mut template = serde_json::to_value(template).expect("a template serialises");
        template["$patch"] = "replace".into();
        ControllerRevision {
            metadata: ObjectMeta {
                labels: Some(labels),
                annotations: Some(annotations).filter(|all| !all.is_empty()),
                ..owned_meta(owner, self.update.clone())
            },
            data: RawExtension(json!({ "spec": { "template": template } })),
            revision: Some(revision),
        }
    }
}
