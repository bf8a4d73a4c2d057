//! What agents say about a dropped packet, against what decided in truth.

use std::{fmt, net::IpAddr};

use jiff::Timestamp;

use crate::connectivity::{
    expect::Expectation,
    plan::{Action, Check},
    probe::Protocol,
};

/// Whose policy decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The receiver's.
    Ingress,
    /// The sender's.
    Egress,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        })
    }
}

/// A policy object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PolicyName {
    /// Its kind.
    pub kind: String,
    /// Its namespace; empty for kinds of the cluster.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, namespace, name } = self;
        match namespace.as_str() {
            "" => write!(f, "{kind} {name}"),
            namespace => write!(f, "{kind} {namespace}/{name}"),
        }
    }
}

/// Why a packet is dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blame {
    /// On which side.
    pub side: Side,
    /// Name of the drop reason.
    pub reason: String,
    /// The policy whose rule denies, or those that isolate the endpoint; sorted.
    pub policies: Vec<PolicyName>,
}

impl fmt::Display for Blame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let policies: Vec<_> = self.policies.iter().map(ToString::to_string).collect();
        let by = if policies.is_empty() { "no policy".to_owned() } else { policies.join(", ") };
        write!(f, "{} at {} by {by}", self.reason, self.side)
    }
}

/// Packets, as an agent tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packets {
    /// When.
    pub time: Timestamp,
    /// Sender and receiver.
    pub ends: (IpAddr, IpAddr),
    /// What it spoke: `tcp`, `udp` or `icmp`.
    pub protocol: &'static str,
    /// The receiver's port; 0 where there is none.
    pub port: u16,
}

/// A packet that was dropped, as an agent tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drop {
    /// Which packet.
    pub packets: Packets,
    /// Why.
    pub blame: Blame,
}

/// Policies that let packets through on one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// On which side.
    pub side: Side,
    /// One of these does.
    pub policies: Vec<PolicyName>,
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let policies: Vec<_> = self.policies.iter().map(ToString::to_string).collect();
        write!(f, "at {} by {}", self.side, policies.join(" or "))
    }
}

/// A connection that policies let through, as an agent tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pass {
    /// Which packets.
    pub packets: Packets,
    /// On which side.
    pub side: Side,
    /// Policies that allowed it, if any did.
    pub policies: Vec<PolicyName>,
}

/// What policies decided, as agents tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// What was dropped, by policies or for another reason.
    pub drops: Vec<Drop>,
    /// What was let through.
    pub passes: Vec<Pass>,
}

impl Account {
    /// Compares what is told of a check's packets with the truth; says what differs.
    pub(super) fn differs(&self, check: &Check) -> Option<String> {
        match &check.expectation {
            Expectation::Dropped(truth) => dropped_otherwise(check, truth, &self.drops),
            Expectation::Allowed(grants) => {
                grants.iter().find_map(|grant| allowed_otherwise(check, grant, &self.passes))
            }
            _ => None,
        }
    }
}

/// Compares the newest verdict on one side with the policies that allow.
fn allowed_otherwise(check: &Check, truth: &Grant, passes: &[Pass]) -> Option<String> {
    let of_side = passes.iter().filter(|pass| pass.side == truth.side);
    let about = of_side.filter(|pass| is_about(&pass.packets, check));
    let Grant { side, policies } = truth;
    match about.max_by_key(|pass| pass.packets.time) {
        None => Some(format!("no agent tells that a policy allowed it at {side}")),
        Some(pass) if pass.policies.iter().any(|policy| policies.contains(policy)) => None,
        Some(Pass { policies, .. }) if policies.is_empty() => {
            Some(format!("agents tell that it was allowed at {side} by no policy"))
        }
        Some(Pass { side, policies, .. }) => {
            let grant = Grant { side: *side, policies: policies.clone() };
            Some(format!("agents tell that it was allowed {grant}"))
        }
    }
}

/// Compares the newest account of a check's packets with the truth; says what differs.
fn dropped_otherwise(check: &Check, truth: &Blame, drops: &[Drop]) -> Option<String> {
    let about = drops.iter().filter(|drop| is_about(&drop.packets, check));
    let newest = about.max_by_key(|drop| drop.packets.time);
    match newest {
        None => Some("no agent tells that it dropped this".to_owned()),
        Some(drop) if drop.blame == *truth => None,
        Some(drop) => Some(format!("agents tell {}", drop.blame)),
    }
}

