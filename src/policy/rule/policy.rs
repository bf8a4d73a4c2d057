//! Policies and their rules.

use std::{
    fmt,
    hash::{Hash, Hasher},
    ops::Deref,
    sync::Arc,
};

use serde::Serialize;

use super::{peer::Peers, port::Ports, selector::Selector};
use crate::policy::text::Mark;

/// Kinds of policy objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum PolicyKind {
    /// `networking.k8s.io/v1`.
    NetworkPolicy,
    /// `cilium.io/v2`.
    CiliumNetworkPolicy,
    /// `cilium.io/v2`.
    CiliumClusterwideNetworkPolicy,
    /// `policy.networking.k8s.io/v1alpha2`.
    ClusterNetworkPolicy,
    /// `policy.networking.k8s.io/v1alpha1`.
    AdminNetworkPolicy,
    /// `policy.networking.k8s.io/v1alpha1`.
    BaselineAdminNetworkPolicy,
}

impl PolicyKind {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::NetworkPolicy,
        Self::CiliumNetworkPolicy,
        Self::CiliumClusterwideNetworkPolicy,
        Self::ClusterNetworkPolicy,
        Self::AdminNetworkPolicy,
        Self::BaselineAdminNetworkPolicy,
    ];

    /// Returns the name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NetworkPolicy => "NetworkPolicy",
            Self::CiliumNetworkPolicy => "CiliumNetworkPolicy",
            Self::CiliumClusterwideNetworkPolicy => "CiliumClusterwideNetworkPolicy",
            Self::ClusterNetworkPolicy => "ClusterNetworkPolicy",
            Self::AdminNetworkPolicy => "AdminNetworkPolicy",
            Self::BaselineAdminNetworkPolicy => "BaselineAdminNetworkPolicy",
        }
    }

    /// Returns the group of its API.
    pub const fn group(self) -> &'static str {
        match self {
            Self::NetworkPolicy => "networking.k8s.io",
            Self::CiliumNetworkPolicy | Self::CiliumClusterwideNetworkPolicy => "cilium.io",
            _ => "policy.networking.k8s.io",
        }
    }

    /// Returns the version that is read, and the plural.
    pub const fn resource(self) -> (&'static str, &'static str) {
        match self {
            Self::NetworkPolicy => ("v1", "networkpolicies"),
            Self::CiliumNetworkPolicy => ("v2", "ciliumnetworkpolicies"),
            Self::CiliumClusterwideNetworkPolicy => ("v2", "ciliumclusterwidenetworkpolicies"),
            Self::ClusterNetworkPolicy => ("v1alpha2", "clusternetworkpolicies"),
            Self::AdminNetworkPolicy => ("v1alpha1", "adminnetworkpolicies"),
            Self::BaselineAdminNetworkPolicy => ("v1alpha1", "baselineadminnetworkpolicies"),
        }
    }

    /// Tells whether its objects live in namespaces.
    pub const fn is_namespaced(self) -> bool {
        matches!(self, Self::NetworkPolicy | Self::CiliumNetworkPolicy)
    }
}

/// Which policy object.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PolicyRef {
    /// Its kind.
    pub kind: PolicyKind,
    /// Its namespace; `None` for kinds of the cluster.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// The file it was read from; empty if it came from a cluster.
    pub file: Arc<str>,
    /// Where it begins there.
    pub at: Mark,
}

impl fmt::Display for PolicyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind.name(), self.name),
            None => write!(f, "{} {}", self.kind.name(), self.name),
        }
    }
}

/// A policy that can be enforced.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Which one.
    pub reference: Arc<PolicyRef>,
    /// Its rules.
    pub rules: Vec<Rule>,
    /// Whether its denials are only told, not made.
    pub audit: bool,
}

/// Where packets go, seen from the subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// To the subject.
    Ingress,
    /// From the subject.
    Egress,
}

impl Direction {
    /// Returns the name of the field.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }
}

/// Tiers of rules, in the order in which they are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tier {
    /// Of cluster administrators, before everybody else.
    Admin,
    /// Of everybody.
    Normal,
    /// Of cluster administrators, after everybody else.
    Baseline,
}

/// When a rule is asked: by tier, then by priority, lower first, then by number of the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Turn {
    /// The tier.
    pub tier: Tier,
    /// Priority of the policy in its tier.
    pub priority: u32,
    /// Number of the rule, where the order of a policy's rules matters; otherwise 0.
    pub rule: u32,
}

impl Turn {
    /// The turn of all rules of the normal tier.
    pub const NORMAL: Self = Self { tier: Tier::Normal, priority: 0, rule: 0 };
}

/// Whom a rule applies to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// Pods and other endpoints but the host.
    Endpoints(Selector),
    /// Pods only, and only those with an address of their own.
    Pods(Selector),
    /// Hosts, by the labels of their nodes.
    Nodes(Selector),
}

impl Subject {
    /// Returns the selector.
    pub fn selector(&self) -> &Selector {
        match self {
            Self::Endpoints(selector) | Self::Pods(selector) | Self::Nodes(selector) => selector,
        }
    }
}

/// What a rule says about what it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Allowed, after this authentication if the rule says anything about it.
    Allow(Option<Auth>),
    /// Not allowed.
    Deny,
    /// Left to the next tier.
    Pass,
}

/// Authentication of both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Auth {
    /// None, whatever wider rules say.
    Disabled,
    /// Needed.
    Required,
    /// Needed, and it fails: for tests.
    AlwaysFail,
}

/// Where a rule stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RulePlace {
    /// Its policy.
    pub policy: Arc<PolicyRef>,
    /// Its path in the object, such as `spec.ingress[0]`.
    pub path: String,
    /// Its place in the file.
    pub at: Mark,
}

impl fmt::Display for RulePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.policy, self.path)?;
        if !self.policy.file.is_empty() {
            write!(f, " ({}:{})", self.policy.file, self.at.line)?;
        }
        Ok(())
    }
}

/// A rule: subject, direction, peers and ports are ANDed.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Where it stands.
    pub place: RulePlace,
    /// Whom it applies to.
    pub subject: Subject,
    /// Which way.
    pub direction: Direction,
    /// When it is asked.
    pub turn: Turn,
    /// The other side.
    pub peers: Peers,
    /// The ports, of whichever side is connected to.
    pub ports: Ports,
    /// What it says.
    pub action: Action,
    /// Whether what no rule matches is denied in this direction because of it.
    pub isolates: bool,
}

/// A rule that keeps its policy alive.
#[derive(Clone, Debug)]
pub struct RuleRef {
    policy: Arc<Policy>,
    index: usize,
}

impl RuleRef {
    /// Returns all rules of a policy.
    pub fn all(policy: &Arc<Policy>) -> impl Iterator<Item = Self> {
        (0..policy.rules.len()).map(|index| Self { policy: Arc::clone(policy), index })
    }

    /// Returns its policy.
    pub fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// Returns what sorts rules of many policies: in turn, then by policy, then as they are written. Of
    /// rules that say the same the first is named, so this must not depend on what came when.
    pub fn order(&self) -> (Turn, &PolicyRef, usize) {
        (self.turn, &self.policy.reference, self.index)
    }
}

impl Deref for RuleRef {
    type Target = Rule;

    fn deref(&self) -> &Rule {
        &self.policy.rules[self.index]
    }
}

impl PartialEq for RuleRef {
    /// Rules are the same if they are the same object.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.policy, &other.policy) && self.index == other.index
    }
}

impl Eq for RuleRef {}

impl Hash for RuleRef {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (Arc::as_ptr(&self.policy), self.index).hash(state);
    }
}
