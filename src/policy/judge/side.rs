//! Both sides of a connection.

use std::sync::Arc;

use super::{
    decide::{Deciding, Decision, Defaults, Match, Mode, Verdict, decide},
    peers::PeerMatcher,
};
use crate::policy::{
    cluster::{Actor, Role},
    parse::Compat,
    rule::{Direction, Peers, Policy, PortMatch, PortRule, Ports, Protocol, Proxy, Rule, Subject},
};

/// The layer 4 part of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Packet {
    /// The protocol.
    pub protocol: Protocol,
    /// The port, or the ICMP type.
    pub port: u16,
}

/// Everything that judging takes.
#[derive(Clone, Copy, Debug)]
pub struct Judge<'a> {
    /// The policies.
    pub policies: &'a [Arc<Policy>],
    /// How to match peers.
    pub peers: PeerMatcher<'a>,
    /// When endpoints are isolated.
    pub mode: Mode,
    /// Whose reading.
    pub compat: Compat,
}

impl<'a> Judge<'a> {
    /// Returns the rules that apply to a subject in a direction, in turn.
    pub fn rules_of(&self, subject: &Actor, direction: Direction) -> Vec<(&'a Policy, &'a Rule)> {
        let all = self.policies.iter().flat_map(|p| p.rules.iter().map(move |rule| (&**p, rule)));
        let mut own: Vec<_> = all
            .filter(|(_, rule)| rule.direction == direction && is_subject(&rule.subject, subject))
            .collect();
        own.sort_by_key(|(_, rule)| rule.turn);
        own
    }

    /// Judges a packet on the side of one end.
    pub fn judge(&self, side: &Side<'_, 'a>, packet: Packet) -> Decision<'a> {
        let Side { subject, peer, direction, about, .. } = *side;
        if !subject.is_subject() {
            return Decision::of(Verdict::None, Deciding::Nothing);
        }
        if self.mode == Mode::Never {
            return Decision::of(Verdict::Allow, Deciding::Nothing);
        }
        // Ports are the destination's, and so are their names.
        let destination = match direction {
            Direction::Ingress => subject,
            Direction::Egress => peer,
        };
        let match_of = |&(policy, rule): &(&'a Policy, &'a Rule)| {
            let (proxy, closeness) = ports_match(&rule.ports, destination, packet)?;
            let names_peers = !matches!(rule.peers, Peers::Any);
            Some(Match { policy, rule, proxy, closeness, names_peers })
        };
        let matches: Vec<Match<'a>> = about.iter().filter_map(match_of).collect();
        decide(&matches, &self.defaults(side))
    }

    /// Judges a packet on the side of one end, by all rules that apply to it.
    pub fn ask(
        &self,
        subject: &Actor,
        peer: &Actor,
        direction: Direction,
        packet: Packet,
    ) -> Decision<'a> {
        let rules = self.rules_of(subject, direction);
        let is_about = |(_, rule): &(&'a Policy, &'a Rule)| self.peers.matches(rule, peer);
        let about: Vec<_> = rules.iter().copied().filter(is_about).collect();
        let side = Side { subject, peer, direction, rules: &rules, about: &about };
        self.judge(&side, packet)
    }

    fn defaults(&self, side: &Side<'_, 'a>) -> Defaults<'a> {
        let mut isolating: Vec<&'a Policy> = Vec::new();
        for (policy, _) in side.rules.iter().filter(|(_, rule)| rule.isolates) {
            if isolating.last().is_none_or(|last| !std::ptr::eq(*last, *policy)) {
                isolating.push(policy);
            }
        }
        let is_host = side.subject.role == Role::Host;
        Defaults {
            compat: self.compat,
            isolating,
            always: self.mode == Mode::Always || side.subject.role == Role::Init,
            localhost: side.direction == Direction::Ingress
                && side.peer.is_host()
                && !is_host
                && !side.rules.is_empty(),
        }
    }
}

/// One side of a connection: whom it is about, whom it meets, and which rules speak of them.
#[derive(Clone, Copy, Debug)]
pub struct Side<'s, 'r> {
    /// The end whose side it is.
    pub subject: &'s Actor,
    /// The other end.
    pub peer: &'s Actor,
    /// Which way the packets go.
    pub direction: Direction,
    /// The rules of the subject in this direction, in turn.
    pub rules: &'s [(&'r Policy, &'r Rule)],
    /// Those of them that are about the peer.
    pub about: &'s [(&'r Policy, &'r Rule)],
}

/// Tells whether a rule applies to somebody.
pub fn is_subject(subject: &Subject, actor: &Actor) -> bool {
    match subject {
        Subject::Pods(selector) => actor.role == Role::Pod && selector.matches(&actor.labels),
        Subject::Endpoints(selector) => {
            matches!(actor.role, Role::Pod | Role::Endpoint | Role::Init)
                && selector.matches(&actor.labels)
        }
        Subject::Nodes(selector) => actor.role == Role::Host && selector.matches(&actor.labels),
    }
}

/// Tells whether any rule of a policy applies to somebody.
pub fn concerns(policy: &Policy, actor: &Actor) -> bool {
    policy.rules.iter().any(|rule| is_subject(&rule.subject, actor))
}

/// Tells whether ports of a rule include a packet to a destination.
pub fn ports_include(ports: &Ports, destination: &Actor, packet: Packet) -> bool {
    ports_match(ports, destination, packet).is_some()
}

/// Returns what matches most closely, a proxy before none; `None` if nothing does.
fn ports_match<'r>(
    ports: &'r Ports,
    destination: &Actor,
    packet: Packet,
) -> Option<(Option<&'r Proxy>, u8)> {
    let Ports::Of(rules) = ports else { return Some((None, 0)) };
    let matching = rules.iter().filter(|rule| {
        rule.protocol == packet.protocol
            && destination.has_port(&rule.ports, packet.protocol, packet.port)
    });
    let best = matching.max_by_key(|rule| (proxy_rank(rule), closeness(&rule.ports)))?;
    Some((best.proxy.as_ref(), closeness(&best.ports)))
}

fn proxy_rank(rule: &PortRule) -> u8 {
    rule.proxy.as_ref().map_or(0, |proxy| u8::MAX - proxy.priority)
}

fn closeness(ports: &PortMatch) -> u8 {
    match ports {
        PortMatch::Any => 1,
        PortMatch::Named(_) => 17,
        PortMatch::Range(range) => {
            let size = u32::from(range.last.saturating_sub(range.first)) + 1;
            17 - u8::try_from(size.ilog2()).unwrap_or(16)
        }
    }
}
