//! What should happen, and whether it did.

use std::{fmt, net::IpAddr};

use super::{
    gate::Gate,
    policy::{Blame, Grant},
    probe::Outcome,
};

/// What should happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// The peer answers.
    Answer,
    /// The peer answers, if its name has an address of the family.
    AnswerIfNamed,
    /// The peer answers, and saw this source address.
    AnswerTo(IpAddr),
    /// These servers answer, all of them and nobody else.
    Servers(Vec<String>),
    /// These servers answer, all of them and nobody else, and saw none of these source addresses.
    ServersBehindNone(Vec<String>, Vec<IpAddr>),
    /// One of these servers answers, and always the same.
    OneServer(Vec<String>),
    /// The name resolves to exactly these addresses.
    Resolves(Vec<IpAddr>),
    /// The name resolves to anything.
    ResolvesSomehow,
    /// There is no such name.
    NoSuchName,
    /// Nobody listens, and the peer says so.
    Refused,
    /// This peer's port is unreachable, and it says so itself.
    PortUnreachable(IpAddr),
    /// The sender's own kernel refuses, as the packet exceeds the route's MTU.
    TooBigForRoute,
    /// A router answers that the packet is too big.
    TooBigOnTheWay,
    /// A router that is not this peer answers that the time to live ended.
    ExpiredBefore(IpAddr),
    /// The pod's probe of this kind succeeds.
    Ready(&'static str),
    /// The peer answers, and these policies let it.
    Allowed(Vec<Grant>),
    /// No answer: a policy drops the packet, for this reason.
    Dropped(Blame),
    /// Agents have nothing to tell.
    Nothing(Gate),
}

/// Whether it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It did.
    Pass,
    /// Something else happened.
    Fail,
    /// It could not be tried, for a reason.
    Skip(&'static str),
}

