//! What policies say of one connection, for people.

use std::{fmt, net::IpAddr};

use ipnet::IpNet;

use super::{
    Engine,
    state::{State, matcher},
};
use crate::{
    api::{PolicyAnswer, PolicyVerdict},
    maps::MapStore,
    model::Identity,
    policy::{
        cluster::Actor,
        judge::{Deciding, Judge, Packet, Verdict},
        rule::Direction,
    },
};

/// One end of a connection, as programs see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::agent) struct End {
    /// Its identity.
    pub(in crate::agent) identity: Identity,
    /// Its address, which only rules about prefixes look at; `None` where the other end sees another one.
    pub(in crate::agent) address: Option<IpAddr>,
}

/// Why a side decides as it does.
struct Reason<'a>(&'a Deciding<'a>);

impl<M: MapStore> Engine<M> {
    /// Judges a connection on both sides, by the policies that count now; `None` if nobody knows one of the
    /// identities. Of the hosts, only this node's own is a side, and only if it is protected.
    pub(in crate::agent) fn answer(
        &self,
        from: End,
        to: End,
        packet: Packet,
    ) -> Option<PolicyAnswer> {
        let state = self.state();
        let (from, to) = (state.actor(from)?, state.actor(to)?);
        let policies = state.sources.policies();
        let compat = state.sources.settings().compat;
        let peers = matcher(&state.sources);
        let judge = Judge { policies: &policies, peers, mode: state.mode, compat };
        let mut answer = PolicyAnswer { verdict: PolicyVerdict::Allowed, reason: String::new() };
        let sides = [(&from, &to, Direction::Egress), (&to, &from, Direction::Ingress)];
        for (subject, peer, direction) in sides {
            if subject.is_host() && state.host.actor().is_none() {
                continue;
            }
            let decision = judge.ask(subject, peer, direction, packet);
            let verdict = verdict(decision.verdict);
            let reason = Reason(&decision.deciding).to_string();
            if reason.is_empty() && verdict == PolicyVerdict::Allowed {
                continue;
            }
            let said = format!("{}: {reason}", direction.name());
            if verdict == PolicyVerdict::Denied {
                return Some(PolicyAnswer { verdict, reason: said });
            }
            let comma = if answer.reason.is_empty() { "" } else { "; " };
            answer.reason.extend([comma, &said]);
            if verdict == PolicyVerdict::Audited {
                answer.verdict = verdict;
            }
        }
        Some(answer)
    }
}

impl<M: MapStore> State<M> {
    fn actor(&self, end: End) -> Option<Actor> {
        let own = self.host.actor().filter(|_| end.identity == Identity::HOST);
        let known = || self.population.roster().get(end.identity).map(|known| &known.actor);
        let mut actor = own.or_else(known)?.clone();
        actor.nets.extend(end.address.map(IpNet::from));
        Some(actor)
    }
}

/// What programs do: nobody sees to layer 7 and authentication yet, so what needs them is dropped.
const fn verdict(verdict: Verdict) -> PolicyVerdict {
    match verdict {
        Verdict::None | Verdict::Allow => PolicyVerdict::Allowed,
        Verdict::Audit => PolicyVerdict::Audited,
        Verdict::Deny | Verdict::Redirect | Verdict::Auth => PolicyVerdict::Denied,
    }
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Deciding::Rule(place) => place.fmt(f),
            Deciding::Isolation(policies) if policies.is_empty() => {
                f.write_str("isolated by the mode")
            }
            Deciding::Isolation(policies) => {
                let names: Vec<String> = policies.iter().map(ToString::to_string).collect();
                write!(f, "isolated by {}", names.join(", "))
            }
            Deciding::Localhost | Deciding::Nothing => Ok(()),
        }
    }
}
