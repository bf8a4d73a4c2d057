//! Which connections are with a service.
//!
//! A socket that is connected to a service goes to a backend from its first packet on, so packets do not show
//! the service. The programs tell of the socket just before, without the port that it will have: the next
//! connection of that client to that backend is the one. Of a node's own datagrams they tell with the port.

use std::{sync::Arc, time::Duration};

use super::{
    Resolve,
    connection::{Connection, End, number},
    remembered::Remembered,
};
use crate::{
    events::{Event, EventKind},
    hubble::flow::Service,
};

/// How long after a socket was told its first packet comes at the latest. That one is sent before connect(2)
/// returns, and again after a second or more if it has to wait for a neighbour.
const SOON: Duration = Duration::from_secs(5);
/// Connections with services.
#[derive(Debug, Default)]
pub(super) struct Talks {
    /// Sockets that have not sent a packet yet, by the connection that each will be, less the opener's port.
    sockets: Remembered<Connection, Sockets>,
    connections: Remembered<Connection, Known>,
}

/// The sockets of one client for one backend.
#[derive(Clone, Debug)]
struct Sockets {
    service: Arc<Service>,
    count: u32,
    last: Duration,
}

/// A connection with a service.
#[derive(Clone, Debug)]
struct Known {
    service: Arc<Service>,
    since: Duration,
}

impl Talks {
    /// Returns the service that an event is about, by the event or by what was told before.
    pub(super) fn service(&mut self, event: &Event, resolve: &dyn Resolve) -> Option<Arc<Service>> {
        let l4 = event.l4?;
        let Some((address, port)) = event.service else {
            return self.known(event, number(l4));
        };
        let service = resolve.service(address, port, number(l4))?;
        if matches!(event.kind, EventKind::Socket(_)) {
            self.note(event, number(l4), &service);
        }
        Some(service)
    }

    fn note(&mut self, event: &Event, protocol: u8, service: &Arc<Service>) {
        let (from, to) = (End::of(&event.source), End::of(&event.destination));
        if from != from.host() {
            let known = Known { service: Arc::clone(service), since: event.time };
            self.connections.put(Connection::new(protocol, from, to), known);
            return;
        }
        let pair = Connection::new(protocol, from, to);
        let earlier = self.sockets.take(&pair).filter(|sockets| {
            sockets.service == *service && event.time.saturating_sub(sockets.last) < SOON
        });
        let count = earlier.map_or(0, |sockets| sockets.count) + 1;
        self.sockets.put(pair, Sockets { service: Arc::clone(service), count, last: event.time });
    }

    /// Returns the service of the connection that a packet belongs to.
    fn known(&mut self, event: &Event, protocol: u8) -> Option<Arc<Service>> {
        if self.sockets.is_empty() && self.connections.is_empty() {
            return None;
        }
        let (from, to) = (End::of(&event.source), End::of(&event.destination));
        let is_reply = event.reply == Some(true);
        let (opener, responder) = if is_reply { (to, from) } else { (from, to) };
        let connection = Connection::new(protocol, opener, responder);
        let opens = event.kind == EventKind::Open;
        // A port is used again, and not always for the same service.
        let known = self.connections.get(&connection);
        let is_old =
            known.is_some_and(|known| opens && event.time.saturating_sub(known.since) >= SOON);
        if let Some(known) = known.filter(|_| !is_old) {
            return Some(Arc::clone(&known.service));
        }
        let may_be_first = opens || matches!(event.kind, EventKind::Drop(_));
        if !may_be_first || is_reply {
            return None;
        }
        let pair = Connection::new(protocol, opener.host(), responder);
        let service = self.take_socket(&pair, event.time);
        if let Some(service) = &service {
            let known = Known { service: Arc::clone(service), since: event.time };
            self.connections.put(connection, known);
        } else if is_old {
            self.connections.take(&connection);
        }
        service
    }

