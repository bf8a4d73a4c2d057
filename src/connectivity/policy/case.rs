//! The words that scenarios are written in.

use super::account::Side;

/// Policies, and what they make of packets.
pub(in crate::connectivity) struct Case {
    /// Objects that are put into force together.
    pub(super) objects: &'static [Object],
    /// What is tried under them.
    pub(super) rows: &'static [Row],
}

impl Case {
    /// Tells whether nodes are subjects of its policies.
    pub(in crate::connectivity) fn is_for_nodes(&self) -> bool {
        self.objects.iter().any(|object| object.spec.starts_with("nodeSelector"))
    }
}

/// In which form a case's policies are applied, where there are two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::connectivity) enum Form {
    /// As written: in the test's namespace.
    Namespaced,
    /// Cilium's as policies of the whole cluster that select the test's namespace.
    Clusterwide,
    /// ClusterNetworkPolicies as the AdminNetworkPolicies that they succeed. Not their baseline: of that kind a cluster
    /// has one object, which is not the test's to take.
    Admin,
}

/// Kinds of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    NetworkPolicy,
    /// A `CiliumNetworkPolicy`, or its clusterwide twin.
    Cilium,
    ClusterNetworkPolicy,
    CidrGroup,
}

/// An object: a name that is unique in its case, and its `spec` in YAML.
///
/// These words in it are replaced: `$all` by a selector of every pod of the test, `$here` by what
/// the labels of a clusterwide selector need more to stay in the namespace, `$run` by the name of
/// the namespace, `$tier`, `$accept` and `$tcp` by how a kind of the administrator says that it is
/// of the first tier, that it accepts, and that it means the servers' port, `$port` and `$closed`
/// by that port and the one after it, `$world` by the port of external targets, and `$first4`,
/// `$first6`, `$second4`, `$second6` by their addresses.
pub(super) struct Object {
    pub(super) kind: Kind,
    pub(super) name: &'static str,
    pub(super) spec: &'static str,
}

/// Who takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// Clients of team `a`, one on every node.
    A,
    /// The client of team `b`, on the first node.
    B,
    /// Servers, one on every node.
    Server,
    /// Nodes, by pods on the host network.
    Host,
    /// The first external target of the family.
    First,
    /// The second one.
    Second,
}

/// How they try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// HTTP, on the port that servers and external targets have for it.
    Http,
    /// A datagram to the servers' port.
    Udp,
    /// An echo request.
    Icmp,
    /// A connection to the port after the servers', where nobody listens: a refusal came through.
    Closed,
    /// TCP to the port on which an external target gives bytes back.
    Echo,
}

/// Where the peer is, seen from the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Any,
    Same,
    Other,
}

/// One kind of packet, and what becomes of it.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) from: Who,
    pub(super) to: Who,
    pub(super) how: How,
    pub(super) place: Place,
    /// Why it is dropped; `None` when it is not.
    pub(super) dropped: Option<Why>,
}

/// Why a packet is dropped.
#[derive(Clone, Copy)]
pub(super) struct Why {
    pub(super) side: Side,
    pub(super) reason: &'static str,
    /// Names of the objects that decide: the one that denies, or those that isolate.
    pub(super) by: &'static [&'static str],
}

/// The drop reason of what no rule allows.
pub(super) const ISOLATED: &str = "POLICY_DENIED";

/// No rule allows it, and these policies isolate the endpoint.
pub(super) const fn isolated(side: Side, by: &'static [&'static str]) -> Why {
    Why { side, reason: ISOLATED, by }
}

/// A rule of this policy denies it.
pub(super) const fn denied(side: Side, by: &'static [&'static str]) -> Why {
    Why { side, reason: "POLICY_DENY", by }
}

pub(super) const fn allowed(from: Who, to: Who, how: How) -> Row {
    Row { from, to, how, place: Place::Any, dropped: None }
}

pub(super) const fn dropped(from: Who, to: Who, how: How, why: Why) -> Row {
    Row { from, to, how, place: Place::Any, dropped: Some(why) }
}

impl Row {
    /// Returns it for peers in one place only.
    pub(super) const fn on(self, place: Place) -> Self {
        Self { place, ..self }
    }
}

pub(super) const fn cilium(name: &'static str, spec: &'static str) -> Object {
    Object { kind: Kind::Cilium, name, spec }
}

pub(super) const fn kubernetes(name: &'static str, spec: &'static str) -> Object {
    Object { kind: Kind::NetworkPolicy, name, spec }
}

pub(super) const fn tier(name: &'static str, spec: &'static str) -> Object {
    Object { kind: Kind::ClusterNetworkPolicy, name, spec }
}

pub(super) const fn group(name: &'static str, spec: &'static str) -> Object {
    Object { kind: Kind::CidrGroup, name, spec }
}
