//! From the rules that match a packet to the verdict.

use serde::Serialize;

use crate::policy::{
    parse::Compat,
    rule::{Action, Auth, Policy, PolicyRef, Proxy, Rule, RulePlace, Tier},
};

/// When endpoints are isolated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// If a policy selects them.
    #[default]
    Default,
    /// Always.
    Always,
    /// Never, and no policy counts.
    Never,
}

/// What becomes of a packet on one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// This side has no policy.
    None,
    /// It passes.
    Allow,
    /// It is dropped.
    Deny,
    /// It goes to the proxy.
    Redirect,
    /// It passes once both ends have authenticated.
    Auth,
    /// It would be dropped, but is only told.
    Audit,
}

impl Verdict {
    /// Returns the name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Redirect => "redirect",
            Self::Auth => "auth",
            Self::Audit => "audit",
        }
    }

    /// Tells whether the packet is dropped.
    pub const fn is_denied(self) -> bool {
        matches!(self, Self::Deny)
    }
}

/// What decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deciding<'r> {
    /// A rule.
    Rule(&'r RulePlace),
    /// No rule allowed it, and these policies isolate the endpoint; none if the mode does.
    Isolation(Vec<&'r PolicyRef>),
    /// The endpoint's own node may always reach it.
    Localhost,
    /// Nothing: whatever is not isolated is open.
    Nothing,
}

/// A verdict and its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision<'r> {
    /// The verdict.
    pub verdict: Verdict,
    /// The reason.
    pub deciding: Deciding<'r>,
}

impl<'r> Decision<'r> {
    pub(super) const fn of(verdict: Verdict, deciding: Deciding<'r>) -> Self {
        Self { verdict, deciding }
    }
}

/// A rule that matches a packet, and how closely.
#[derive(Clone, Copy, Debug)]
pub(super) struct Match<'r> {
    pub(super) policy: &'r Policy,
    pub(super) rule: &'r Rule,
    /// What the proxy must do, if it must.
    pub(super) proxy: Option<&'r Proxy>,
    /// How closely the ports match: 0 = all protocols, 1 = all ports, up to 17 = one port.
    pub(super) closeness: u8,
    /// Whether the rule names its peers.
    pub(super) names_peers: bool,
}

/// What else the verdict depends on.
#[derive(Clone, Debug)]
pub(super) struct Defaults<'r> {
    pub(super) compat: Compat,
    /// Policies that isolate the endpoint in this direction.
    pub(super) isolating: Vec<&'r Policy>,
    /// Whether it is isolated even without any.
    pub(super) always: bool,
    /// Whether the peer is the endpoint's own node, which may reach it.
    pub(super) localhost: bool,
}

/// Decides. `matches` are in order of their turns.
pub(super) fn decide<'r>(matches: &[Match<'r>], defaults: &Defaults<'r>) -> Decision<'r> {
    let mut rest = matches;
    for tier in [Tier::Admin, Tier::Normal, Tier::Baseline] {
        let (of_tier, later) = rest.split_at(rest.partition_point(|m| m.rule.turn.tier <= tier));
        rest = later;
        if let Some(decision) = ask(of_tier) {
            return decision;
        }
        // The API text makes a policy's isolation final; in Cilium it comes after the baseline.
        let is_final = tier == Tier::Normal && defaults.compat == Compat::Kubernetes;
        if is_final && !defaults.isolating.is_empty() {
            return by_default(defaults);
        }
    }
    by_default(defaults)
}

/// Asks the rules of a tier, turn by turn. `None` if none of them decides, or one passes on.
fn ask<'r>(of_tier: &[Match<'r>]) -> Option<Decision<'r>> {
    for turn in of_tier.chunk_by(|a, b| a.rule.turn == b.rule.turn) {
        if let Some(denial) = turn.iter().find(|m| m.rule.action == Action::Deny) {
            let verdict = if denial.policy.audit { Verdict::Audit } else { Verdict::Deny };
            return Some(Decision::of(verdict, Deciding::Rule(&denial.rule.place)));
        }
        if turn.iter().any(|m| m.rule.action == Action::Pass) {
            return None;
        }
        let redirected = turn.iter().filter_map(|m| Some((m.proxy?.priority, m)));
        if let Some((_, first)) = redirected.min_by_key(|(priority, _)| *priority) {
            return Some(Decision::of(Verdict::Redirect, Deciding::Rule(&first.rule.place)));
        }
        if let Some(allowed) = allow(turn) {
            return Some(allowed);
        }
    }
    None
}

/// The closest rule that says anything of authentication decides about it.
fn allow<'r>(turn: &[Match<'r>]) -> Option<Decision<'r>> {
    let closeness = |m: &&Match<'r>| (m.closeness, m.names_peers);
    let explicit = turn.iter().filter(|m| matches!(m.rule.action, Action::Allow(Some(_))));
    let explicit = explicit.max_by_key(closeness);
    if let Some(m) = explicit
        && matches!(m.rule.action, Action::Allow(Some(Auth::Required | Auth::AlwaysFail)))
    {
        return Some(Decision::of(Verdict::Auth, Deciding::Rule(&m.rule.place)));
    }
    let closest = turn.iter().rev().max_by_key(closeness)?;
    Some(Decision::of(Verdict::Allow, Deciding::Rule(&closest.rule.place)))
}

fn by_default<'r>(defaults: &Defaults<'r>) -> Decision<'r> {
    let isolating = &defaults.isolating;
    if defaults.localhost {
        return Decision::of(Verdict::Allow, Deciding::Localhost);
    }
    if isolating.is_empty() && !defaults.always {
        return Decision::of(Verdict::Allow, Deciding::Nothing);
    }
    let audited = !isolating.is_empty() && isolating.iter().all(|policy| policy.audit);
    let verdict = if audited && !defaults.always { Verdict::Audit } else { Verdict::Deny };
    let names = isolating.iter().map(|policy| &*policy.reference).collect();
    Decision::of(verdict, Deciding::Isolation(names))
}
