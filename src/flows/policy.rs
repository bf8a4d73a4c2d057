//! Policies in flows.

use std::fmt;

use super::resolve::PolicyInfo;
use crate::hubble::flow::Policy;

/// Label with the path of the rule.
const RULE: &str = "skep:rule=";

impl Policy {
    /// Says which policy; `skep:rule` among its labels is the path of the rule in its object.
    pub(in crate::flows) fn of(policy: &PolicyInfo, path: &str) -> Self {
        let mut labels = Self::labels_of(policy.kind, &policy.namespace, &policy.name);
        if !path.is_empty() {
            labels.push(format!("{RULE}{path}"));
        }
        Self {
            name: policy.name.clone(),
            namespace: policy.namespace.clone(),
            labels,
            kind: policy.kind.to_owned(),
            ..Self::default()
        }
    }

    /// Returns the labels by which Hubble's clients know a policy object.
    pub fn labels_of(kind: &str, namespace: &str, name: &str) -> Vec<String> {
        let label = |key: &str, value: &str| format!("k8s:io.cilium.k8s.policy.{key}={value}");
        let mut labels = vec![label("derived-from", kind), label("name", name)];
        if !namespace.is_empty() {
            labels.push(label("namespace", namespace));
        }
        labels
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
