//! Rules by whom they are for, so that a subject asks only those that may concern it.

use std::{collections::HashMap, sync::Arc};

use crate::policy::{
    cluster::Actor,
    judge::is_subject,
    rule::{Direction, LabelKey, Policy, RuleRef},
};

/// A direction, and the namespace and one more label that subjects must have, if they must.
type Key<'a> = (Direction, Option<&'a str>, Option<(&'a str, &'a str)>);

/// All rules of some policies.
#[derive(Debug)]
pub struct RuleIndex<'a> {
    policies: &'a [Arc<Policy>],
    /// Rules with their place in the order of all.
    buckets: HashMap<Key<'a>, Vec<(usize, RuleRef)>>,
}

impl<'a> RuleIndex<'a> {
    /// Sorts the rules of policies.
    pub fn new(policies: &'a [Arc<Policy>]) -> Self {
        let mut buckets: HashMap<Key<'a>, Vec<(usize, RuleRef)>> = HashMap::new();
        let rules =
            policies.iter().flat_map(|policy| policy.rules.iter().zip(RuleRef::all(policy)));
        for (place, (rule, reference)) in rules.enumerate() {
            let selector = rule.subject.selector();
            let key = (rule.direction, selector.namespace(), selector.labels().next());
            buckets.entry(key).or_default().push((place, reference));
        }
        Self { policies, buckets }
    }

    /// Returns the policies.
    pub fn policies(&self) -> &'a [Arc<Policy>] {
        self.policies
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
        let mut found: Vec<&(usize, RuleRef)> = keys
            .filter_map(|key| self.buckets.get(&key))
            .flatten()
            .filter(|(_, rule)| is_subject(&rule.subject, actor))
            .collect();
        // Two sources may give one label: its rules are found twice.
        found.sort_by_key(|(place, rule)| (rule.turn, *place));
        found.dedup_by_key(|(place, _)| *place);
        found.into_iter().map(|(_, rule)| rule.clone()).collect()
    }
}
