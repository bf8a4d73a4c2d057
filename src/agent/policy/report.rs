//! What is told of policies: to people, to metrics, to flows.

use std::{collections::BTreeMap, sync::Arc};

use prometheus_client::metrics::histogram::Histogram;
use skep_bpf::abi::policy;

use super::{
    Engine, HostHealth, Policies,
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
    /// How many endpoints wait for their policies, and why, if any do.
    pub(in crate::agent) waiting: Option<String>,
    /// How often a policy could not be enforced.
    pub(in crate::agent) failures: u64,
    /// How the host's policies are doing.
    pub(in crate::agent) host: HostHealth,
    /// How often some of these were taken back.
    pub(in crate::agent) taken_back: u64,
}

/// Numbers about policies, for metrics.
#[derive(Debug)]
pub(in crate::agent) struct Figures {
    /// Policy objects by kind.
    pub(in crate::agent) policies: BTreeMap<&'static str, usize>,
    /// Rules of those that count.
    pub(in crate::agent) rules: usize,
    /// What connections are judged by.
    pub(in crate::agent) revision: u32,
    /// Pods by the directions in which they are isolated.
    pub(in crate::agent) endpoints: BTreeMap<&'static str, usize>,
    /// How long changes took.
    pub(in crate::agent) delays: Histogram,
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

    /// Counts policies and whom they isolate.
    pub(in crate::agent) fn figures(&self) -> Figures {
        let revision = self.revision.lock().expect("no panic while holding the lock").current();
        let state = self.state();
        let mut policies = PolicyKind::ALL.map(|kind| (kind.name(), 0)).into();
        let mut rules = 0;
        for ((kind, _), entry) in state.sources.entries() {
            add(&mut policies, kind.name());
            rules += entry.policy().map_or(0, |policy| policy.rules.len());
        }
        let mut endpoints = ["none", "ingress", "egress", "both"].map(|which| (which, 0)).into();
        let held = self.assigned().hold();
        for id in state.members.keys() {
            add(&mut endpoints, enforcement(held.of(*id)));
        }
        Figures { policies, rules, revision, endpoints, delays: state.delays.seconds() }
    }

    /// Returns how policies are doing.
    pub(in crate::agent) fn health(&self) -> Health {
        let state = self.state();
        Health {
            tables: state.tables.count(),
            rejected: state.sources.rejected(),
            waiting: state.waiting(),
            failures: state.failures,
            host: state.host.health(),
            taken_back: state.host.taken_back,
        }
    }
}

fn add(counts: &mut BTreeMap<&'static str, usize>, which: &'static str) {
    *counts.entry(which).or_default() += 1;
}

/// Names the directions in which a pod is isolated; one that has no policy yet is, both ways.
const fn enforcement(policies: Policies) -> &'static str {
    match (policies.ingress == policy::OPEN, policies.egress == policy::OPEN) {
        (true, true) => "none",
        (false, true) => "ingress",
        (true, false) => "egress",
        (false, false) => "both",
    }
}

impl<M: MapStore> State<M> {
    /// Says how many endpoints have not got the policies that their rules make, and why.
    fn waiting(&self) -> Option<String> {
        let reason = self.obstacle.as_ref()?;
        let count = self.members.values().filter(|member| !member.is_settled).count();
        Some(format!("{count} endpoints wait for their new policies: {reason}"))
    }

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
