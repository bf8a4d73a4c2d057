//! Asking both sides, and then every rule.

use super::outcome::{Outcome, outcome};
use crate::policy::{
    cluster::Actor,
    judge::{Decision, Judge, Mode, Packet, Side, Verdict, ports_include},
    matrix::join,
    rule::{Direction, Policy, PolicyRef, Rule},
};

/// What becomes of a packet, and why.
#[derive(Clone, Debug)]
pub struct Explanation<'a> {
    /// Who sends.
    pub from: &'a Actor,
    /// Who gets.
    pub to: &'a Actor,
    /// What is sent.
    pub packet: Packet,
    /// What both sides come to.
    pub verdict: Verdict,
    /// The sender's side.
    pub egress: SideReport<'a>,
    /// The receiver's side.
    pub ingress: SideReport<'a>,
}

/// What one side says.
#[derive(Clone, Debug)]
pub struct SideReport<'a> {
    /// Which way, seen from the subject.
    pub direction: Direction,
    /// The end whose side it is.
    pub subject: &'a Actor,
    /// The other end.
    pub peer: &'a Actor,
    /// The verdict and its reason.
    pub decision: Decision<'a>,
    /// The policies that isolate the subject in this direction.
    pub isolating: Vec<&'a PolicyRef>,
    /// All rules for the subject in this direction, the closest to deciding first.
    pub candidates: Vec<Candidate<'a>>,
}

/// A rule for a subject, and what came of it.
#[derive(Clone, Debug)]
pub struct Candidate<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// What came of it.
    pub outcome: Outcome,
}

/// Explains what becomes of a packet.
pub fn explain<'a>(
    judge: &Judge<'a>,
    from: &'a Actor,
    to: &'a Actor,
    packet: Packet,
) -> Explanation<'a> {
    let egress = side(judge, from, to, Direction::Egress, packet);
    let ingress = side(judge, to, from, Direction::Ingress, packet);
    let verdict = join(egress.decision.verdict, ingress.decision.verdict);
    Explanation { from, to, packet, verdict, egress, ingress }
}

fn side<'a>(
    judge: &Judge<'a>,
    subject: &'a Actor,
    peer: &'a Actor,
    direction: Direction,
    packet: Packet,
) -> SideReport<'a> {
    let rules = match judge.mode {
        Mode::Never => Vec::new(),
        Mode::Default | Mode::Always => judge.rules_of(subject, direction),
    };
    let is_about = |(_, rule): &(&Policy, &Rule)| judge.peers.matches(rule, peer);
    let about: Vec<(&'a Policy, &'a Rule)> = rules.iter().copied().filter(is_about).collect();
    let side = Side { subject, peer, direction, rules: &rules, about: &about };
    let decision = judge.judge(&side, packet);
    let destination = if direction == Direction::Ingress { subject } else { peer };
    let candidate = |&(_, rule): &(&'a Policy, &'a Rule)| {
        let outcome = if !judge.peers.matches(rule, peer) {
            Outcome::OtherPeers
        } else if !ports_include(&rule.ports, destination, packet) {
            Outcome::OtherPorts
        } else {
            outcome(rule, &decision, &rules)
        };
        Candidate { rule, outcome }
    };
    let mut candidates: Vec<Candidate<'a>> = rules.iter().map(candidate).collect();
    candidates.sort_by_key(|candidate| candidate.outcome);
    let mut isolating: Vec<&'a PolicyRef> = Vec::new();
    for (policy, _) in rules.iter().filter(|(_, rule)| rule.isolates) {
        if !isolating.contains(&&*policy.reference) {
            isolating.push(&policy.reference);
        }
    }
    SideReport { direction, subject, peer, decision, isolating, candidates }
}
