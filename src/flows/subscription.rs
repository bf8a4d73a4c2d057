//! What a reader holds.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::broadcast::{self, error::RecvError};

use super::{Flow, InvalidFilter, Matcher, Observer, Record};

/// What a reader gets next.
#[derive(Clone, Debug, PartialEq)]
pub enum Observed {
    /// A flow.
    Flow(Box<Flow>),
    /// So many events were lost before the next flow.
    Lost(u64),
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

/// One reader's stream.
pub struct Subscription {
    /// Ready to go out.
    pub(super) flows: VecDeque<Flow>,
    pub(super) live: Option<broadcast::Receiver<Arc<[Arc<Record>]>>>,
    pub(super) matcher: Matcher,
    pub(super) next_sequence: Option<u64>,
    pub(super) lost_before: u64,
    pub(super) until: Option<jiff::Timestamp>,
    pub(super) observer: Arc<Observer>,
    pub(super) _seat: Seat,
}

impl Subscription {
    /// Returns the next flow or loss; `None` at the end. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Observed> {
        loop {
            if let Some(flow) = self.flows.pop_front() {
                return Some(Observed::Flow(Box::new(flow)));
            }
            let lost = self.observer.lost.load(Ordering::Relaxed);
            if self.live.is_some() && lost > self.lost_before {
                let count = lost - self.lost_before;
                self.lost_before = lost;
                return Some(Observed::Lost(count));
            }
            match self.receive().await? {
                Ok(batch) => {
                    if let Some(lost) = self.accept(&batch) {
                        return Some(Observed::Lost(lost));
                    }
                }
                // How many events that were shows in the next batch's numbers.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    }

    async fn receive(&mut self) -> Option<Result<Arc<[Arc<Record>]>, RecvError>> {
        let live = self.live.as_mut()?;
        let Some(until) = self.until else { return Some(live.recv().await) };
        let left = until.duration_since(jiff::Timestamp::now());
        let left = Duration::try_from(left).unwrap_or(Duration::ZERO);
        tokio::time::timeout(left, live.recv()).await.ok()
    }

    /// Queues what matches and returns how many records are missing before the batch.
    fn accept(&mut self, batch: &[Arc<Record>]) -> Option<u64> {
        let first = batch.first()?.sequence;
        let missing = self.next_sequence.map_or(0, |expected| first.saturating_sub(expected));
        self.next_sequence = Some(first + batch.len() as u64);
        let observer = &self.observer;
        let matcher = &self.matcher;
        self.flows.extend(batch.iter().flat_map(|record| observer.select(record, matcher)));
        (missing > 0).then_some(missing)
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
