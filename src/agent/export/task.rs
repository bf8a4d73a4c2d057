//! Follows the plan, and flows for each export in it.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::mpsc::{self, error::TryRecvError},
    time::sleep,
};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::{error, info, warn};

use super::{
    file::Sink,
    plan::{Export, parse},
};
use crate::{
    agent::AgentError,
    flows::{Observed, Observer},
};

/// How often the file is looked at: a mounted ConfigMap is replaced as a whole, which no watch of a file sees.
const LOOK: Duration = Duration::from_secs(2);
/// Lines that wait for the disk; then the reader waits, and loses for itself.
const QUEUE: usize = 1024;
/// Bytes that are written at once.
const PORTION: usize = 64 << 10;

/// Exports what the file at `path` says, and what it says later, for ever.
pub(in crate::agent) async fn export_flows(
    path: Option<PathBuf>,
    observer: Arc<Observer>,
) -> Result<&'static str, AgentError> {
    let Some(path) = path else { return std::future::pending().await };
    let mut exporters = Exporters { observer, running: BTreeMap::new() };
    let mut known = None;
    loop {
        let read = tokio::fs::read_to_string(&path).await.map_err(|error| error.to_string());
        if known.as_ref() != Some(&read) {
            exporters.apply(&path, &read);
            known = Some(read);
        }
        sleep(LOOK).await;
    }
}

/// The exports that run, by name.
pub(super) struct Exporters {
    pub(super) observer: Arc<Observer>,
    pub(super) running: BTreeMap<String, (Export, DropGuard)>,
}

impl Exporters {
    /// Makes what runs be what the file says. One that makes no sense changes nothing; without a file nothing runs.
    pub(super) fn apply(&mut self, path: &Path, read: &Result<String, String>) {
        let file = path.display();
        let wanted = match read.as_deref().map(parse) {
            Ok(Ok(wanted)) => wanted,
            Ok(Err(reason)) => {
                let error = &reason as &dyn std::error::Error;
                return error!(%file, error, "exports of flows stay as they were");
            }
            Err(reason) => {
                warn!(%file, reason, "no flows are exported");
                Vec::new()
            }
        };
        self.running.retain(|_, (export, _)| wanted.contains(export));
        for export in wanted {
            if !self.running.contains_key(&export.name) {
                info!(name = export.name, target = ?export.target, "flows are exported");
                let stop = CancellationToken::new();
                tokio::spawn(run(Arc::clone(&self.observer), export.clone(), stop.clone()));
                self.running.insert(export.name.clone(), (export, stop.drop_guard()));
            }
        }
    }
}

/// Exports until cancelled, or until its end.
async fn run(observer: Arc<Observer>, export: Export, stop: CancellationToken) {
    let (queue, lines) = mpsc::channel(QUEUE);
    let (name, target) = (export.name.clone(), export.target.clone());
    tokio::task::spawn_blocking(move || write(&name, || Sink::open(&target), lines));
    let read = async {
        let Ok(mut flows) = observer.subscribe(&export.request) else {
            return error!(name = export.name, "not exported: there are too many readers");
        };
        while let Some(observed) = flows.next().await {
            let observed = match (observed, &export.mask) {
                (Observed::Flow(flow), Some(mask)) => Observed::Flow(mask.prune(&flow).into()),
                (whole, _) => whole,
            };
            let message = observed.into_response(observer.node_name());
            let line = serde_json::to_string(&message).expect("flows have text keys only");
            if queue.send(line).await.is_err() {
                return;
            }
        }
        info!(name = export.name, "the export is over");
    };
    stop.run_until_cancelled(read).await;
}

/// Writes lines as they come, many at once when they come fast. What cannot be written is lost, and counted.
pub(super) fn write(
    name: &str,
    open: impl Fn() -> io::Result<Sink>,
    mut lines: mpsc::Receiver<String>,
) {
    let mut sink = None;
    let mut lost = 0_u64;
    while let Some(first) = lines.blocking_recv() {
        let mut portion = String::new();
        let mut count = 1;
        let _ = writeln!(portion, "{first}");
        while portion.len() < PORTION {
            match lines.try_recv() {
                Ok(line) => {
                    count += 1;
                    let _ = writeln!(portion, "{line}");
                }
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
        let written = sink.take().map_or_else(&open, Ok).and_then(|mut opened| {
            let written = opened.write(portion.as_bytes());
            sink = Some(opened);
            written
        });
        match written {
            Ok(()) if lost > 0 => {
                info!(name, lost, "flows are written again");
                lost = 0;
            }
            Ok(()) => {}
            Err(error) => {
                if lost == 0 {
                    warn!(name, %error, "flows are not written");
                }
                lost += count;
            }
        }
    }
    if lost > 0 {
        warn!(name, lost, "the export ends with flows that were not written");
    }
}
