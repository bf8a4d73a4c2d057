//! Policies in flows.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::resolve::PolicyInfo;

/// A policy that decided, as `flow.Policy`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// Its namespace; empty for kinds of the cluster.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Labels that say where it comes from; `skep:rule` is the path of the rule in its object.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Its kind.
    pub kind: String,
}

/// Label with the path of the rule.
const RULE: &str = "skep:rule=";

impl Policy {
    pub(super) fn new(policy: &PolicyInfo, path: &str) -> Self {
        let label = |key: &str, value: &str| format!("k8s:io.cilium.k8s.policy.{key}={value}");
        let mut labels = vec![label("derived-from", policy.kind), label("name", &policy.name)];
        if !policy.namespace.is_empty() {
            labels.push(label("namespace", &policy.namespace));
        }
        if !path.is_empty() {
            labels.push(format!("{RULE}{path}"));
        }
        Self {
            name: policy.name.clone(),
            namespace: policy.namespace.clone(),
            labels,
            kind: policy.kind.to_owned(),
        }
    }

    /// Returns the path of the rule that decided, such as `spec.ingress[0]`, if one did.
    pub fn rule(&self) -> Option<&str> {
        self.labels.iter().find_map(|label| label.strip_prefix(RULE))
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slash = if self.namespace.is_empty() { "" } else { "/" };
        write!(f, "{} {}{slash}{}", self.kind, self.namespace, self.name)?;
        self.rule().map_or(Ok(()), |rule| write!(f, " {rule}"))
    }
}
