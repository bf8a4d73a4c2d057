//! Rules by whom they are for, so that a subject asks only those that may concern it.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use crate::policy::{
    cluster::Actor,
    judge::is_subject,
    rule::{Direction, LabelKey, Policy, RuleRef},
};

/// A direction, and the namespace and one more label that subjects must have, if they must.
type Key<'a> = (Direction, Option<&'a str>, Option<(&'a str, &'a str)>);

/// All rules of some policies.
#[derive(Debug, Default)]
pub struct RuleIndex {
    policies: Vec<Arc<Policy>>,
    /// Places of the policies among them, by [`address`].
    places: HashMap<usize, usize>,
    /// Rules by the hash of their key: those of another key with the same one apply to nobody who asks.
    buckets: HashMap<u64, Vec<RuleRef>>,
}

impl RuleIndex {
    /// Sorts the rules of policies.
    pub fn new(policies: &[Arc<Policy>]) -> Self {
        let mut own = Self::default();
        own.update(policies.to_vec());
        own
    }

    /// Sorts the rules of others; those that are the same objects as before cost next to nothing.
    pub fn update(&mut self, policies: Vec<Arc<Policy>>) {
        let places: HashMap<usize, usize> =
            policies.iter().enumerate().map(|(place, policy)| (address(policy), place)).collect();
        // As long as these are held no other policy has their address.
        let before = std::mem::replace(&mut self.policies, policies);
        let known = std::mem::replace(&mut self.places, places);
        for policy in &before {
            if !self.places.contains_key(&address(policy)) {
                self.forget(policy);
            }
        }
        for policy in self.policies.iter().filter(|policy| !known.contains_key(&address(policy))) {
            for rule in RuleRef::all(policy) {
                self.buckets.entry(bucket(&rule)).or_default().push(rule);
            }
        }
    }

    fn forget(&mut self, policy: &Arc<Policy>) {
        for rule in RuleRef::all(policy) {
            let bucket = bucket(&rule);
            if let Some(rules) = self.buckets.get_mut(&bucket) {
                rules.retain(|own| !Arc::ptr_eq(own.policy(), policy));
                if rules.is_empty() {
                    self.buckets.remove(&bucket);
                }
            }
        }
    }

    /// Returns the policies.
    pub fn policies(&self) -> &[Arc<Policy>] {
        &self.policies
    }

    /// Returns the rules that apply to somebody in a direction: in turn, and in one turn in the order
    /// of the policies.
    pub fn of(&self, actor: &Actor, direction: Direction) -> Vec<RuleRef> {
        let own = actor.labels.0.iter();
        let own: Vec<(&str, &str)> =
            own.filter_map(|(key, value)| Some((key.split_once(':')?.1, value.as_str()))).collect();
        let namespaces = own.iter().filter(|(name, _)| *name == LabelKey::NAMESPACE);
        let namespaces = namespaces.map(|(_, value)| Some(*value)).chain([None]);
        let labels = || own.iter().copied().map(Some).chain([None]);
        let keys = namespaces.flat_map(|name| labels().map(move |label| (direction, name, label)));
        let mut found: Vec<((_, usize, usize), &RuleRef)> = keys
            .filter_map(|key| self.buckets.get(&hash(&key)))
            .flatten()
            .filter(|rule| rule.direction == direction && is_subject(&rule.subject, actor))
            .map(|rule| ((rule.turn, self.places[&address(rule.policy())], rule.index()), rule))
            .collect();
        // Two sources may give one label: its rules are found twice.
        found.sort_by_key(|(order, _)| *order);
        found.dedup_by_key(|(order, _)| *order);
        found.into_iter().map(|(_, rule)| rule.clone()).collect()
    }
}

fn address(policy: &Arc<Policy>) -> usize {
    Arc::as_ptr(policy).addr()
}

fn bucket(rule: &RuleRef) -> u64 {
    let selector = rule.subject.selector();
    hash(&(rule.direction, selector.namespace(), selector.labels().next()))
}

fn hash(key: &Key<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}
