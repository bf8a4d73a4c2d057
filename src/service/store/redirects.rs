//! Policies that redirect, among services.
//!
//! They are few and the pods of a node are few, so all of them are compiled again whenever anything that they
//! depend on is different; only those that come to something else are entered again.

use std::collections::BTreeMap;

use super::{Record, Services};
use crate::service::{
    ObjectName,
    input::{LocalPod, Redirect},
    output::{Frontend, FrontendKey},
    redirect::{Compiled, compile},
};

/// The policies of the cluster and the pods of this node.
#[derive(Debug, Default)]
pub(super) struct Redirects {
    policies: BTreeMap<ObjectName, Redirect>,
    pods: BTreeMap<ObjectName, LocalPod>,
    /// Something is different since they were compiled.
    stale: bool,
}

impl Redirects {
    /// Something that policies depend on is different.
    pub(super) fn touch(&mut self) {
        self.stale = true;
    }

    pub(super) fn put(&mut self, policy: Redirect) {
        let before = self.policies.insert(policy.name.clone(), policy.clone());
        self.stale |= before != Some(policy);
    }

    pub(super) fn put_pod(&mut self, pod: LocalPod) {
        let before = self.pods.insert(pod.name.clone(), pod.clone());
        self.stale |= before != Some(pod);
    }

    pub(super) fn remove_pod(&mut self, name: &ObjectName) {
        self.stale |= self.pods.remove(name).is_some();
    }
}

impl Services {
    /// Yields the policies that redirect, by name.
    pub fn redirects(&self) -> impl Iterator<Item = &Redirect> {
        self.redirects.policies.values()
    }

    /// Yields the names of pods of this node to which traffic may be redirected.
    pub fn local_pods(&self) -> impl Iterator<Item = &ObjectName> {
        self.redirects.pods.keys()
    }

    /// Returns the name of the policy that has a name among services.
    pub fn redirect_of(&self, record: &ObjectName) -> Option<&ObjectName> {
        Some(&self.compiled(record)?.policy)
    }

    /// Yields the frontends of a service that policies have taken over for now, by key.
    pub fn redirected(
        &self,
        service: &ObjectName,
    ) -> impl Iterator<Item = (&FrontendKey, &Frontend)> {
        let names = self.redirects.policies.keys().map(ObjectName::of_redirect);
        let of_service = names.filter(move |name| {
            self.compiled(name).is_some_and(|one| one.target.as_ref() == Some(service))
        });
        let mut found: Vec<_> =
            of_service.filter_map(|name| self.record(&name)).flat_map(Record::pairs).collect();
        found.sort_unstable_by_key(|(key, _)| **key);
        found.into_iter()
    }

    pub(super) fn remove_redirect(&mut self, policy: &ObjectName) {
        if self.redirects.policies.remove(policy).is_none() {
            return;
        }
        self.redirects.touch();
        let Some(slot) = self.slots.get(&ObjectName::of_redirect(policy)).copied() else { return };
        if let Some(record) = &mut self.records[slot as usize] {
            record.remove_redirect();
            self.touched.push(slot);
            self.ask_again(slot);
        }
    }

    /// Compiles policies again if anything that they depend on is different.
    pub(super) fn redirect(&mut self) {
        if !std::mem::take(&mut self.redirects.stale) {
            return;
        }
        let Redirects { policies, pods, .. } = &self.redirects;
        let service = |name: &ObjectName| Some((*self.slots.get(name)?, self.service(name)?));
        let all = compile(policies.values(), pods.values(), &self.context, &service);
        for compiled in all {
            let slot = self.slot(compiled.service.name.clone());
            if let Some(record) = &mut self.records[slot as usize]
                && record.put_redirect(compiled)
            {
                self.touched.push(slot);
                self.ask_again(slot);
            }
        }
    }

    fn compiled(&self, record: &ObjectName) -> Option<&Compiled> {
        self.record(record)?.redirect.as_deref()
    }
}