    /// Returns the service of a socket that has not sent a packet yet; now it has.
    fn take_socket(&mut self, pair: &Connection, now: Duration) -> Option<Arc<Service>> {
        let mut sockets = self.sockets.take(pair)?;
        if now.saturating_sub(sockets.last) >= SOON {
            return None;
        }
        let service = Arc::clone(&sockets.service);
        sockets.count -= 1;
        if sockets.count > 0 {
            self.sockets.put(*pair, sockets);
        }
        Some(service)
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use skep_bpf::abi::{self, Addr, event_flags, event_kind};

    use super::*;

    struct Cluster;

    impl Resolve for Cluster {
        fn address(&self, _: IpAddr) -> Option<Arc<crate::flows::PeerInfo>> {
            None
        }
        fn identity(&self, _: crate::model::Identity) -> Option<Arc<crate::flows::PeerInfo>> {
            None
        }
        fn service(&self, address: IpAddr, port: u16, protocol: u8) -> Option<Arc<Service>> {
            let name = format!("{address}:{port}/{protocol}");
            Some(Arc::new(Service { name, namespace: "shop".into() }))
        }
    }

    fn addr(text: &str) -> Addr {
        text.parse::<IpAddr>().expect("an address").into()
    }

    const SECOND: u64 = 1_000_000_000;

    /// An event of TCP between `client` and port 8080 of `server`.
    fn event(kind: u8, flags: u8, (client, server): (&str, &str), sport: u16) -> abi::Event {
        let (sport, dport, src, dst) = match flags & event_flags::REPLY {
            0 => (sport, 8080, client, server),
            _ => (8080, sport, server, client),
        };
        let ip_version = if client.contains(':') { 6 } else { 4 };
        let (src, dst) = (addr(src), addr(dst));
        abi::Event {
            kind,
            flags,
            src,
            dst,
            sport,
            dport,
            proto: 6,
            ip_version,
            ..Default::default()
        }
    }

    fn ask(talks: &mut Talks, event: &abi::Event) -> Option<String> {
        let event = Event::decode(event).expect("an event");
        talks.service(&event, &Cluster).map(|service| service.name.clone())
    }

    fn socket(ends: (&str, &str), service: &str) -> abi::Event {
        let service = addr(service);
        abi::Event { service, service_port: 80, ..event(event_kind::SOCKET, 0, ends, 0) }
    }

    const NEW: u8 = event_flags::NEW;
    const REPLY: u8 = event_flags::REPLY;

    #[test]
    fn connections_of_a_told_socket_are_with_its_service() {
        for (ends, service) in
            [(("10.0.0.1", "10.0.0.2"), "10.96.0.1"), (("fd00::1", "fd00::2"), "fd96::1")]
        {
            let mut talks = Talks::default();
            let mut ask = |event| ask(&mut talks, &event);
            let name = Some(format!("{service}:80/6"));
            let trace = |flags, port| event(event_kind::TRACE, flags, ends, port);
            assert_eq!(ask(trace(NEW, 1000)), None, "it went to the backend directly");
            assert_eq!(ask(socket(ends, service)), name);
            assert_eq!(ask(trace(0, 1000)), None, "that is the one of before");
            assert_eq!(ask(trace(NEW, 1001)), name);
            assert_eq!(ask(trace(REPLY, 1001)), name);
            assert_eq!(ask(event(event_kind::VERDICT, 0, ends, 1001)), name);
            assert_eq!(ask(trace(event_flags::CLOSE, 1001)), name);
            assert_eq!(ask(trace(NEW, 1002)), None, "one socket is one connection");
            let later = abi::Event { time: 9 * SECOND, ..trace(NEW, 1001) };
            assert_eq!(ask(later), None, "the port is used again, without the service");
            assert_eq!(ask(trace(0, 1001)), None);
        }
    }

    #[test]
    fn sockets_of_the_same_moment_are_told_apart_by_their_number() {
        let (mut talks, ends) = (Talks::default(), ("10.0.0.1", "10.0.0.2"));
        let mut ask = |event| ask(&mut talks, &event);
        for _ in 0..2 {
            ask(socket(ends, "10.96.0.1"));
        }
        let mut open = |port| ask(event(event_kind::TRACE, NEW, ends, port)).is_some();
        assert_eq!([open(1), open(2), open(3)], [true, true, false]);
    }

    #[test]
    fn what_a_policy_drops_is_with_the_service_too() {
        let (mut talks, ends) = (Talks::default(), ("10.0.0.1", "10.0.0.2"));
        ask(&mut talks, &socket(ends, "10.96.0.1"));
        let reason = crate::model::DropReason::PolicyDenied.code();
        let drop = abi::Event { reason, ..event(event_kind::DROP, 0, ends, 1000) };
        for again in 0..3 {
            let drop = abi::Event { time: again * 3 * SECOND, ..drop };
            assert!(ask(&mut talks, &drop).is_some());
        }
    }

    #[test]
    fn a_socket_that_sends_nothing_is_forgotten() {
        let (mut talks, ends) = (Talks::default(), ("10.0.0.1", "10.0.0.2"));
        ask(&mut talks, &socket(ends, "10.96.0.1"));
        let late = abi::Event { time: 5 * SECOND, ..event(event_kind::TRACE, NEW, ends, 1000) };
        assert_eq!(ask(&mut talks, &late), None);
    }

    #[test]
    fn an_event_that_names_its_service_needs_no_socket() {
        let (mut talks, ends) = (Talks::default(), ("10.0.0.1", "10.0.0.2"));
        let udp = abi::Event {
            proto: 17,
            service: addr("10.96.0.9"),
            service_port: 53,
            ..event(event_kind::TRACE, NEW, ends, 1000)
        };
        assert_eq!(ask(&mut talks, &udp).as_deref(), Some("10.96.0.9:53/17"));
        assert_eq!(ask(&mut talks, &abi::Event { service: Addr::ZERO, ..udp }), None);
    }

    #[test]
    fn datagrams_of_a_node_are_told_with_their_port() {
        let (mut talks, ends) = (Talks::default(), ("10.0.0.1", "10.0.0.2"));
        let mut ask = |event: abi::Event| ask(&mut talks, &abi::Event { proto: 17, ..event });
        let name = Some("10.96.0.9:80/17".to_owned());
        assert_eq!(ask(abi::Event { sport: 1000, ..socket(ends, "10.96.0.9") }), name);
        let trace = |flags, port| event(event_kind::TRACE, flags, ends, port);
        assert_eq!(ask(trace(NEW, 1001)), None, "it went to the backend directly");
        assert_eq!(ask(trace(NEW, 1000)), name);
        assert_eq!(ask(trace(REPLY, 1000)), name);
        let later = abi::Event { time: 9 * SECOND, ..trace(NEW, 1000) };
        assert_eq!(ask(later), None, "the port is used again, without the service");
    }
}
