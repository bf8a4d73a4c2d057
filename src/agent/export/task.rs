//! Follows the plan, and starts and ends exports.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::time::sleep;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::{error, info, warn};

use super::{
    board::{Board, Change},
    plan::{Export, parse},
    run::Run,
};
use crate::{agent::AgentError, flows::Observer};

/// How often the file is looked at: a mounted ConfigMap is replaced as a whole, which no watch of a file sees.
const LOOK: Duration = Duration::from_secs(2);

/// Exports what the file at `path` says, and what it says later, for ever.
pub(in crate::agent) async fn export_flows(
    path: Option<PathBuf>,
    observer: Arc<Observer>,
    board: Arc<Board>,
) -> Result<&'static str, AgentError> {
    let Some(path) = path else { return std::future::pending().await };
    let mut exporters = Exporters::new(observer, board);
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
    observer: Arc<Observer>,
    board: Arc<Board>,
    pub(super) running: BTreeMap<String, Running>,
    /// What was told to end, and has not closed its file.
    ending: Vec<Running>,
}

/// An export that runs.
pub(super) struct Running {
    export: Export,
    stop: CancellationToken,
    /// Told when nothing is written any more.
    closed: CancellationToken,
    _end: DropGuard,
}

impl Exporters {
    pub(super) fn new(observer: Arc<Observer>, board: Arc<Board>) -> Self {
        Self { observer, board, running: BTreeMap::new(), ending: Vec::new() }
    }

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
        let ends = wanted.iter().map(|export| (export.name.clone(), export.request.until));
        self.board.apply(read.as_deref().unwrap_or_default(), ends.collect());
        let gone = self.running.extract_if(.., |_, running| !wanted.contains(&running.export));
        let gone: Vec<Running> = gone.map(|(_, running)| running).collect();
        for running in &gone {
            running.stop.cancel();
            if wanted.iter().all(|export| export.name != running.export.name) {
                self.board.change(Change::Remove);
            }
        }
        let is_change = |name: &str| gone.iter().any(|running| running.export.name == name);
        let new = wanted.into_iter().filter(|export| !self.running.contains_key(&export.name));
        let new: Vec<_> = new.map(|export| (is_change(&export.name), export)).collect();
        self.ending.extend(gone);
        self.ending.retain(|running| !running.closed.is_cancelled());
        for (is_change, export) in new {
            self.board.change(if is_change { Change::Update } else { Change::Add });
            self.start(export);
        }
    }

    fn start(&mut self, export: Export) {
        info!(name = export.name, target = ?export.target, "flows are exported");
        let (stop, closed) = (CancellationToken::new(), CancellationToken::new());
        let path = export.target.path();
        let same = |other: &&Running| path.is_some() && other.export.target.path() == path;
        let before = self.ending.iter().filter(same).map(|other| other.closed.clone()).collect();
        let run = Run {
            observer: Arc::clone(&self.observer),
            export: export.clone(),
            counts: self.board.counts(&export.name),
            stop: stop.clone(),
            before,
            _closed: closed.clone().drop_guard(),
        };
        tokio::spawn(run.run());
        let end = stop.clone().drop_guard();
        self.running.insert(export.name.clone(), Running { export, stop, closed, _end: end });
    }
}
