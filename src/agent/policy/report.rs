//! What is told of policies: to people, to metrics, to flows.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    Engine, HostHealth,
    sources::Entry,
    state::{Phase, State},
};
use crate::{
    api,
    flows::{PolicyInfo, RuleInfo},
    maps::MapStore,
    model::EndpointId,
    policy::{
        cluster::Actor,
        judge::concerns,
        rule::{Policy, PolicyKind},
    },
};

/// How policies are doing, for status and metrics.
#[derive(Clone, Debug)]
pub(in crate::agent) struct Health {
    /// Different policies in the maps.
    pub(in crate::agent) tables: usize,
    /// Policy objects that cannot be accepted, and why.
    pub(in crate::agent) rejected: Vec<(String, String)>,
    /// How often a policy could not be enforced.
    pub(in crate::agent) failures: u64,
    /// How the host's policies are doing.
    pub(in crate::agent) host: HostHealth,
    /// How often some of these were taken back.
    pub(in crate::agent) taken_back: u64,
}

impl<M: MapStore> Engine<M> {
    /// Counts a decision of a rule, and returns what its number stands for.
    pub(in crate::agent) fn decided(&self, number: u32) -> Option<Arc<RuleInfo>> {
        let mut state = self.state();
        let rule = state.tables.rule(number)?;
        *state.hits.entry(number).or_default() += 1;
        Some(rule)
    }

    /// Returns the policies as this node has them.
    pub(in crate::agent) fn report(&self) -> Vec<api::Policy> {
        let revision = self.revision.lock().expect("no panic while holding the lock").current();
        self.state().list(revision)
    }

    /// Returns how policies are doing.
    pub(in crate::agent) fn health(&self) -> Health {
        let state = self.state();
        Health {
            tables: state.tables.count(),
            rejected: state.sources.rejected(),
            failures: state.failures,
            host: state.host.health(),
            taken_back: state.host.taken_back,
        }
    }
}

impl<M: MapStore> State<M> {
    fn list(&self, revision: u32) -> Vec<api::Policy> {
        let settled = self.phase == Phase::Synced && !self.news.policies;
        let entry = |((kind, key), entry): (&(PolicyKind, String), &Entry)| {
            let (namespace, name) = key.split_once('/').unwrap_or(("", key));
            let taken_back = self.host.refusal_of(&(*kind, key.clone()));
            let reason = match (&entry.rejected, taken_back) {
                (Some(why), _) => Some(why.clone()),
                (None, Some(why)) => Some(format!("taken back from the host: {why}")),
                (None, None) => None,
            };
            let state = match (&reason, settled) {
                (Some(_), _) => api::PolicyState::Rejected,
                (None, true) => api::PolicyState::Enforced,
                (None, false) => api::PolicyState::Pending,
            };
            api::Policy {
                kind: kind.name().to_owned(),
                namespace: namespace.to_owned(),
                name: name.to_owned(),
                generation: entry.generation,
                state,
                reason: reason.unwrap_or_default(),
                revision,
                endpoints: self.selected(entry.policy().map(|policy| &**policy)),
                hits: self.hits_of(kind.name(), namespace, name),
            }
        };
        self.sources.entries().map(entry).collect()
    }

    /// Returns the endpoints that a policy applies to; the host is 0.
    fn selected(&self, policy: Option<&Policy>) -> Vec<u32> {
        let is_meant = |actor: &Actor| policy.is_some_and(|policy| concerns(policy, actor));
        let host = self.host.actor().filter(|host| is_meant(host)).map(|_| EndpointId::HOST.0);
        let members = self.members.values().filter(|member| is_meant(&member.actor));
        host.into_iter().chain(members.map(|member| member.record.id.0)).collect()
    }

    fn hits_of(&self, kind: &str, namespace: &str, name: &str) -> Vec<api::RuleHits> {
        let mut hits: BTreeMap<String, u64> = BTreeMap::new();
        for (number, count) in &self.hits {
            let Some(rule) = self.tables.rule(*number) else { continue };
            let is_own =
                |p: &PolicyInfo| (p.kind, &*p.namespace, &*p.name) == (kind, namespace, name);
            if rule.policies.iter().any(is_own) {
                *hits.entry(rule.path.clone()).or_default() += count;
            }
        }
        hits.into_iter().map(|(rule, count)| api::RuleHits { rule, count }).collect()
    }
}
