//! The legs of a connection, as a packet meets them.

use super::admit::{FlowState, Local};
use crate::{
    abi::{Approval, Direction, OPENER},
    env::{Entry, Leg, Way},
    state::State,
};

/// The legs of a packet's sender and receiver, read once.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Legs {
    /// Of the side that sent the packet.
    pub(super) source: Leg,
    /// Of the side that it goes to.
    pub(super) destination: Leg,
}

impl Legs {
    #[inline(always)]
    pub(super) fn read<E: Entry>(entry: &E, way: Way) -> Self {
        Self { source: entry.leg(way.sender()), destination: entry.leg(way.receiver()) }
    }

    /// Returns zero if both legs are current: those of sender and receiver, each with the identity of its
    /// peer.
    #[inline(always)]
    pub(super) fn staleness(
        &self,
        revision: u32,
        (from, to_whom): (&Local, u32),
        (to, from_whom): (&Local, u32),
    ) -> u64 {
        staleness(&self.source, from, revision, to_whom)
            | staleness(&self.destination, to, revision, from_whom)
    }

    /// Returns what is known of each leg.
    #[inline(always)]
    pub(super) fn states(&self, revision: u32, st: &State) -> (FlowState, FlowState) {
        let state = |staleness| match staleness {
            0 => FlowState::Current,
            _ => FlowState::Unjudged,
        };
        (
            state(staleness(&self.source, &st.from, revision, st.dst_identity)),
            state(staleness(&self.destination, &st.to, revision, st.src_identity)),
        )
    }

    /// Tells whether a local end is not the pod that had the address when the leg was judged: the
    /// connection is another one and counts as absent.
    #[inline(always)]
    pub(super) fn are_foreign(&self, st: &State) -> bool {
        is_foreign(&self.source, &st.from) || is_foreign(&self.destination, &st.to)
    }
}

/// Returns zero if the leg is current: judged under this revision, for this peer and this pod.
///
/// A leg without a pod of this node is nobody's business here and always is. No branches: the
/// verifier would follow each.
#[inline(always)]
fn staleness(leg: &Leg, pod: &Local, revision: u32, peer: u32) -> u64 {
    let wanted = Approval::new(revision, peer).0;
    let differs = (leg.approval ^ wanted) | u64::from(leg.incarnation ^ pod.incarnation);
    differs & pod.mask()
}

#[inline(always)]
fn is_foreign(leg: &Leg, pod: &Local) -> bool {
    pod.is_some() && leg.incarnation != 0 && leg.incarnation != pod.incarnation
}

/// Returns the direction of a side's leg: openers send, responders are sent to.
#[inline(always)]
pub(super) fn direction(side: usize) -> Direction {
    if side == OPENER { Direction::Egress } else { Direction::Ingress }
}