fn is_about(packets: &Packets, check: &Check) -> bool {
    let Action::Probe(probe) = &check.action else { return false };
    let protocol = match probe.protocol {
        Protocol::Http => Protocol::Tcp.name(),
        other => other.name(),
    };
    let source = check.family.and_then(|family| check.from.address(family));
    (Some(packets.ends.0), Some(packets.ends.1)) == (source, check.to.address)
        && (packets.protocol, packets.port) == (protocol, probe.port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectivity::{plan::Peer, probe::Probe, topology::Actor};
    use crate::model::Family;

    fn blame(reason: &str, name: &str) -> Blame {
        let policy = PolicyName {
            kind: "CiliumNetworkPolicy".into(),
            namespace: "n".into(),
            name: name.into(),
        };
        Blame { side: Side::Ingress, reason: reason.into(), policies: vec![policy] }
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn check(expectation: Expectation) -> Check {
        let (one, two) = (ip("10.0.0.1"), ip("10.0.0.2"));
        Check {
            from: Actor { name: "a".into(), node: "n".into(), addresses: vec![one] },
            to: Peer { name: "b".into(), node: None, address: Some(two) },
            family: Some(Family::V4),
            action: Action::Probe(Probe::new(Protocol::Http, two, 80)),
            expectation,
            may_settle: false,
        }
    }

    fn packets(second: i64, ends: (&str, &str), protocol: &'static str, port: u16) -> Packets {
        let time = Timestamp::from_second(second).unwrap();
        Packets { time, ends: (ip(ends.0), ip(ends.1)), protocol, port }
    }

    const ENDS: (&str, &str) = ("10.0.0.1", "10.0.0.2");

    /// Packets that are none of the check's.
    fn elsewhere() -> [Packets; 3] {
        [
            packets(3, (ENDS.1, ENDS.0), "tcp", 80),
            packets(3, ENDS, "udp", 80),
            packets(3, ENDS, "tcp", 81),
        ]
    }

    #[test]
    fn the_newest_account_of_the_same_packets_counts() {
        let truth = blame("POLICY_DENY", "deny");
        let check = check(Expectation::Dropped(truth.clone()));
        let drop = |packets, blame: &Blame| Drop { packets, blame: blame.clone() };
        let wrong = blame("POLICY_DENIED", "isolate");
        let old = drop(packets(1, ENDS, "tcp", 80), &wrong);
        let right = drop(packets(2, ENDS, "tcp", 80), &truth);
        let elsewhere = elsewhere().map(|packets| drop(packets, &wrong));
        let told = |drops: &[Drop]| Account { drops: drops.to_vec(), passes: Vec::new() };
        let all = [&[old.clone(), right][..], &elsewhere].concat();
        assert_eq!(told(&all).differs(&check), None);
        assert_eq!(
            told(&[old]).differs(&check),
            Some("agents tell POLICY_DENIED at ingress by CiliumNetworkPolicy n/isolate".into())
        );
        assert!(told(&elsewhere).differs(&check).unwrap().starts_with("no agent tells"));
    }

    #[test]
    fn what_is_allowed_is_allowed_by_a_policy_that_can() {
        let policy = |name: &str| blame("", name).policies.remove(0);
        let (one, two) = (policy("one"), policy("two"));
        let grant = Grant { side: Side::Ingress, policies: vec![one.clone(), two.clone()] };
        let check = check(Expectation::Allowed(vec![grant]));
        let pass = |second, side, policies: &[&PolicyName]| Pass {
            packets: packets(second, ENDS, "tcp", 80),
            side,
            policies: policies.iter().map(|policy| (*policy).clone()).collect(),
        };
        let other = policy("other");
        let elsewhere: Vec<_> = elsewhere()
            .into_iter()
            .map(|packets| Pass { packets, side: Side::Ingress, policies: vec![one.clone()] })
            .collect();
        for (what, passes, expected) in [
            ("one of them", vec![pass(1, Side::Ingress, &[&two])], None),
            ("with another", vec![pass(1, Side::Ingress, &[&other, &one])], None),
            ("nobody", Vec::new(), Some("no agent tells that a policy allowed it at ingress")),
            (
                "the other side",
                vec![pass(1, Side::Egress, &[&one])],
                Some("no agent tells that a policy allowed it at ingress"),
            ),
            ("others", elsewhere, Some("no agent tells that a policy allowed it at ingress")),
            (
                "a verdict that no policy is named in",
                vec![pass(1, Side::Ingress, &[&one]), pass(2, Side::Ingress, &[])],
                Some("agents tell that it was allowed at ingress by no policy"),
            ),
            (
                "a policy of somebody else",
                vec![pass(1, Side::Ingress, &[&other])],
                Some("agents tell that it was allowed at ingress by CiliumNetworkPolicy n/other"),
            ),
        ] {
            let told = Account { drops: Vec::new(), passes };
            assert_eq!(told.differs(&check).as_deref(), expected, "{what}");
        }
    }
}
