//! Bytes of connections, by who opened them and who answers.
//!
//! The datapath tells the totals of a connection now and then; what they rose by since is counted. Both nodes
//! of a connection tell of it: the one of the pod that opened it counts, or that of its server if no pod did.

use std::sync::{Arc, Mutex};

use super::{
    count::push_protocol,
    key::Key,
    set::{Metric, pods},
    spec::MetricSpec,
};
use crate::{
    events::{Event, EventKind, Totals},
    flows::{
        PeerInfo, Record,
        connection::{Connection, End, number},
        remembered::Remembered,
    },
};

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
                    push_protocol(opened.event.l4, &mut key);
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
    let (opener, responder) = (End::of(&event.source), End::of(&event.destination));
    let connection = Connection::new(number(event.l4?), opener, responder);
    let now = event.totals;
    let is_over = event.kind == EventKind::Close;
    let before = if is_over { seen.take(&connection) } else { seen.put(connection, now) };
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
