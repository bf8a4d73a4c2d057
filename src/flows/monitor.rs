//! Readers of raw events. They read what followers of flows read, so that the reader of the ring buffer
//! does nothing for them; a slow one loses events and is told how many.

use std::{collections::VecDeque, sync::Arc};

use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::{self, error::RecvError};

use super::{
    BootClock, Observer, Record,
    raw::{RawEvent, RawKind},
    subscription::Seat,
};
use crate::events::Event;

/// Which events are wanted; nothing means all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct EventFilter {
    /// What happened.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<RawKind>,
    /// The local endpoint that it is about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<u32>,
}

/// What a reader of raw events gets next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Monitored {
    /// An event.
    Event(Box<RawEvent>),
    /// So many events were lost before the next one.
    Lost(u64),
}

/// One reader's stream, from now on.
pub struct Monitor {
    batches: broadcast::Receiver<Arc<[Arc<Record>]>>,
    /// Number of the next record, if none is lost.
    next_sequence: u64,
    lost_before: u64,
    ready: VecDeque<Monitored>,
    filter: EventFilter,
    observer: Arc<Observer>,
    _seat: Seat,
}

impl EventFilter {
    fn matches(&self, event: &Event) -> bool {
        let endpoint = event.endpoint.map(|endpoint| endpoint.0);
        (self.kinds.is_empty() || self.kinds.contains(&RawKind::of(event.kind)))
            && (self.endpoints.is_empty() || endpoint.is_some_and(|e| self.endpoints.contains(&e)))
    }
}

impl Monitor {
    pub(super) fn new(
        (batches, next_sequence): (broadcast::Receiver<Arc<[Arc<Record>]>>, u64),
        filter: EventFilter,
        observer: Arc<Observer>,
        seat: Seat,
    ) -> Self {
        let lost_before = observer.lost();
        let ready = VecDeque::new();
        Self { batches, next_sequence, lost_before, ready, filter, observer, _seat: seat }
    }

    /// Returns the next event or loss; `None` at the end. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Monitored> {
        loop {
            if let Some(next) = self.ready.pop_front() {
                return Some(next);
            }
            match self.batches.recv().await {
                Ok(batch) => self.accept(&batch),
                // How many they were shows in the next batch's numbers.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    }

    fn accept(&mut self, batch: &[Arc<Record>]) {
        let Some(first) = batch.first() else { return };
        let behind = first.sequence.saturating_sub(self.next_sequence);
        self.next_sequence = first.sequence + batch.len() as u64;
        let lost = self.observer.lost();
        let missing = behind + (lost - self.lost_before);
        self.lost_before = lost;
        self.ready.extend((missing > 0).then_some(Monitored::Lost(missing)));
        let clock = BootClock::now();
        let events = batch.iter().map(|record| &record.event);
        let wanted = events.filter(|event| self.filter.matches(event));
        let raw = wanted.map(|event| Monitored::Event(Box::new(RawEvent::of(event, &clock))));
        self.ready.extend(raw);
    }
}
