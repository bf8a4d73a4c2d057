//! Hints: keeping traffic near.

use std::sync::Arc;

use super::candidate::Candidate;
use crate::service::input::{Hints, Place};

/// How near traffic is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topology {
    /// Endpoints meant for the node.
    SameNode,
    /// Endpoints meant for the zone.
    SameZone,
    /// All endpoints.
    Everywhere(NoHints),
}

/// Why hints do not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoHints {
    /// The policy is `Local`, which is stricter.
    LocalPolicy,
    /// No endpoint is ready.
    NobodyReady,
    /// Some ready endpoint has none, so those who have them may have been meant for more traffic.
    Incomplete,
    /// The node is in no zone.
    NoZone,
    /// No ready endpoint is meant for the node or its zone.
    NobodyMeant,
}

impl Topology {
    /// Decides by the hints of ready endpoints, as kube-proxy does: hints for nodes count if all have
    /// them and one is meant for this node (KEP-3015), else those for zones by the same rule (KEP-2433).
    pub(super) fn of(candidates: &[Candidate<'_>], place: &Place) -> Self {
        let mut ready = candidates.iter().filter(|one| one.ready).peekable();
        if ready.peek().is_none() {
            return Self::Everywhere(NoHints::NobodyReady);
        }
        let (mut all_nodes, mut node, mut all_zones, mut zone) = (true, false, true, false);
        for one in ready {
            let hints = one.endpoint.hints.as_deref();
            all_nodes &= hints.is_some_and(|hints| !hints.nodes.is_empty());
            all_zones &= hints.is_some_and(|hints| !hints.zones.is_empty());
            node |= is_for_node(hints, place);
            zone |= is_for_zone(hints, place);
        }
        if all_nodes && node {
            Self::SameNode
        } else if all_zones && zone {
            Self::SameZone
        } else {
            Self::Everywhere(match (all_zones, place.zone.is_some()) {
                (true, false) => NoHints::NoZone,
                (true, true) => NoHints::NobodyMeant,
                (false, _) if all_nodes => NoHints::NobodyMeant,
                (false, _) => NoHints::Incomplete,
            })
        }
    }

    /// Tells whether an endpoint is meant.
    pub(super) fn admits(self, one: &Candidate<'_>, place: &Place) -> bool {
        let hints = one.endpoint.hints.as_deref();
        match self {
            Self::SameNode => is_for_node(hints, place),
            Self::SameZone => is_for_zone(hints, place),
            Self::Everywhere(_) => true,
        }
    }
}

fn is_for_node(hints: Option<&Hints>, place: &Place) -> bool {
    hints.is_some_and(|hints| hints.nodes.contains(&place.node))
}

fn is_for_zone(hints: Option<&Hints>, place: &Place) -> bool {
    let is_it = |zone: &Arc<str>| hints.is_some_and(|hints| hints.zones.contains(zone));
    place.zone.as_ref().is_some_and(is_it)
}
