//! Selectors of labels.

use std::{collections::BTreeSet, fmt};

use super::label::LabelKey;
use crate::model::Labels;

/// What a label must be.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Test {
    /// There, with one of these values.
    In(BTreeSet<String>),
    /// Absent, or with another value than these.
    NotIn(BTreeSet<String>),
    /// There.
    Exists,
    /// Absent.
    Absent,
}

/// One condition of a selector.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Requirement {
    /// Which label.
    pub key: LabelKey,
    /// What it must be.
    pub test: Test,
}

/// Conditions that must all hold; none of them = everything with labels. Equal selectors compare
/// equal, whatever the order in which they were written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Selector(BTreeSet<Requirement>);

impl Selector {
    /// Adds a condition.
    pub fn and(mut self, key: LabelKey, test: Test) -> Self {
        self.0.insert(Requirement { key, test });
        self
    }

    /// Adds the condition that a label has this value.
    pub fn and_is(self, key: LabelKey, value: &str) -> Self {
        self.and(key, Test::In(BTreeSet::from([value.to_owned()])))
    }

    /// Removes the conditions that `unwanted` says yes to.
    pub fn without(mut self, unwanted: impl Fn(&Requirement) -> bool) -> Self {
        self.0.retain(|requirement| !unwanted(requirement));
        self
    }

    /// Yields the conditions.
    pub fn requirements(&self) -> impl Iterator<Item = &Requirement> {
        self.0.iter()
    }

    /// Returns the one namespace that is asked for.
    pub fn namespace(&self) -> Option<&str> {
        self.0
            .iter()
            .find_map(|own| own.value().filter(|_| own.key.means_kubernetes(LabelKey::NAMESPACE)))
    }

    /// Yields the labels that are asked for, with the one value that each must have; not namespace and
    /// cluster.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(|own| {
            let is_tied = [LabelKey::NAMESPACE, LabelKey::CLUSTER]
                .iter()
                .any(|name| own.key.means_kubernetes(name));
            own.value().filter(|_| !is_tied).map(|value| (&*own.key.name, value))
        })
    }

    /// Tells whether any condition's key says yes.
    pub fn has_key(&self, is: impl Fn(&LabelKey) -> bool) -> bool {
        self.0.iter().any(|requirement| is(&requirement.key))
    }

    /// Tells whether a label set meets every condition.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.0.iter().all(|requirement| requirement.matches(labels))
    }
}

impl Requirement {
    /// Returns the one value that the label must have.
    fn value(&self) -> Option<&str> {
        match &self.test {
            Test::In(values) if values.len() == 1 => values.first().map(String::as_str),
            _ => None,
        }
    }

    fn matches(&self, labels: &Labels) -> bool {
        let mut values = self.key.values(labels);
        match &self.test {
            Test::In(wanted) => values.any(|value| wanted.contains(value)),
            Test::NotIn(unwanted) => !values.any(|value| unwanted.contains(value)),
            Test::Exists => values.next().is_some(),
            Test::Absent => values.next().is_none(),
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("{}");
        }
        for (n, Requirement { key, test }) in self.0.iter().enumerate() {
            let comma = if n == 0 { "" } else { "," };
            let list = |values: &BTreeSet<String>| {
                values.iter().map(String::as_str).collect::<Vec<_>>().join(",")
            };
            match test {
                Test::In(values) if values.len() == 1 => {
                    write!(f, "{comma}{key}={}", list(values))?
                }
                Test::In(values) => write!(f, "{comma}{key} in ({})", list(values))?,
                Test::NotIn(values) => write!(f, "{comma}{key} notin ({})", list(values))?,
                Test::Exists => write!(f, "{comma}{key}")?,
                Test::Absent => write!(f, "{comma}!{key}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(key: &str, test: Test) -> Selector {
        Selector::default().and(LabelKey::parse(key), test)
    }

    fn set(values: &[&str]) -> BTreeSet<String> {
        values.iter().map(|&value| value.to_owned()).collect()
    }

    #[test]
    fn operators() {
        let labels: Labels = [("k8s:app", "web"), ("reserved:host", "")].into_iter().collect();
        for (key, test, expected) in [
            ("app", Test::In(set(&["web", "db"])), true),
            ("app", Test::In(set(&["Web"])), false),
            ("k8s:app", Test::Exists, true),
            ("any:app", Test::Exists, true),
            ("node:app", Test::Exists, false),
            ("app", Test::NotIn(set(&["web"])), false),
            ("tier", Test::NotIn(set(&["web"])), true),
            ("tier", Test::Absent, true),
            ("reserved:host", Test::Exists, true),
            ("host", Test::Absent, false),
            ("k8s:host", Test::Absent, true),
        ] {
            let selector = one(key, test);
            assert_eq!(selector.matches(&labels), expected, "{selector}");
        }
        assert!(Selector::default().matches(&labels));
    }

    #[test]
    fn order_does_not_matter() {
        let a = one("a", Test::Exists).and(LabelKey::parse("b"), Test::Absent);
        let b = one("b", Test::Absent).and(LabelKey::parse("a"), Test::Exists);
        assert_eq!(a, b);
        assert_eq!(a.to_string(), "any:a,!any:b");
    }
}
