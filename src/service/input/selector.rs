//! Label selectors (meta/v1).

use std::collections::BTreeMap;

/// Which objects are meant, by their labels: all that meet every requirement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// `matchLabels` and `matchExpressions`.
    pub requirements: Vec<Requirement>,
}

/// One requirement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The label's key.
    pub key: String,
    /// What is required of it.
    pub test: Test,
}

/// What is required of a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// It has one of these values.
    In(Vec<String>),
    /// It is absent or has none of these values.
    NotIn(Vec<String>),
    /// It is there.
    Exists,
    /// It is absent.
    Absent,
}

impl Selector {
    /// Tells whether an object with these labels is meant.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.requirements.iter().all(|one| one.test.holds(labels.get(&one.key)))
    }
}

impl Test {
    fn holds(&self, value: Option<&String>) -> bool {
        match self {
            Self::In(values) => value.is_some_and(|value| values.contains(value)),
            Self::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
            Self::Exists => value.is_some(),
            Self::Absent => value.is_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_requirement_counts() {
        let list = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
        let labels: BTreeMap<String, String> =
            [("app".to_owned(), "dns".to_owned()), ("tier".to_owned(), "a".to_owned())].into();
        let table = [
            (vec![], true),
            (vec![("app", Test::In(list(&["dns", "web"])))], true),
            (vec![("app", Test::In(list(&["web"])))], false),
            (vec![("zone", Test::In(list(&["web"])))], false),
            (vec![("app", Test::NotIn(list(&["dns"])))], false),
            (vec![("zone", Test::NotIn(list(&["dns"])))], true),
            (vec![("tier", Test::Exists), ("zone", Test::Absent)], true),
            (vec![("tier", Test::Exists), ("app", Test::Absent)], false),
        ];
        for (requirements, expected) in table {
            let one = |(key, test): (&str, Test)| Requirement { key: key.into(), test };
            let selector = Selector { requirements: requirements.into_iter().map(one).collect() };
            assert_eq!(selector.matches(&labels), expected, "{selector:?}");
        }
    }
}
