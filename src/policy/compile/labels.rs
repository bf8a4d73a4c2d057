//! Who has which label.

use std::collections::{BTreeSet, HashMap};

use super::bits::{Bits, SparseBits};
use crate::{
    model::Labels,
    policy::rule::{LabelKey, LabelSource, Requirement, Selector, Test},
};

/// By the value of a label: the places of those who have it.
type ByValue = HashMap<Box<str>, SparseBits>;

/// Places of a roster by the labels of those who have them: by source, then by name, then by value.
#[derive(Debug, Default)]
pub(super) struct LabelIndex(HashMap<Box<str>, HashMap<Box<str>, ByValue>>);

impl LabelIndex {
    /// Says that somebody at a place has labels.
    pub(super) fn insert(&mut self, labels: &Labels, place: usize) {
        for (source, name, value) in parts(labels) {
            let by_value = self.0.entry(source.into()).or_default().entry(name.into()).or_default();
            by_value.entry(value.into()).or_default().insert(place);
        }
    }

    /// Says that nobody at a place has them any more.
    pub(super) fn remove(&mut self, labels: &Labels, place: usize) {
        for (source, name, value) in parts(labels) {
            let Some(by_name) = self.0.get_mut(source) else { continue };
            let Some(by_value) = by_name.get_mut(name) else { continue };
            if let Some(places) = by_value.get_mut(value) {
                places.remove(place);
                if places.is_empty() {
                    by_value.remove(value);
                }
            }
            if by_value.is_empty() {
                by_name.remove(name);
            }
        }
    }

    /// Returns those of `everybody` whom a selector selects.
    pub(super) fn selected(&self, selector: &Selector, everybody: &Bits) -> Bits {
        let mut selected = everybody.clone();
        for Requirement { key, test } in selector.requirements() {
            match test {
                Test::In(values) => selected.keep(&self.having(key, values)),
                Test::NotIn(values) => selected.take_away(&self.having(key, values)),
                Test::Exists => selected.keep(&self.with_key(key)),
                Test::Absent => selected.take_away(&self.with_key(key)),
            }
        }
        selected
    }

    /// Returns those who have a label of this key.
    pub(super) fn with_key(&self, key: &LabelKey) -> Bits {
        join(self.values(key).flat_map(HashMap::values))
    }

    /// Returns those who have a label of this source.
    pub(super) fn of_source(&self, source: &str) -> Bits {
        let by_value = self.0.get(source).into_iter().flat_map(HashMap::values);
        join(by_value.flat_map(HashMap::values))
    }

    fn having(&self, key: &LabelKey, values: &BTreeSet<String>) -> Bits {
        let pairs = self.values(key).flat_map(|of| values.iter().map(move |value| (of, value)));
        join(pairs.filter_map(|(of, value)| of.get(value.as_str())))
    }

    /// Yields the values that labels of a key have, for each source.
    fn values(&self, key: &LabelKey) -> impl Iterator<Item = &ByValue> {
        let is_meant = |source: &str| match &key.source {
            LabelSource::Any => true,
            LabelSource::Named(own) => **own == *source,
        };
        let by_name = self.0.iter().filter(move |(source, _)| is_meant(source));
        by_name.filter_map(|(_, by_name)| by_name.get(&*key.name))
    }
}

fn join<'a>(sets: impl Iterator<Item = &'a SparseBits>) -> Bits {
    let mut all = Bits::default();
    sets.for_each(|set| all.add_sparse(set));
    all
}

/// Yields source, name and value of labels.
fn parts(labels: &Labels) -> impl Iterator<Item = (&str, &str, &str)> {
    labels.0.iter().filter_map(|(key, value)| {
        let (source, name) = key.split_once(':')?;
        Some((source, name, value.as_str()))
    })
}
