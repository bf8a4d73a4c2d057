//! Who owns whom, and who may have to go because an owner went.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::collection::Key;
use super::object::Object;

/// An object whose owners have to be looked at again.
pub(in crate::lab::apiserver) type Doomed = (Arc<str>, Key);

/// The owner references of all objects, by uid.
#[derive(Default)]
pub(super) struct Links {
    alive: HashMap<Box<str>, Doomed>,
    dependents: HashMap<Box<str>, HashSet<Doomed>>,
    /// Deduplicated, so bounded by the number of objects.
    work: HashSet<Doomed>,
}

impl Links {
    /// Takes note of a write (`next` is the new version) or a removal (`next` is `None`).
    pub(super) fn replaced(
        &mut self,
        resource: &Arc<str>,
        previous: Option<&Object>,
        next: Option<&Object>,
    ) {
        if let Some(previous) = previous {
            for owner in &previous.owners {
                if let Some(set) = self.dependents.get_mut(owner) {
                    set.remove(&(Arc::clone(resource), previous.key.clone()));
                    if set.is_empty() {
                        self.dependents.remove(owner);
                    }
                    // An owner in foreground deletion waits for its dependents.
                    self.work.extend(self.alive.get(owner).cloned());
                }
            }
            if next.is_none() {
                self.alive.remove(&previous.uid);
                self.work.extend(self.dependents.get(&previous.uid).into_iter().flatten().cloned());
            }
        }
        let Some(next) = next else { return };
        self.alive.insert(next.uid.clone(), (Arc::clone(resource), next.key.clone()));
        for owner in &next.owners {
            let reference = (Arc::clone(resource), next.key.clone());
            if !self.alive.contains_key(owner) {
                self.work.insert(reference.clone());
            }
            self.dependents.entry(owner.clone()).or_default().insert(reference);
        }
    }

    pub(super) fn has_work(&self) -> bool {
        !self.work.is_empty()
    }

    pub(super) fn add_work(&mut self, object: Doomed) {
        self.work.insert(object);
    }

    pub(super) fn take_work(&mut self) -> Vec<Doomed> {
        self.work.drain().collect()
    }

    pub(super) fn dependents(&self, uid: &str) -> HashSet<Doomed> {
        self.dependents.get(uid).cloned().unwrap_or_default()
    }

    pub(super) fn exists(&self, uid: &str) -> bool {
        self.alive.contains_key(uid)
    }
}
