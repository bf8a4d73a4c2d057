//! What metrics say of a record by their own labels.

use crate::{
    events::{Direction, EventKind, L4, Observation, TcpFlags},
    flows::{Record, RuleMatch, render},
    hubble::flow::{CiliumEventType, Verdict},
    model::{DropReason, Identity},
};

/// Health checks of nodes, to Hubble.
const HEALTH: Identity = Identity(4);

/// All that the own labels of any metric follow from. Most records of a moment have it in common with others, and
/// are counted at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Told {
    pub(super) kind: EventKind,
    pub(super) observation: Observation,
    pub(super) direction: Direction,
    pub(super) l4: Option<L4>,
    pub(super) ip_version: Option<u8>,
    pub(super) reply: Option<bool>,
    /// The destination's port, unless that is a client: those differ from flow to flow.
    pub(super) asked_port: Option<u16>,
    is_to_world: bool,
    is_of_node: bool,
    matched: RuleMatch,
}

impl Told {
    /// Returns what metrics say of a record that is told as `kind`.
    pub(super) fn of(record: &Record, kind: EventKind) -> Self {
        let event = &record.event;
        let [source, destination] = [event.source.identity, event.destination.identity];
        let is_answer = event.reply == Some(true) && render::drop_reason(kind).is_none();
        Self {
            kind,
            observation: event.observation,
            direction: event.direction,
            l4: event.l4,
            ip_version: event.ip_version,
            reply: event.reply,
            asked_port: event.destination.port.filter(|_| !is_answer),
            is_to_world: is_world(destination),
            is_of_node: source == Identity::HOST || [source, destination].contains(&HEALTH),
            matched: record.rule.as_ref().map_or(RuleMatch::None, |rule| rule.matched),
        }
    }

    pub(super) fn dropped(self) -> Option<DropReason> {
        render::drop_reason(self.kind)
    }

    pub(super) fn verdict(self) -> Verdict {
        render::verdict(self.kind)
    }

    pub(super) fn kind_names(self) -> (&'static str, &'static str) {
        match self.kind {
            EventKind::Drop(_) => ("Drop", ""),
            EventKind::Denied(_) | EventKind::Allowed | EventKind::Audited => ("PolicyVerdict", ""),
            // As Hubble counts what it has no name for: by its number.
            EventKind::Socket(_) => ("Unknown", "7"),
            _ => {
                let point = self.observation as usize;
                ("Trace", CiliumEventType::TRACE_POINTS[point].1)
            }
        }
    }

    /// Hubble leaves out what a node or its health check sends.
    pub(super) fn decided(self) -> Option<&'static str> {
        match self.kind {
            _ if self.is_of_node => None,
            EventKind::Allowed => Some("forwarded"),
            EventKind::Audited => Some("audit"),
            EventKind::Denied(_) => Some("dropped"),
            _ => None,
        }
    }

    pub(super) fn matched(self) -> &'static str {
        self.matched.name()
    }

    /// Answers are left out: their ports are of clients.
    pub(super) fn goes_to_world(self, any_drop: bool, syn_only: bool) -> bool {
        if !self.is_to_world || self.l4.is_none() {
            return false;
        }
        let is_reply = self.reply == Some(true);
        let counts = match self.dropped() {
            // Rules that want a proxy, for names too, deny while there is none.
            Some(DropReason::PolicyDenied | DropReason::ProxyMissing) => true,
            Some(_) => any_drop,
            None => !is_reply,
        };
        let opens =
            matches!(self.l4, Some(L4::Tcp(flags)) if flags.contains(TcpFlags::SYN)) && !is_reply;
        counts && (!syn_only || opens)
    }
}

const fn is_world(identity: Identity) -> bool {
    matches!(
        identity,
        Identity::WORLD_V4
            | Identity::WORLD_V6
            | Identity::OUTSIDE_APISERVER_V4
            | Identity::OUTSIDE_APISERVER_V6
    )
}
