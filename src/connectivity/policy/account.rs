//! What agents say about a dropped packet, against what decided in truth.

use std::{fmt, net::IpAddr};

use jiff::Timestamp;

use crate::connectivity::{
    plan::{Action, Check},
    probe::Protocol,
};

/// Whose policy decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// A packet that was dropped, as an agent tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drop {
    /// When.
    pub time: Timestamp,
    /// Sender and receiver.
    pub ends: (IpAddr, IpAddr),
    /// What it spoke: `tcp`, `udp` or `icmp`.
    pub protocol: &'static str,
    /// The receiver's port; 0 where there is none.
    pub port: u16,
    /// Why.
    pub blame: Blame,
}

/// Compares the newest account of a check's packets with the truth; says what differs.
pub(super) fn differs(check: &Check, truth: &Blame, drops: &[Drop]) -> Option<String> {
    let newest = drops.iter().filter(|drop| is_about(drop, check)).max_by_key(|drop| drop.time);
    match newest {
        None => Some("no agent tells that it dropped this".to_owned()),
        Some(drop) if drop.blame == *truth => None,
        Some(drop) => Some(format!("agents tell {}", drop.blame)),
    }
}

fn is_about(drop: &Drop, check: &Check) -> bool {
    let Action::Probe(probe) = &check.action else { return false };
    let protocol = match probe.protocol {
        Protocol::Http => Protocol::Tcp.name(),
        other => other.name(),
    };
    let source = check.family.and_then(|family| check.from.address(family));
    (Some(drop.ends.0), Some(drop.ends.1)) == (source, check.to.address)
        && (drop.protocol, drop.port) == (protocol, probe.port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectivity::{expect::Expectation, plan::Peer, probe::Probe, topology::Actor};
    use crate::model::Family;

    fn blame(reason: &str, name: &str) -> Blame {
        let policy = PolicyName {
            kind: "CiliumNetworkPolicy".into(),
            namespace: "n".into(),
            name: name.into(),
        };
        Blame { side: Side::Ingress, reason: reason.into(), policies: vec![policy] }
    }

    #[test]
    fn the_newest_account_of_the_same_packets_counts() {
        let (one, two): (IpAddr, IpAddr) =
            ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let truth = blame("POLICY_DENY", "deny");
        let check = Check {
            from: Actor { name: "a".into(), node: "n".into(), addresses: vec![one] },
            to: Peer { name: "b".into(), node: None, address: Some(two) },
            family: Some(Family::V4),
            action: Action::Probe(Probe::new(Protocol::Http, two, 80)),
            expectation: Expectation::Dropped(truth.clone()),
            may_settle: false,
        };
        let drop = |second: i64, ends, protocol, port, blame: &Blame| Drop {
            time: Timestamp::from_second(second).unwrap(),
            ends,
            protocol,
            port,
            blame: blame.clone(),
        };
        let wrong = blame("POLICY_DENIED", "isolate");
        let old = drop(1, (one, two), "tcp", 80, &wrong);
        let right = drop(2, (one, two), "tcp", 80, &truth);
        let elsewhere = [
            drop(3, (two, one), "tcp", 80, &wrong),
            drop(3, (one, two), "udp", 80, &wrong),
            drop(3, (one, two), "tcp", 81, &wrong),
        ];
        let all = [&[old.clone(), right][..], &elsewhere].concat();
        assert_eq!(differs(&check, &truth, &all), None);
        assert_eq!(
            differs(&check, &truth, &[old]),
            Some("agents tell POLICY_DENIED at ingress by CiliumNetworkPolicy n/isolate".into())
        );
        assert!(differs(&check, &truth, &elsewhere).unwrap().starts_with("no agent tells"));
    }
}
