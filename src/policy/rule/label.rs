//! Keys of labels with their source.

use std::fmt;

use crate::model::Labels;

/// Where a label comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LabelSource {
    /// Any source: how keys without one are read.
    Any,
    /// This source, such as `k8s`, `reserved` or `cidrgroup`.
    Named(Box<str>),
}

/// The key of a label in a selector.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LabelKey {
    /// The source.
    pub source: LabelSource,
    /// The key itself.
    pub name: Box<str>,
}

impl LabelKey {
    /// Namespace of a pod.
    pub const NAMESPACE: &'static str = "io.kubernetes.pod.namespace";
    /// Cluster of a pod.
    pub const CLUSTER: &'static str = "io.cilium.k8s.policy.cluster";
    /// Service account of a pod.
    pub const SERVICE_ACCOUNT: &'static str = "io.cilium.k8s.policy.serviceaccount";
    /// What keys of a namespace's labels start with when its pods carry them.
    pub const NAMESPACE_LABELS: &'static str = "io.cilium.k8s.namespace.labels.";
    /// What the label of a `CiliumCIDRGroup` of a name starts with.
    pub const CIDR_GROUP: &'static str = "io.cilium.policy.cidrgroupname/";

    /// Reads `source:key`, or `key` of any source.
    pub fn parse(text: &str) -> Self {
        match text.split_once(':') {
            Some(("any" | "", name)) => Self { source: LabelSource::Any, name: name.into() },
            Some((source, name)) => Self::of(source, name),
            None => Self { source: LabelSource::Any, name: text.into() },
        }
    }

    /// Makes the key `source:name`.
    pub fn of(source: &str, name: &str) -> Self {
        Self { source: LabelSource::Named(source.into()), name: name.into() }
    }

    /// Makes the key `k8s:name`.
    pub fn kubernetes(name: &str) -> Self {
        Self::of("k8s", name)
    }

    /// Tells whether the key is of a source.
    pub fn is_of(&self, source: &str) -> bool {
        matches!(&self.source, LabelSource::Named(own) if **own == *source)
    }

    /// Tells whether a pod's label `k8s:name` is meant, by that source or by any.
    pub fn means_kubernetes(&self, name: &str) -> bool {
        *self.name == *name && (self.source == LabelSource::Any || self.is_of("k8s"))
    }

    /// Yields the values that a label set has under this key.
    pub fn values<'a>(&'a self, labels: &'a Labels) -> impl Iterator<Item = &'a str> {
        labels.0.iter().filter_map(|(key, value)| self.is_key(key).then_some(value.as_str()))
    }
}

impl LabelKey {
    /// Tells whether `source:name` is this key. Most keys differ in their length already.
    fn is_key(&self, key: &str) -> bool {
        let Some(source) = key.strip_suffix(&*self.name).and_then(|rest| rest.strip_suffix(':'))
        else {
            return false;
        };
        match &self.source {
            LabelSource::Any => !source.contains(':'),
            LabelSource::Named(own) => **own == *source,
        }
    }
}

impl fmt::Display for LabelKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            LabelSource::Any => write!(f, "any:{}", self.name),
            LabelSource::Named(source) => write!(f, "{source}:{}", self.name),
        }
    }
}
