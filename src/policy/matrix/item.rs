//! One cell of a matrix.

use serde::Serialize;

use crate::policy::{
    judge::{Deciding, Decision, Verdict},
    rule::RulePlace,
};

/// What becomes of one kind of packets from one end to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Item<'a> {
    /// Who sends.
    pub from: &'a str,
    /// Who gets.
    pub to: &'a str,
    /// The protocol, in upper case.
    pub protocol: String,
    /// The port, or the ICMP type.
    pub port: u16,
    /// What the sender's policies say.
    pub egress: Verdict,
    /// What the receiver's policies say.
    pub ingress: Verdict,
    /// What both say.
    pub verdict: Verdict,
    /// The sender's deciding rule.
    pub egress_rule: Option<RuleOf>,
    /// The receiver's deciding rule.
    pub ingress_rule: Option<RuleOf>,
}

/// A rule for scripts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleOf {
    /// Kind of its policy.
    pub kind: &'static str,
    /// Namespace of its policy, if it has one.
    pub namespace: Option<String>,
    /// Name of its policy.
    pub name: String,
    /// Path of the rule in the policy.
    pub rule: String,
    /// File of the policy, if it came from one.
    pub file: Option<String>,
    /// Line of the rule in the file.
    pub line: Option<u32>,
}

impl From<&RulePlace> for RuleOf {
    fn from(place: &RulePlace) -> Self {
        let policy = &place.policy;
        let file = (!policy.file.is_empty()).then(|| policy.file.to_string());
        Self {
            kind: policy.kind.name(),
            namespace: policy.namespace.clone(),
            name: policy.name.clone(),
            rule: place.path.clone(),
            line: file.as_ref().map(|_| place.at.line),
            file,
        }
    }
}

impl RuleOf {
    pub(super) fn of(decision: &Decision<'_>) -> Option<Self> {
        match decision.deciding {
            Deciding::Rule(place) => Some(place.into()),
            _ => None,
        }
    }
}

/// Joins the verdicts of both sides: the stricter one counts.
pub(in crate::policy) fn join(egress: Verdict, ingress: Verdict) -> Verdict {
    let strictness = |verdict: &Verdict| match verdict {
        Verdict::None => 0,
        Verdict::Allow => 1,
        Verdict::Auth => 2,
        Verdict::Redirect => 3,
        Verdict::Audit => 4,
        Verdict::Deny => 5,
    };
    if strictness(&egress) >= strictness(&ingress) { egress } else { ingress }
}
