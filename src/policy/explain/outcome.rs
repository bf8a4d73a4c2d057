//! Why a rule decided, or did not.

use crate::policy::{
    judge::{Deciding, Decision},
    rule::{Action, Policy, Rule},
};

/// What came of a rule; the closer to deciding, the smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It decided.
    Decides,
    /// It matched, and says the same as the one that decided.
    Agrees,
    /// It matched, but what denies beats what allows.
    BeatenByDenial,
    /// It matched, but what sends to the proxy beats what only allows.
    BeatenByProxy,
    /// It matched, but a closer rule asks for authentication.
    BeatenByAuthentication,
    /// It matched, but is asked after the rule that decided.
    TooLate,
    /// It matched, but is asked after isolation, which is final.
    AfterIsolation,
    /// It matched, and left the packet to the next tier.
    PassedOn,
    /// It is about the peer, but not about such packets.
    OtherPorts,
    /// It is not about the peer.
    OtherPeers,
}

impl Outcome {
    /// Returns a word for scripts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Decides => "decides",
            Self::Agrees => "agrees",
            Self::BeatenByDenial => "beaten-by-denial",
            Self::BeatenByProxy => "beaten-by-proxy",
            Self::BeatenByAuthentication => "beaten-by-authentication",
            Self::TooLate => "too-late",
            Self::AfterIsolation => "after-isolation",
            Self::PassedOn => "passed-on",
            Self::OtherPorts => "other-ports",
            Self::OtherPeers => "other-peers",
        }
    }
}

/// Says what came of a rule that matches the packet.
pub(super) fn outcome(rule: &Rule, decision: &Decision<'_>, all: &[(&Policy, &Rule)]) -> Outcome {
    let Deciding::Rule(place) = decision.deciding else {
        return if rule.action == Action::Pass {
            Outcome::PassedOn
        } else {
            Outcome::AfterIsolation
        };
    };
    if rule.place == *place {
        return Outcome::Decides;
    }
    let Some((_, winner)) = all.iter().find(|(_, other)| other.place == *place) else {
        return Outcome::TooLate;
    };
    if rule.turn > winner.turn {
        return Outcome::TooLate;
    }
    if rule.turn < winner.turn || rule.action == Action::Pass {
        return Outcome::PassedOn;
    }
    match (winner.action, rule.action) {
        (Action::Deny, Action::Deny) => Outcome::Agrees,
        (Action::Deny, _) => Outcome::BeatenByDenial,
        _ if decision.verdict == crate::policy::judge::Verdict::Redirect => Outcome::BeatenByProxy,
        _ if decision.verdict == crate::policy::judge::Verdict::Auth => {
            Outcome::BeatenByAuthentication
        }
        _ => Outcome::Agrees,
    }
}
