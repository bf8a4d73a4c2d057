//! Sets of labels with a source, such as `k8s:app=web`.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

/// A label set in canonical order; keys carry their source (`k8s:app`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Labels(pub BTreeMap<String, String>);

impl Labels {
    /// Returns the labels as `source:key=value`, in canonical order.
    pub fn to_strings(&self) -> Vec<String> {
        self.0.iter().map(|(key, value)| format_label(key, value)).collect()
    }

    /// Returns the value of `key`, which includes the source.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }
}

/// Reserved labels have no value and are written without the equals sign.
fn format_label(key: &str, value: &str) -> String {
    if value.is_empty() { key.to_owned() } else { format!("{key}={value}") }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Labels {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(iter: I) -> Self {
        Self(iter.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }
}

impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_strings().join(","))
    }
}
