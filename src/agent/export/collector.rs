//! Sends log records: in batches, again when the collector is away, and never for ever.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use tokio::{
    sync::mpsc,
    time::{Instant as Moment, sleep, timeout_at},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::board::Counts;
use crate::api::otlp::{Collector, SendError, logs::LogRecord};

/// How long records wait for others, and for a collector.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Records that travel together.
    pub(super) batch: usize,
    /// How long the first of a batch waits for the others.
    pub(super) gather: Duration,
    /// The first pause after a failure; each one doubles it.
    pub(super) pause: Duration,
    /// The longest pause.
    pub(super) longest: Duration,
    /// When a batch is given up.
    pub(super) give_up: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            batch: 512,
            gather: Duration::from_secs(1),
            pause: Duration::from_secs(1),
            longest: Duration::from_secs(30),
            give_up: Duration::from_secs(300),
        }
    }
}

/// Sends records as they come, until there are no more; once `stop` is told, nothing is tried twice.
pub(super) struct Sender<'a> {
    pub(super) name: &'a str,
    pub(super) collector: Collector,
    pub(super) patience: Patience,
    pub(super) counts: &'a Counts,
    pub(super) stop: CancellationToken,
    /// Records that were lost since the collector took some.
    pub(super) lost: u64,
    /// Whether it is known that the collector does not answer.
    pub(super) told: bool,
}

impl Sender<'_> {
    pub(super) async fn send(mut self, mut records: mpsc::Receiver<LogRecord>) {
        while let Some(batch) = self.gather(&mut records).await {
            self.deliver(batch).await;
        }
        if self.lost > 0 {
            warn!(
                name = self.name,
                lost = self.lost,
                "the export ends with flows that were not sent"
            );
        }
    }

    /// Waits for records; none come any more when it is over.
    async fn gather(&self, records: &mut mpsc::Receiver<LogRecord>) -> Option<Vec<LogRecord>> {
        let mut batch = Vec::new();
        if records.recv_many(&mut batch, self.patience.batch).await == 0 {
            return None;
        }
        let end = Moment::now() + self.patience.gather;
        while batch.len() < self.patience.batch {
            let room = self.patience.batch - batch.len();
            let more = records.recv_many(&mut batch, room);
            match timeout_at(end, more).await {
                Ok(1..) => {}
                Ok(0) | Err(_) => break,
            }
        }
        Some(batch)
    }

    /// Sends a batch, again if that may help.
    async fn deliver(&mut self, batch: Vec<LogRecord>) {
        let count = batch.len() as u64;
        let (begun, mut pause) = (Instant::now(), self.patience.pause);
        loop {
            match self.collector.send(batch.clone()).await {
                Ok((rejected, message)) => return self.taken(count, rejected, &message),
                Err(SendError::Never(reason)) => return self.lose(count, &reason),
                Err(SendError::Later { reason, after }) => {
                    if self.stop.is_cancelled() || begun.elapsed() >= self.patience.give_up {
                        return self.lose(count, &reason);
                    }
                    self.tell(&reason);
                    // Agents of many nodes are not to come back at once.
                    let some = pause.mul_f64(rand::random_range(0.5..1.0));
                    let wait = after.map_or(some, |after| after.min(self.patience.give_up));
                    self.stop.run_until_cancelled(sleep(wait)).await;
                    pause = (pause * 2).min(self.patience.longest);
                }
            }
        }
    }

    /// Counts what the collector took, and what it did not want.
    fn taken(&mut self, count: u64, rejected: u64, message: &str) {
        let rejected = rejected.min(count);
        self.counts.exported.fetch_add(count - rejected, Ordering::Relaxed);
        if rejected > 0 {
            return self.lose(rejected, message);
        }
        if !message.is_empty() {
            info!(name = self.name, message, "the collector has something to say");
        }
        if self.told {
            info!(name = self.name, lost = self.lost, "flows are sent again");
        }
        (self.lost, self.told) = (0, false);
    }

    fn lose(&mut self, count: u64, reason: &str) {
        self.tell(reason);
        self.counts.lost.fetch_add(count, Ordering::Relaxed);
        self.lost += count;
    }

    /// Says once that something is wrong.
    fn tell(&mut self, reason: &str) {
        if !self.told {
            warn!(name = self.name, reason, "flows are not sent");
        }
        self.told = true;
    }
}
