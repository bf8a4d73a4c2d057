//! What a reader holds.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    sync::broadcast::{self, error::RecvError},
    time::sleep_until,
};

use super::{InvalidFilter, Matcher, Observer, Record, Request, Window, loss::Losses};
use crate::hubble::flow::{Flow, LostEvent, LostEventSource};

/// What a reader gets next.
#[derive(Clone, Debug, PartialEq)]
pub enum Observed {
    /// A flow.
    Flow(Box<Flow>),
    /// Events that were lost before the next flow.
    Lost(LostEvent),
}

/// A reader cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum SubscribeError {
    /// A filter makes no sense.
    #[error("invalid filter")]
    Filter(#[from] InvalidFilter),
    /// There are enough readers.
    #[error("the agent already serves {limit} readers of flows")]
    TooManyReaders {
        /// How many are served.
        limit: usize,
    },
}

/// Stored records that are looked at before the reader gets something.
const PORTION: usize = 128;

/// Records that travel together.
type Batch = Arc<[Arc<Record>]>;

/// Records as they come in.
pub(super) struct Live {
    pub(super) batches: broadcast::Receiver<Batch>,
    /// Number of the next record, if none is lost.
    pub(super) next_sequence: u64,
}

/// One reader's stream. Records become flows when the reader is ready for them, so a slow reader costs
/// pointers to records and one batch of flows.
pub struct Subscription {
    /// Ready to go out.
    flows: VecDeque<Flow>,
    stored: std::vec::IntoIter<Arc<Record>>,
    /// So many stored flows may still go out.
    left: Option<usize>,
    live: Option<Live>,
    matcher: Matcher,
    lost_before: u64,
    losses: Losses,
    until: Option<jiff::Timestamp>,
    observer: Arc<Observer>,
    _seat: Seat,
}

impl Subscription {
    /// Starts with stored records, oldest first.
    pub(super) fn new(
        request: &Request,
        matcher: Matcher,
        stored: Vec<Arc<Record>>,
        live: Option<Live>,
        observer: Arc<Observer>,
        seat: Seat,
    ) -> Self {
        let mut subscription = Self {
            flows: VecDeque::new(),
            stored: stored.into_iter(),
            left: None,
            live,
            matcher,
            lost_before: observer.lost(),
            losses: Losses::default(),
            until: request.until,
            observer,
            _seat: seat,
        };
        match request.window {
            Some(Window::First(count)) => subscription.left = Some(count),
            Some(Window::Last(count)) => subscription.keep_last(count),
            None => {}
        }
        subscription
    }

    /// Takes the newest flows that match. A count that no store holds means all; memory follows what is
    /// stored, not what is asked for.
    fn keep_last(&mut self, count: usize) {
        let stored = self.stored.as_slice();
        // A record is two flows at most.
        if count >= stored.len().saturating_mul(2) {
            return;
        }
        let newest_first = self.observer.select(stored, &self.matcher).rev();
        newest_first.take(count).for_each(|flow| self.flows.push_front(flow));
        self.stored = Vec::new().into_iter();
    }

    /// Returns the next flow or loss; `None` at the end. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Observed> {
        loop {
            if let Some(lost) = self.losses.take(Instant::now()) {
                return Some(Observed::Lost(lost));
            }
            if let Some(flow) = self.flows.pop_front() {
                return Some(Observed::Flow(Box::new(flow)));
            }
            if self.take_stored() {
                // Thousands of stored records may be of no interest.
                tokio::task::consume_budget().await;
                continue;
            }
            self.live.as_ref()?;
            self.count_lost();
            if self.losses.due_at(Instant::now()).is_some_and(|due| due <= Instant::now()) {
                continue;
            }
            match self.receive().await? {
                Some(Ok(batch)) => self.accept(&batch),
                // How many events that were shows in the next batch's numbers.
                Some(Err(RecvError::Lagged(_))) | None => {}
                Some(Err(RecvError::Closed)) => return None,
            }
        }
    }

    /// Turns the next stored records into flows; tells whether there were any.
    fn take_stored(&mut self) -> bool {
        let left = self.left.unwrap_or(usize::MAX);
        let stored = self.stored.as_slice();
        let next = &stored[..stored.len().min(PORTION)];
        let (Some(last), true) = (next.len().checked_sub(1), left > 0) else { return false };
        self.flows.extend(self.observer.select(next, &self.matcher).take(left));
        self.left = self.left.map(|left| left - self.flows.len());
        self.stored.nth(last);
        true
    }

    /// Waits for records, or until a loss is due; the outer `None` is the end of the time asked for.
    async fn receive(&mut self) -> Option<Option<Result<Batch, RecvError>>> {
        let now = Instant::now();
        let live = self.live.as_mut()?;
        let due = self.losses.due_at(now);
        let left = self.until.map(|until| {
            let left = until.duration_since(jiff::Timestamp::now());
            Duration::try_from(left).unwrap_or(Duration::ZERO)
        });
        let at = |time: Option<Instant>| sleep_until(time.unwrap_or(now).into());
        tokio::select! {
            biased;
            batch = live.batches.recv() => Some(Some(batch)),
            () = at(due), if due.is_some() => Some(None),
            () = at(left.and_then(|left| now.checked_add(left))), if left.is_some() => None,
        }
    }

    /// Notices what was lost before it came to the observer.
    fn count_lost(&mut self) {
        let lost = self.observer.lost();
        let count = lost - self.lost_before;
        self.lost_before = lost;
        self.losses.add(LostEventSource::PerfEventRingBuffer, count);
    }

    /// Queues what matches and counts the records that are missing before the batch.
    fn accept(&mut self, batch: &[Arc<Record>]) {
        let (Some(first), Some(live)) = (batch.first(), &mut self.live) else { return };
        let missing = first.sequence.saturating_sub(live.next_sequence);
        live.next_sequence = first.sequence + batch.len() as u64;
        self.losses.add(LostEventSource::HubbleRingBuffer, missing);
        self.observer.metrics().lose(missing, LostEventSource::HubbleRingBuffer);
        self.flows.extend(self.observer.select(batch, &self.matcher));
    }
}

/// A counted place among the readers.
pub(super) struct Seat(Arc<AtomicU64>);

impl Seat {
    pub(super) fn take(readers: &Arc<AtomicU64>, limit: usize) -> Result<Self, SubscribeError> {
        let taken = readers.fetch_add(1, Ordering::Relaxed);
        let seat = Self(Arc::clone(readers));
        if taken >= limit as u64 { Err(SubscribeError::TooManyReaders { limit }) } else { Ok(seat) }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
