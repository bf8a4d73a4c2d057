//! What a scenario of this kind is made of.

use crate::connectivity::{
    plan::{Plan, Planned},
    topology::Topology,
};

/// Label of a server: for which service it serves.
pub(in crate::connectivity) const BACKS: &str = "connectivity.skep.io/backs";

/// A scenario during which servers come and go.
pub(in crate::connectivity) struct Case {
    /// Its own servers.
    pub(in crate::connectivity) backends: &'static [Backend],
    /// What is tried and done, one after the other.
    pub(super) acts: fn(&Topology) -> Vec<Act>,
}

/// A server that only one scenario knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::connectivity) struct Backend {
    /// Name of the pod.
    pub(in crate::connectivity) name: &'static str,
    /// For which service it serves: value of [`BACKS`].
    pub(in crate::connectivity) backs: &'static str,
    /// On which node.
    pub(in crate::connectivity) place: Place,
    /// Whether it serves from the start, or when it is told to join.
    pub(in crate::connectivity) joined: bool,
    /// Whether it goes on serving while it ends.
    pub(in crate::connectivity) lingers: bool,
}

/// On which node a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::connectivity) enum Place {
    First,
    Last,
}

/// What is tried, and then done. Conversations that last are under way while it is done.
pub(in crate::connectivity) struct Act {
    pub(super) planned: Planned,
    pub(super) then: &'static [Step],
}

/// What is done to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::connectivity) enum Step {
    /// It begins to serve for its service.
    Join(&'static Backend),
    /// Its pod is deleted.
    Delete(&'static Backend),
}

/// Returns all that a case tries.
pub(in crate::connectivity) fn plan(case: &Case, topology: &Topology) -> Planned {
    let mut all = Planned::default();
    for act in (case.acts)(topology) {
        all.checks.extend(act.planned.checks);
        for gap in act.planned.gaps {
            all.gap(gap);
        }
    }
    all
}

/// Returns the places of checks that are made by themselves, and the scenarios during which servers come
/// and go, each with the place of its first check.
pub(in crate::connectivity) fn parts(plans: &[&Plan]) -> (Vec<usize>, Vec<(usize, &'static Case)>) {
    let (mut still, mut plays, mut next) = (Vec::new(), Vec::new(), 0);
    for plan in plans {
        let places = next..next + plan.planned.checks.len();
        next = places.end;
        match plan.scenario.churn() {
            Some(case) if !places.is_empty() => plays.push((places.start, case)),
            _ => still.extend(places),
        }
    }
    (still, plays)
}
