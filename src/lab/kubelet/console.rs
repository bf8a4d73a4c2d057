//! The input of interactive containers (`stdin`, `tty`), as long as they run.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use tokio::{
    fs::File,
    io::{AsyncWrite, AsyncWriteExt},
    sync::mpsc,
};

use super::{log::OpenLog, terminal::Terminal};

/// Pieces of input that wait for the container.
const DEPTH: usize = 16;
/// Largest piece of output.
const PIECE: usize = 16 * 1024;

/// A container's own streams, for those who attach to it.
#[derive(Debug, Default)]
pub(super) struct Console {
    open: Mutex<Option<Streams>>,
}

/// The streams of one run.
#[derive(Clone, Debug)]
pub(super) struct Streams {
    /// Where the output goes.
    pub(super) log: PathBuf,
    /// Where input is taken, if it is.
    pub(super) input: Option<mpsc::Sender<Bytes>>,
    /// The terminal, if it has one.
    pub(super) terminal: Option<Arc<Terminal>>,
    /// Nobody has attached yet: the output from the start is of interest.
    pub(super) fresh: bool,
}

impl Console {
    /// Opens the streams of a run.
    pub(super) fn open(
        &self,
        log: &Path,
        input: Option<mpsc::Sender<Bytes>>,
        terminal: Option<Arc<Terminal>>,
    ) {
        let fresh = input.is_some();
        *self.state() = Some(Streams { log: log.to_owned(), input, terminal, fresh });
    }

    /// Closes the streams: the run has ended.
    pub(super) fn close(&self) {
        *self.state() = None;
    }

    /// Ends the input, as the first client's leaving does with `stdinOnce`.
    pub(super) fn end_input(&self) {
        if let Some(streams) = self.state().as_mut() {
            streams.input = None;
        }
    }

    /// Returns the streams of the run that is going on.
    pub(super) fn attach(&self) -> Option<Streams> {
        let mut state = self.state();
        let streams = state.as_mut()?;
        let found = streams.clone();
        streams.fresh = false;
        Some(found)
    }

    fn state(&self) -> MutexGuard<'_, Option<Streams>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts passing input on to a pipe; returns where to put it.
pub(super) fn feed_pipe(mut pipe: impl AsyncWrite + Send + Unpin + 'static) -> mpsc::Sender<Bytes> {
    let (sender, mut input) = mpsc::channel::<Bytes>(DEPTH);
    tokio::spawn(async move {
        while let Some(bytes) = input.recv().await {
            // A container that reads no more needs none.
            if pipe.write_all(&bytes).await.is_err() || pipe.flush().await.is_err() {
                return;
            }
        }
    });
    sender
}

/// Starts passing input on to a terminal; returns where to put it.
pub(super) fn feed_terminal(terminal: Arc<Terminal>) -> mpsc::Sender<Bytes> {
    let (sender, mut input) = mpsc::channel::<Bytes>(DEPTH);
    tokio::spawn(async move {
        while let Some(bytes) = input.recv().await {
            if terminal.write_all(&bytes).await.is_err() {
                return;
            }
        }
    });
    sender
}

/// Writes what appears on a terminal to the log until its last user has gone; the log stays open
/// until then.
pub(super) async fn record(
    terminal: Arc<Terminal>,
    log: std::fs::File,
    open: OpenLog,
) -> io::Result<()> {
    let mut log = File::from_std(log);
    let mut buffer = vec![0; PIECE];
    loop {
        let length = terminal.read(&mut buffer).await?;
        if length == 0 {
            drop(open);
            return Ok(());
        }
        log.write_all(&buffer[..length]).await?;
        log.flush().await?;
    }
}