impl Expectation {
    /// Compares what happened with what should.
    pub fn judge(&self, outcome: &Outcome) -> Verdict {
        let fits = match (self, outcome) {
            (
                Self::Answer | Self::AnswerIfNamed | Self::Allowed(_) | Self::Ready(_),
                Outcome::Answered { .. },
            )
            | (Self::ResolvesSomehow, Outcome::Resolved { .. })
            | (Self::NoSuchName, Outcome::NoSuchName)
            | (Self::Refused, Outcome::Refused { .. })
            | (Self::Dropped(_), Outcome::TimedOut { .. })
            | (Self::Nothing(_), Outcome::Quiet)
            | (Self::TooBigForRoute, Outcome::TooBig { by: None, .. }) => true,
            (Self::AnswerIfNamed, Outcome::NoSuchName) => {
                return Verdict::Skip("the name has no address of this family");
            }
            (Self::AnswerTo(source), Outcome::Answered { seen_as, .. }) => {
                seen_as.is_none_or(|seen| seen == *source)
            }
            (Self::Servers(wanted), Outcome::Answered { servers, .. }) => {
                let mut wanted = wanted.clone();
                wanted.sort_unstable();
                wanted == *servers
            }
            (Self::ServersBehindNone(wanted, hidden), Outcome::Answered { seen_as, .. }) => {
                let servers = Self::Servers(wanted.clone());
                let kept = seen_as.is_some_and(|seen| !hidden.contains(&seen));
                return if kept { servers.judge(outcome) } else { Verdict::Fail };
            }
            (Self::OneServer(some), Outcome::Answered { servers, .. }) => {
                matches!(&servers[..], [one] if some.contains(one))
            }
            (Self::Resolves(wanted), Outcome::Resolved { addresses, .. }) => {
                let mut wanted = wanted.clone();
                wanted.sort_unstable();
                wanted == *addresses
            }
            (Self::PortUnreachable(peer), Outcome::Refused { by }) => *by == Some(*peer),
            (Self::TooBigOnTheWay, Outcome::TooBig { by: Some(_), mtu }) => *mtu >= 576,
            (Self::TooBigOnTheWay, Outcome::TooBig { by: None, .. }) => {
                return Verdict::Skip("the pod's device carries nothing larger than its route");
            }
            (Self::TooBigOnTheWay, Outcome::Answered { .. }) => {
                return Verdict::Skip("the path carries packets larger than the route's MTU");
            }
            (Self::ExpiredBefore(peer), Outcome::Expired { by }) => {
                by.is_some_and(|by| by != *peer)
            }
            _ => false,
        };
        if fits { Verdict::Pass } else { Verdict::Fail }
    }
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer | Self::AnswerIfNamed => f.write_str("an answer"),
            Self::Allowed(grants) => {
                let grants: Vec<_> = grants.iter().map(ToString::to_string).collect();
                write!(f, "an answer, allowed {}", grants.join(" and "))
            }
            Self::AnswerTo(source) => write!(f, "an answer, to {source}"),
            Self::Servers(servers) => write!(f, "answers of exactly {}", servers.join(", ")),
            Self::ServersBehindNone(servers, _) => {
                let servers = servers.join(", ");
                write!(f, "answers of exactly {servers}, to the client's own address")
            }
            Self::OneServer(servers) => write!(f, "answers of only one of {}", servers.join(", ")),
            Self::Resolves(addresses) => {
                let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
                write!(f, "exactly {}", addresses.join(", "))
            }
            Self::ResolvesSomehow => f.write_str("an address"),
            Self::NoSuchName => f.write_str("no such name"),
            Self::Refused => f.write_str("refused"),
            Self::PortUnreachable(peer) => write!(f, "ICMP port unreachable from {peer}"),
            Self::TooBigForRoute => f.write_str("too big for the sender's own route"),
            Self::TooBigOnTheWay => f.write_str("ICMP packet too big from a router"),
            Self::ExpiredBefore(_) => f.write_str("ICMP time exceeded from a router"),
            Self::Ready(kind) => write!(f, "the kubelet's {kind} probe succeeds"),
            Self::Dropped(blame) => write!(f, "no answer: {blame}"),
            Self::Nothing(Gate::Drops) => f.write_str("no packet is dropped that should not be"),
            Self::Nothing(Gate::Flows) => f.write_str("every answered check is told by flows"),
            Self::Nothing(Gate::Logs) => f.write_str("no error in the agent's log"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectivity::Side;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn only_what_was_expected_passes() {
        let answered = |seen: Option<&str>| Outcome::Answered {
            micros: 1,
            lost: 0,
            seen_as: seen.map(ip),
            mtu: None,
            servers: Vec::new(),
        };
        let (peer, router) = (ip("10.0.0.2"), ip("10.0.0.1"));
        let refused = |by| Outcome::Refused { by };
        let too_big = |by, mtu| Outcome::TooBig { mtu, by };
        let late = Outcome::TimedOut { millis: 3000 };
        let blame =
            Blame { side: Side::Egress, reason: "POLICY_DENY".into(), policies: Vec::new() };
        for (what, expectation, outcome, passes) in [
            ("an answer", Expectation::Answer, answered(None), true),
            ("silence", Expectation::Answer, late.clone(), false),
            ("kept source", Expectation::AnswerTo(peer), answered(Some("10.0.0.2")), true),
            ("masqueraded", Expectation::AnswerTo(peer), answered(Some("10.0.0.9")), false),
            ("source unknown", Expectation::AnswerTo(peer), answered(None), true),
            ("refused by peer", Expectation::PortUnreachable(peer), refused(Some(peer)), true),
            ("by another", Expectation::PortUnreachable(peer), refused(Some(router)), false),
            ("by nobody", Expectation::PortUnreachable(peer), refused(None), false),
            (
                "silent drop of a closed port",
                Expectation::PortUnreachable(peer),
                late.clone(),
                false,
            ),
            ("own route", Expectation::TooBigForRoute, too_big(None, 1450), true),
            ("router", Expectation::TooBigForRoute, too_big(Some(router), 1450), false),
            ("it went through", Expectation::TooBigForRoute, answered(None), false),
            ("too big", Expectation::TooBigOnTheWay, too_big(Some(router), 1450), true),
            ("an MTU of 0", Expectation::TooBigOnTheWay, too_big(Some(router), 0), false),
            ("a black hole", Expectation::TooBigOnTheWay, late.clone(), false),
            (
                "expired",
                Expectation::ExpiredBefore(peer),
                Outcome::Expired { by: Some(router) },
                true,
            ),
            (
                "the peer itself",
                Expectation::ExpiredBefore(peer),
                Outcome::Expired { by: Some(peer) },
                false,
            ),
            ("it arrived", Expectation::ExpiredBefore(peer), answered(None), false),
            ("no name", Expectation::NoSuchName, Outcome::NoSuchName, true),
            ("no resolver", Expectation::NoSuchName, late.clone(), false),
            ("dropped", Expectation::Dropped(blame.clone()), late, true),
            ("let through", Expectation::Dropped(blame.clone()), answered(None), false),
            ("closed", Expectation::Dropped(blame), refused(None), false),
        ] {
            let expected = if passes { Verdict::Pass } else { Verdict::Fail };
            assert_eq!(expectation.judge(&outcome), expected, "{what}");
        }
    }

    #[test]
    fn names_resolve_to_all_their_addresses_in_any_order() {
        let wanted = Expectation::Resolves(vec![ip("10.0.0.2"), ip("10.0.0.1")]);
        let found = |addresses: &[&str]| Outcome::Resolved {
            micros: 1,
            addresses: addresses.iter().map(|text| ip(text)).collect(),
        };
        assert_eq!(wanted.judge(&found(&["10.0.0.1", "10.0.0.2"])), Verdict::Pass);
        assert_eq!(wanted.judge(&found(&["10.0.0.1"])), Verdict::Fail);
        assert_eq!(wanted.judge(&found(&["10.0.0.1", "10.0.0.2", "10.0.0.3"])), Verdict::Fail);
    }

    #[test]
    fn servers_are_all_that_should_answer_and_no_others() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let answered = |servers: &[&str]| Outcome::Answered {
            micros: 1,
            lost: 0,
            seen_as: None,
            mtu: None,
            servers: names(servers),
        };
        let (all, one) = (Expectation::Servers(names(&["b", "a"])), names(&["a", "b"]));
        let one = Expectation::OneServer(one);
        for (servers, is_all, is_one) in [
            (&["a", "b"][..], true, false),
            (&["a"], false, true),
            (&["c"], false, false),
            (&["a", "b", "c"], false, false),
            (&[], false, false),
        ] {
            let outcome = answered(servers);
            assert_eq!(all.judge(&outcome) == Verdict::Pass, is_all, "{servers:?}");
            assert_eq!(one.judge(&outcome) == Verdict::Pass, is_one, "{servers:?}");
        }
    }

    #[test]
    fn what_cannot_exceed_the_route_is_skipped() {
        let local = Outcome::TooBig { mtu: 1500, by: None };
        assert!(matches!(Expectation::TooBigOnTheWay.judge(&local), Verdict::Skip(_)));
    }
}
