//! Bytes of connections, by who opened them and who answers.
//!
//! The datapath tells the totals of a connection now and then; what they rose by since is counted. Both nodes
//! of a connection tell of it: the one of the pod that opened it counts, or that of its server if no pod did.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex},
};

use super::{
    count::push_protocol,
    key::Key,
    set::{Metric, pods},
    spec::MetricSpec,
};
use crate::{
    events::{Event, EventKind, L4, Peer, Totals},
    flows::{PeerInfo, Record, remembered::Remembered},
};

type End = (Option<IpAddr>, Option<u16>);

/// A protocol, who opened, who answers.
type Connection = (u8, End, End);

/// The metric, and how far each connection was when it was told last.
#[derive(Debug)]
pub(super) struct Traffic {
    pub(super) metric: Metric,
    seen: Mutex<Remembered<Connection, Totals>>,
}

impl Traffic {
    pub(super) fn new(spec: &MetricSpec) -> Self {
        Self { metric: Metric::new(spec), seen: Mutex::default() }
    }

    pub(super) fn count(&self, records: &[Arc<Record>]) {
        let mut key = Key::default();
        let mut seen = self.seen.lock().expect("no panic while holding the lock");
        let mut series = self.metric.series();
        let context = &self.metric.spec.context;
        for record in records.iter().filter(|record| has_totals(record.event.kind)) {
            let opened = record.as_opened();
            if !is_counted_here(&opened) {
                continue;
            }
            let Some(Totals { tx_bytes, rx_bytes, .. }) = rise(&mut seen, &opened.event) else {
                continue;
            };
            for (direction, bytes) in [("sent", tx_bytes), ("received", rx_bytes)] {
                if bytes > 0 {
                    key.clear();
                    push_protocol(&opened.event, &mut key);
                    key.push_known(direction);
                    context.write(&opened, &mut key);
                    series.add(&key, bytes, || pods(context, &opened));
                }
            }
        }
    }
}

const fn has_totals(kind: EventKind) -> bool {
    matches!(kind, EventKind::Open | EventKind::News | EventKind::Close | EventKind::Report)
}

fn is_counted_here(opened: &Record) -> bool {
    let is_own = |owner: &PeerInfo| owner.endpoint_id != 0;
    let is_pod = |owner: &PeerInfo| !owner.pod.is_empty();
    match (&opened.source, &opened.destination) {
        (Some(source), _) if is_pod(source) => is_own(source),
        (_, destination) => destination.as_deref().is_some_and(is_own),
    }
}

/// Returns by how much the totals of a connection rose. Of one that is older than this agent only what it
/// sends from now on is known.
fn rise(seen: &mut Remembered<Connection, Totals>, event: &Event) -> Option<Totals> {
    let end = |peer: &Peer| (peer.address, peer.port);
    let connection = (protocol(event.l4?), end(&event.source), end(&event.destination));
    let now = event.totals;
    let before = seen.take(&connection);
    if event.kind != EventKind::Close {
        seen.put(connection, now);
    }
    let is_new = event.kind == EventKind::Open;
    let before = before.or(is_new.then(Totals::default))?;
    // The ports are used again, and the end of the earlier connection was not told.
    let before = if before.tx_bytes > now.tx_bytes { Totals::default() } else { before };
    Some(Totals {
        tx_packets: now.tx_packets.saturating_sub(before.tx_packets),
        tx_bytes: now.tx_bytes.saturating_sub(before.tx_bytes),
        rx_packets: now.rx_packets.saturating_sub(before.rx_packets),
        rx_bytes: now.rx_bytes.saturating_sub(before.rx_bytes),
    })
}

const fn protocol(l4: L4) -> u8 {
    match l4 {
        L4::Tcp(_) => 6,
        L4::Udp => 17,
        L4::Sctp => 132,
        L4::Icmp { .. } => 1,
        L4::Icmpv6 { .. } => 58,
        L4::Other(number) => number,
    }
}
