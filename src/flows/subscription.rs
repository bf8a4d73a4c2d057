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

use super::{
    InvalidFilter, Matcher, Observer, Record, Request, Window,
    history::{Cut, Past},
    loss::Losses,
};
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
    /// What is on disk, until it was read.
    past: Option<Past>,
    /// Of the past, ready to go out.
    older: VecDeque<Flow>,
    /// Ready to go out.
    flows: VecDeque<Flow>,
    stored: std::vec::IntoIter<Arc<Record>>,
    /// Where stored flows begin that may go out.
    cut: Option<Cut>,
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
    /// Starts with what is on disk and stored records, oldest first.
    pub(super) fn new(
        request: &Request,
        matcher: Matcher,
        (past, stored): (Option<Past>, Vec<Arc<Record>>),
        live: Option<Live>,
        observer: Arc<Observer>,
        seat: Seat,
    ) -> Self {
        let mut subscription = Self {
            past,
            older: VecDeque::new(),
            flows: VecDeque::new(),
            stored: stored.into_iter(),
            cut: None,
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
            Some(Window::First(0)) => subscription.stop_stored(),
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
        let here = self.observer.here();
        let newest_first = here.select(stored, &self.matcher).rev();
        newest_first.take(count).for_each(|flow| self.flows.push_front(flow));
        self.stored = Vec::new().into_iter();
    }

    /// Returns the next flow or loss; `None` at the end. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Observed> {
        loop {
            if let Some(lost) = self.losses.take(Instant::now()) {
                return Some(Observed::Lost(lost));
            }
            if self.past.is_some() && self.older.is_empty() {
                self.read_past().await;
                continue;
            }
            if self.flows.is_empty() && self.take_stored() {
                // Thousands of stored records may be of no interest.
                tokio::task::consume_budget().await;
                continue;
            }
            if let Some(flow) = self.take_oldest() {
                if self.is_cut(&flow) {
                    continue;
                }
                return Some(Observed::Flow(Box::new(flow)));
            }
            self.stop_stored();
            if self.live.is_none() {
                return self.losses.take_last().map(Observed::Lost);
            }
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

    /// Gets the next flows from disk, if there are more.
    async fn read_past(&mut self) {
        let Some(past) = &mut self.past else { return };
        match past.next().await {
            Some(portion) => {
                self.losses.add(LostEventSource::HubbleRingBuffer, portion.lost);
                self.older.extend(portion.flows);
                self.cut = self.cut.or(portion.cut);
            }
            None => self.past = None,
        }
    }

    /// Turns the next stored records into flows; tells whether there were any.
    fn take_stored(&mut self) -> bool {
        let left = self.left.unwrap_or(usize::MAX);
        let stored = self.stored.as_slice();
        let next = &stored[..stored.len().min(PORTION)];
        let (Some(last), true) = (next.len().checked_sub(1), left > 0) else { return false };
        let here = self.observer.here();
        self.flows.extend(here.select(next, &self.matcher).take(left));
        self.stored.nth(last);
        true
    }

    /// Takes a flow that is ready. What is on disk is older, unless the clock was set back.
    fn take_oldest(&mut self) -> Option<Flow> {
        let is_older = match (self.older.front(), self.flows.front()) {
            (Some(older), Some(flow)) => older.moment() <= flow.moment(),
            (older, _) => older.is_some(),
        };
        let ready = if is_older { &mut self.older } else { &mut self.flows };
        let flow = ready.pop_front()?;
        if let Some(left) = &mut self.left {
            *left -= 1;
            if *left == 0 {
                self.stop_stored();
            }
        }
        Some(flow)
    }

    /// Tells whether a stored flow is too old to be among the newest ones.
    fn is_cut(&mut self, flow: &Flow) -> bool {
        let Some(cut) = &mut self.cut else { return false };
        let is_cut = flow.moment() < cut.since || cut.skip > 0;
        if flow.moment() >= cut.since {
            cut.skip = cut.skip.saturating_sub(1);
        }
        is_cut
    }

    /// Leaves what is stored: enough of it went out, and what comes is not counted.
    fn stop_stored(&mut self) {
        self.past = None;
        self.stored = Vec::new().into_iter();
        self.older.clear();
        self.flows.clear();
        self.cut = None;
        self.left = None;
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
        let here = self.observer.here();
        self.flows.extend(here.select(batch, &self.matcher));
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
