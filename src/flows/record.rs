//! An event and the owners of its addresses, as they were when it happened.

use std::{borrow::Cow, iter, sync::Arc};

use super::{PeerInfo, Resolve, RuleInfo, talks::Talks};
use crate::{
    events::{Event, EventKind, Peer, Step},
    hubble::flow::Service,
    model::DropReason,
};

/// What the ring keeps: small, and turned into a [`super::Flow`] only for readers.
#[derive(Clone, Debug)]
pub struct Record {
    /// Position in the stream of this observer; gaps are losses.
    pub(super) sequence: u64,
    pub(super) event: Event,
    pub(super) source: Option<Arc<PeerInfo>>,
    pub(super) destination: Option<Arc<PeerInfo>>,
    pub(super) interface: Option<Arc<str>>,
    pub(super) rule: Option<Arc<RuleInfo>>,
    /// The service that who opened the connection speaks with.
    pub(super) service: Option<Arc<Service>>,
}

impl Record {
    /// Looks up who is who; the store gives the number.
    pub(super) fn new(event: Event, resolve: &dyn Resolve, talks: &mut Talks) -> Self {
        let owner = |peer: &Peer| {
            peer.address
                .and_then(|address| resolve.address(address))
                .or_else(|| resolve.identity(peer.identity))
        };
        Self {
            sequence: 0,
            source: owner(&event.source),
            destination: owner(&event.destination),
            interface: resolve.interface(event.device),
            rule: event.rule.and_then(|number| resolve.rule(number)),
            service: talks.service(&event, resolve),
            event,
        }
    }

    /// Returns what it tells: a packet that a policy refused is a verdict and a drop, and a socket that got a
    /// backend is told before and after; to Hubble, each is two, and one event.
    pub(super) fn kinds(&self) -> impl DoubleEndedIterator<Item = EventKind> + use<> {
        let kind = self.event.kind;
        let before = match kind {
            EventKind::Drop(reason) if is_verdict(reason) => Some(EventKind::Denied(reason)),
            EventKind::Socket(Step::Got) => Some(EventKind::Socket(Step::Asked)),
            _ => None,
        };
        before.into_iter().chain(iter::once(kind))
    }

    /// Returns it as if who opened the connection had sent the packet.
    pub(super) fn as_opened(&self) -> Cow<'_, Self> {
        if self.event.reply != Some(true) {
            return Cow::Borrowed(self);
        }
        let event = Event {
            source: self.event.destination,
            destination: self.event.source,
            ..self.event.clone()
        };
        let (source, destination) = (self.destination.clone(), self.source.clone());
        Cow::Owned(Self { event, source, destination, ..self.clone() })
    }

    /// Tells whether it is about a dropped packet.
    pub(super) const fn is_drop(&self) -> bool {
        matches!(self.event.kind, EventKind::Drop(_) | EventKind::Denied(_))
    }

    /// Returns an upper bound of its bytes: owners are shared with other records.
    pub(super) fn weight(&self) -> usize {
        let peer = |peer: &Option<Arc<PeerInfo>>| {
            peer.as_ref().map_or(0, |peer| {
                size_of::<PeerInfo>()
                    + peer.namespace.len()
                    + peer.pod.len()
                    + peer.node.len()
                    + peer.labels.iter().map(|l| size_of::<String>() + l.len()).sum::<usize>()
            })
        };
        size_of::<Self>() + peer(&self.source) + peer(&self.destination)
    }
}

/// Tells whether a policy is the reason: no rule allows it, one denies it, or one wants a proxy or
/// authentication that is not there.
const fn is_verdict(reason: DropReason) -> bool {
    matches!(
        reason,
        DropReason::PolicyDenied
            | DropReason::PolicyDeny
            | DropReason::ProxyMissing
            | DropReason::AuthRequired
    )
}
