//! From the atoms that say yes to a verdict.

use std::sync::Arc;

use super::atom::Atom;
use crate::policy::{
    parse::Compat,
    rule::{Action, Auth, Peers, Policy, RuleRef, Tier},
};

/// What a cell says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CellVerdict {
    /// Passes.
    Allow,
    /// Dropped.
    Deny,
    /// Goes to the proxy.
    Redirect,
    /// Passes once both ends have authenticated.
    Auth,
    /// Would be dropped, but is only told.
    Audit,
    /// Dropped: a rule would let a name through, and nobody knows the peer's names.
    Unlearned,
}

/// Where a verdict comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A rule.
    Rule(RuleRef),
    /// No rule, but the policies that isolate the subject in this direction, if any does.
    Default,
}

/// One verdict of a table.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cell {
    /// What it says.
    pub verdict: CellVerdict,
    /// Why.
    pub origin: Origin,
}

/// How sure it is that an atom means the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meant {
    /// It does.
    Surely,
    /// Nobody knows who the peer is.
    Perhaps,
    /// It speaks of names, and the peer's are not known.
    ByName,
}

/// An atom that says yes, and what its ports ask for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Yes<'a> {
    pub(super) atom: &'a Atom,
    /// Priority of the proxy, if one must see to it.
    pub(super) proxy: Option<u8>,
    /// How closely its ports match; 0 = all protocols.
    pub(super) closeness: u8,
    pub(super) meant: Meant,
}

/// What counts when no rule decides.
#[derive(Clone, Debug)]
pub(super) struct Ground {
    pub(super) compat: Compat,
    pub(super) isolating: Vec<Arc<Policy>>,
    pub(super) always: bool,
}

impl Ground {
    fn by_default(&self, is_localhost: bool, names_allow: bool) -> Cell {
        let is_open = is_localhost || (self.isolating.is_empty() && !self.always);
        let audits = !self.always && self.isolating.iter().all(|policy| policy.audit);
        let verdict = match (is_open, audits) {
            (true, _) => CellVerdict::Allow,
            (false, true) => CellVerdict::Audit,
            (false, false) if names_allow => CellVerdict::Unlearned,
            (false, false) => CellVerdict::Deny,
        };
        Cell { verdict, origin: Origin::Default }
    }

    /// Decides: `yes` is sorted by rank. The first atom that says anything does, but for those of a tier
    /// that was passed.
    pub(super) fn decide(&self, yes: &[Yes<'_>], is_localhost: bool) -> Cell {
        let isolation_is_final = self.compat == Compat::Kubernetes && !self.isolating.is_empty();
        let mut passed: Option<Tier> = None;
        let mut names_allow = false;
        let mut rest = yes;
        while let Some((first, others)) = rest.split_first() {
            let (tier, turn) = (first.atom.rule.turn.tier, first.atom.rule.turn);
            if tier == Tier::Baseline && isolation_is_final {
                break;
            }
            rest = others;
            if passed == Some(tier) {
                continue;
            }
            match (&first.atom.rule.action, first.meant) {
                // What might deny or pass on must not be overlooked.
                (Action::Deny, _) | (Action::Pass, Meant::Perhaps | Meant::ByName) => {
                    return denied(first);
                }
                (Action::Pass, Meant::Surely) => passed = Some(tier),
                (Action::Allow(_), Meant::Perhaps) => {}
                (Action::Allow(_), Meant::ByName) => names_allow = true,
                (Action::Allow(_), Meant::Surely) => {
                    let same = others.iter().take_while(|y| y.atom.rule.turn == turn);
                    let same = same.filter(|y| y.meant == Meant::Surely);
                    return allowed(&std::iter::once(first).chain(same).collect::<Vec<_>>());
                }
            }
        }
        self.by_default(is_localhost, names_allow)
    }
}

fn denied(yes: &Yes<'_>) -> Cell {
    let verdict = if yes.atom.rule.policy().audit { CellVerdict::Audit } else { CellVerdict::Deny };
    Cell { verdict, origin: Origin::Rule(yes.atom.rule.clone()) }
}

/// Joins the rules of one turn that allow: a proxy comes first, then what the closest rule says of
/// authentication.
fn allowed(all: &[&Yes<'_>]) -> Cell {
    let of = |verdict, yes: &Yes<'_>| Cell { verdict, origin: Origin::Rule(yes.atom.rule.clone()) };
    if let Some(first) = all.iter().filter(|y| y.proxy.is_some()).min_by_key(|y| y.proxy) {
        return of(CellVerdict::Redirect, first);
    }
    let mut closest = all[0];
    let mut explicit: Option<&Yes<'_>> = None;
    let near = |y: &Yes<'_>| {
        let names_peers = !matches!(y.atom.rule.peers, Peers::Any);
        (y.closeness, names_peers)
    };
    for &yes in all {
        if near(yes) > near(closest) {
            closest = yes;
        }
        let says = matches!(yes.atom.rule.action, Action::Allow(Some(_)));
        if says && explicit.is_none_or(|own| near(yes) >= near(own)) {
            explicit = Some(yes);
        }
    }
    match explicit {
        Some(yes)
            if matches!(
                yes.atom.rule.action,
                Action::Allow(Some(Auth::Required | Auth::AlwaysFail))
            ) =>
        {
            of(CellVerdict::Auth, yes)
        }
        _ => of(CellVerdict::Allow, closest),
    }
}
