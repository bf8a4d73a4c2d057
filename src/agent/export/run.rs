//! One export: follows flows, and hands them to what writes or sends.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use jiff::Timestamp;
use tokio::{sync::mpsc, time::timeout};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::{error, info};

use super::{
    board::Counts,
    collector::{self, Sender},
    file::Sink,
    plan::{Export, Target},
    write::write,
};
use crate::{
    api::otlp::{self, Collector, Source},
    flows::{Observed, Observer},
    hubble::flow::{LostEvent, LostEventSource},
};

/// Flows that wait for the disk or the collector; then the reader waits, and loses for itself.
const QUEUE: usize = 1024;
/// How long it waits before it leaves one out and looks at what it has lost.
const PATIENCE: Duration = Duration::from_secs(1);

/// One export.
pub(super) struct Run {
    pub(super) observer: Arc<Observer>,
    pub(super) export: Export,
    pub(super) counts: Arc<Counts>,
    pub(super) stop: CancellationToken,
    /// What still writes the same file.
    pub(super) before: Vec<CancellationToken>,
    pub(super) _closed: DropGuard,
}

impl Run {
    /// Exports until stopped, or until its end, and until all of that is written or lost.
    pub(super) async fn run(self) {
        let node = self.observer.node_name();
        match &self.export.target {
            Target::Stdout | Target::File(_) => {
                let (queue, lines) = mpsc::channel(QUEUE);
                let line = |observed: Observed| {
                    let message = observed.into_response(node.clone());
                    serde_json::to_string(&message).expect("flows have text keys only")
                };
                tokio::join!(self.follow(queue, line), self.write(lines));
            }
            Target::Collector(target) => {
                let (queue, records) = mpsc::channel(QUEUE);
                let record = |observed| otlp::log(&observed, Timestamp::now());
                let (cluster, name) = node.split_once('/').unwrap_or_default();
                let source = Source { node: name.to_owned(), cluster: cluster.to_owned() };
                let sender = Sender {
                    name: &self.export.name,
                    collector: Collector::new(target, source.into()),
                    patience: collector::Patience::default(),
                    counts: &self.counts,
                    stop: self.stop.clone(),
                    lost: 0,
                    told: false,
                };
                tokio::join!(self.follow(queue, record), sender.send(records));
            }
        }
    }

    /// Reads flows as any other reader does. When what writes or sends them has no room for long, some are left
    /// out, so that losses are counted while they happen and not when it is over.
    async fn follow<T>(&self, queue: mpsc::Sender<T>, make: impl Fn(Observed) -> T) {
        let name = &self.export.name;
        let read = async {
            let Ok(mut flows) = self.observer.subscribe(&self.export.request) else {
                return error!(name, "not exported: there are too many readers");
            };
            let mut missed = 0;
            while let Some(observed) = flows.next().await {
                self.count(&observed);
                if missed > 0
                    && let Ok(room) = queue.try_reserve()
                {
                    room.send(make(left_out(missed)));
                    missed = 0;
                }
                // Meanwhile the observer keeps what comes, as far as it has room.
                match timeout(PATIENCE, queue.reserve()).await {
                    Ok(Ok(room)) => room.send(make(self.masked(observed))),
                    Ok(Err(_)) => return,
                    Err(_) => missed += self.miss(&observed),
                }
            }
            info!(name, "the export is over");
        };
        self.stop.run_until_cancelled(read).await;
    }

    /// Counts what this reader was too slow for. What nobody could read is no fault of this export.
    fn count(&self, observed: &Observed) {
        if let Observed::Lost(lost) = observed
            && lost.source() == LostEventSource::HubbleRingBuffer
        {
            self.counts.lost.fetch_add(lost.num_events_lost, Ordering::Relaxed);
        }
    }

    /// Leaves something out; returns of how many flows that is the news.
    fn miss(&self, observed: &Observed) -> u64 {
        match observed {
            Observed::Flow(_) => {
                self.counts.lost.fetch_add(1, Ordering::Relaxed);
                1
            }
            Observed::Lost(lost) => lost.num_events_lost,
        }
    }

    fn masked(&self, observed: Observed) -> Observed {
        match (observed, &self.export.mask) {
            (Observed::Flow(flow), Some(mask)) => Observed::Flow(mask.prune(&flow).into()),
            (whole, _) => whole,
        }
    }

    /// Writes lines, once nothing else writes the file any more.
    async fn write(&self, lines: mpsc::Receiver<String>) {
        for before in &self.before {
            before.cancelled().await;
        }
        let (name, target) = (self.export.name.clone(), self.export.target.clone());
        let counts = Arc::clone(&self.counts);
        let writing = tokio::task::spawn_blocking(move || {
            write(&name, || Sink::open(&target), lines, &counts);
        });
        if let Err(error) = writing.await {
            error!(name = self.export.name, %error, "the export broke");
        }
    }
}

/// Says how many flows were left out.
fn left_out(count: u64) -> Observed {
    let source = LostEventSource::ObserverEventsQueue.into();
    Observed::Lost(LostEvent { source, num_events_lost: count, ..LostEvent::default() })
}
