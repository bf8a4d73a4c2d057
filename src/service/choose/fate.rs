//! What becomes of each endpoint.

use super::{
    candidate::Candidate,
    topology::{NoHints, Topology},
};
use crate::service::{
    input::{Place, TrafficPolicy},
    output::WhenEmpty,
};

/// What an endpoint is to the traffic of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fate {
    /// It takes new connections.
    Chosen,
    /// It takes new connections although it is about to end, because nobody is ready.
    LastResort,
    /// It is about to end and only keeps the connections it has.
    Draining,
    /// It is not ready.
    NotReady,
    /// It is on another node, and the policy is `Local`.
    NotLocal,
    /// It is meant for other nodes.
    OtherNode,
    /// It is meant for other zones.
    OtherZone,
}

impl Fate {
    /// Tells whether the endpoint takes new connections.
    pub fn is_candidate(self) -> bool {
        matches!(self, Self::Chosen | Self::LastResort)
    }

    /// Returns a word for scripts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chosen => "chosen",
            Self::LastResort => "last-resort",
            Self::Draining => "draining",
            Self::NotReady => "not-ready",
            Self::NotLocal => "not-local",
            Self::OtherNode => "other-node",
            Self::OtherZone => "other-zone",
        }
    }
}

/// What was decided about some endpoints.
#[derive(Debug)]
pub(in crate::service) struct Choice {
    /// How near traffic is kept.
    pub(in crate::service) topology: Topology,
    /// What becomes of each, in their order.
    pub(in crate::service) fates: Vec<Fate>,
    /// What becomes of traffic if none was chosen.
    pub(in crate::service) when_empty: WhenEmpty,
}

/// Decides who takes the traffic that arrives at a place.
pub(in crate::service) fn choose(
    candidates: &[Candidate<'_>],
    policy: TrafficPolicy,
    place: &Place,
) -> Choice {
    match policy {
        TrafficPolicy::Cluster => choose_near(candidates, place),
        TrafficPolicy::Local => choose_local(candidates, place),
    }
}

fn choose_near(candidates: &[Candidate<'_>], place: &Place) -> Choice {
    let topology = Topology::of(candidates, place);
    // Hints count only if they leave somebody who is ready, so the last resort never competes with them.
    let any_ready = candidates.iter().any(|one| one.ready);
    let fate = |one: &Candidate<'_>| match (one.ready, topology) {
        (true, topology) if topology.admits(one, place) => Fate::Chosen,
        (true, Topology::SameNode) => Fate::OtherNode,
        (true, _) => Fate::OtherZone,
        (false, _) => unready(one, any_ready),
    };
    let fates = candidates.iter().map(fate).collect();
    Choice { topology, fates, when_empty: WhenEmpty::Reject }
}

fn choose_local(candidates: &[Candidate<'_>], place: &Place) -> Choice {
    let any_ready = candidates.iter().any(|one| one.ready && one.is_local(place));
    let fate = |one: &Candidate<'_>| match (one.is_local(place), one.ready) {
        (false, _) => Fate::NotLocal,
        (true, true) => Fate::Chosen,
        (true, false) => unready(one, any_ready),
    };
    let fates = candidates.iter().map(fate).collect();
    let elsewhere = candidates.iter().any(|one| one.ready || one.is_last_resort());
    let when_empty = if elsewhere { WhenEmpty::Drop } else { WhenEmpty::Reject };
    Choice { topology: Topology::Everywhere(NoHints::LocalPolicy), fates, when_empty }
}

/// Says what becomes of an endpoint that is not ready but could be reached.
fn unready(one: &Candidate<'_>, any_ready: bool) -> Fate {
    if !any_ready && one.is_last_resort() {
        Fate::LastResort
    } else if one.endpoint.conditions.terminating {
        Fate::Draining
    } else {
        Fate::NotReady
    }
}
