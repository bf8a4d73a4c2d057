//! What a socket was told at connect(2), for user space: there is no packet yet that could show it.

use crate::{
    abi::{
        Addr, Counted, Direction, DropReason, Event, Family, Note, Observation, event_kind,
        metric_index,
    },
    balance::Services,
    packet::transport,
};

/// A socket that is being connected to a service.
#[derive(Clone, Copy)]
pub(super) struct Asked {
    /// By what the client is known.
    pub(super) client: Addr,
    /// What it wants to connect to.
    pub(super) frontend: (Addr, u16),
}

impl Asked {
    /// Tells which backend it got.
    #[inline(always)]
    pub(super) fn got<S: Services>(self, services: &S, backend: (Addr, u16)) {
        self.tell(services, event_kind::SOCKET, Counted::Note(Note::Forwarded), backend);
    }

    /// Tells why it got none.
    #[inline(always)]
    pub(super) fn refused<S: Services>(self, services: &S, reason: DropReason) {
        self.tell(services, event_kind::DROP, Counted::Drop(reason), self.frontend);
    }

    #[inline(always)]
    fn tell<S: Services>(self, services: &S, kind: u8, what: Counted, to: (Addr, u16)) {
        let event = Event {
            time: services.exact_now(),
            src: if self.client.is_netns() { to.0.unspecified() } else { self.client },
            dst: to.0,
            service: self.frontend.0,
            dport: to.1,
            service_port: self.frontend.1,
            kind,
            reason: what.code(),
            direction: Direction::Egress as u8,
            observation: Observation::FromEndpoint as u8,
            proto: transport::TCP,
            ip_version: match to.0.family() {
                Family::V4 => 4,
                Family::V6 => 6,
            },
            ..Event::default()
        };
        if matches!(what, Counted::Drop(_)) {
            services.count(metric_index(what, Direction::Egress), 0);
        }
        if !services.emit(&event) {
            services.count(metric_index(Counted::Note(Note::EventLost), Direction::Unknown), 0);
        }
    }
}
