//! Rules by whom they are for, so that a subject asks only those that may concern it.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

use crate::policy::{
    cluster::Actor,
    judge::is_subject,
    rule::{Direction, LabelKey, Policy, RuleRef},
};

/// A direction, and the namespace and one more label that subjects must have, if they must.
type Key<'a> = (Direction, Option<&'a str>, Option<(&'a str, &'a str)>);

/// All rules of some policies, no two of which have the same name.
#[derive(Debug, Default)]
pub struct RuleIndex {
    hasher: RandomState,
    /// Rules by the hash of their key. Those of other keys may be among them: everyone is asked.
    buckets: HashMap<u64, Vec<RuleRef>>,
}

impl RuleIndex {
    /// Sorts the rules of policies.
    pub fn new(policies: &[Arc<Policy>]) -> Self {
        let mut index = Self::default();
        policies.iter().for_each(|policy| index.insert(policy));
        index
    }

    /// Takes in the rules of a policy.
    pub fn insert(&mut self, policy: &Arc<Policy>) {
        for rule in RuleRef::all(policy) {
            let bucket = self.bucket_of(&rule);
            self.buckets.entry(bucket).or_default().push(rule);
        }
    }

    /// Forgets the rules of a policy.
    pub fn remove(&mut self, policy: &Arc<Policy>) {
        for rule in RuleRef::all(policy) {
            let bucket = self.bucket_of(&rule);
            let Some(rules) = self.buckets.get_mut(&bucket) else { continue };
            rules.retain(|own| *own != rule);
            if rules.is_empty() {
                self.buckets.remove(&bucket);
            }
        }
    }

    /// Returns the rules that apply to somebody in a direction: in turn, and in one turn by the names of
    /// their policies.
    pub fn of(&self, actor: &Actor, direction: Direction) -> Vec<RuleRef> {
        let own = actor.labels.0.iter();
        let own: Vec<(&str, &str)> =
            own.filter_map(|(key, value)| Some((key.split_once(':')?.1, value.as_str()))).collect();
        let namespaces = own.iter().filter(|(name, _)| *name == LabelKey::NAMESPACE);
        let namespaces = namespaces.map(|(_, value)| Some(*value)).chain([None]);
        let labels = || own.iter().copied().map(Some).chain([None]);
        let keys = namespaces.flat_map(|name| labels().map(move |label| (direction, name, label)));
        let mut found: Vec<&RuleRef> = keys
            .filter_map(|key| self.buckets.get(&self.hash(key)))
            .flatten()
            .filter(|rule| rule.direction == direction && is_subject(&rule.subject, actor))
            .collect();
        // Two sources may give one label: its rules are found twice.
        found.sort_by(|a, b| a.order().cmp(&b.order()));
        found.dedup();
        found.into_iter().cloned().collect()
    }

    fn bucket_of(&self, rule: &RuleRef) -> u64 {
        let selector = rule.subject.selector();
        self.hash((rule.direction, selector.namespace(), selector.labels().next()))
    }

    fn hash(&self, key: Key<'_>) -> u64 {
        self.hasher.hash_one(key)
    }
}
