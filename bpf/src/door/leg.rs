//! The legs of an entry, read once.

use super::admit::{FlowState, Local};
use crate::{
    abi::Approval,
    env::{Entry, Way},
};

/// Approvals and incarnations of both legs.
#[derive(Clone, Copy)]
pub(super) struct Legs {
    egress: Approval,
    ingress: Approval,
    egress_incarnation: u32,
    ingress_incarnation: u32,
}

impl Legs {
    #[inline(always)]
    pub(super) fn read<E: Entry>(entry: &E) -> Self {
        Self {
            egress: entry.egress(),
            ingress: entry.ingress(),
            egress_incarnation: entry.egress_incarnation(),
            ingress_incarnation: entry.ingress_incarnation(),
        }
    }

    /// Tells whether a local end is not the pod that had the address when the leg was judged: the
    /// connection is another one and counts as absent.
    #[inline(always)]
    pub(super) fn is_foreign(self, way: Way, from: Local, to: Local) -> bool {
        let (opener, responder) = way.order(from, to);
        let differs =
            |pod: Local, stored: u32| pod.is_some() && stored != 0 && stored != pod.incarnation;
        differs(opener, self.egress_incarnation) || differs(responder, self.ingress_incarnation)
    }

    #[inline(always)]
    pub(super) fn egress_state(self, revision: u32, pod: Local, peer: u32) -> FlowState {
        state(self.egress, self.egress_incarnation, revision, pod, peer)
    }

    #[inline(always)]
    pub(super) fn ingress_state(self, revision: u32, pod: Local, peer: u32) -> FlowState {
        state(self.ingress, self.ingress_incarnation, revision, pod, peer)
    }

    /// Returns the leg of the end that sent what an ICMP error quotes, or of the other one.
    #[inline(always)]
    pub(super) fn of(self, opener: bool) -> (Approval, u32) {
        if opener {
            (self.egress, self.egress_incarnation)
        } else {
            (self.ingress, self.ingress_incarnation)
        }
    }
}

/// A leg without a local end is nobody's business here and counts as current.
#[inline(always)]
fn state(approval: Approval, incarnation: u32, revision: u32, pod: Local, peer: u32) -> FlowState {
    let current = approval == Approval::new(revision, peer) && incarnation == pod.incarnation;
    if pod.is_some() && !current { FlowState::Unjudged } else { FlowState::Current }
}
