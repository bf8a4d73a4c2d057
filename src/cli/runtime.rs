//! The async runtime of commands that need one, and what signals do to them.

use std::{future::Future, io};

use tokio::{
    runtime::{Builder, Runtime},
    signal::unix::{Signal, SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

use super::error::{Error, Kind};

/// How many threads a command works with.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Threads {
    /// The calling one: commands that ask and print.
    One,
    /// A few workers: agents and servers.
    Many(usize),
}

/// A signal ended the command.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stopped {
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// SIGTERM.
    #[error("terminated")]
    Terminated,
}

impl Stopped {
    pub(super) const fn kind(&self) -> Kind {
        match self {
            Self::Interrupted => Kind::Interrupted,
            Self::Terminated => Kind::Terminated,
        }
    }
}

/// The runtime could not start.
#[derive(Debug, thiserror::Error)]
#[error("cannot start the async runtime")]
pub(crate) struct RuntimeError(#[source] io::Error);

/// Runs a question to its end; Ctrl-C and SIGTERM drop it.
///
/// # Errors
/// The question's own, or that a signal came.
pub(crate) fn query<T>(question: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    build(Threads::One)?.block_on(async {
        let mut signals = Signals::listen()?;
        tokio::select! {
            answer = question => answer,
            stopped = signals.next() => Err(stopped.into()),
        }
    })
}

/// Runs work that must clean up: the first signal cancels its token and waits for it, the second
/// ends it at once. After a signal the exit code says so, whatever the work returned, unless
/// cleaning up failed.
///
/// # Errors
/// The work's own, or that a signal came.
pub(crate) fn serve<T, F: Future<Output = Result<T, Error>>>(
    threads: Threads,
    work: impl FnOnce(CancellationToken) -> F,
) -> Result<T, Error> {
    let runtime = build(threads)?;
    let result = runtime.block_on(async {
        let mut signals = Signals::listen()?;
        let cancel = CancellationToken::new();
        let mut work = std::pin::pin!(work(cancel.clone()));
        let stopped = tokio::select! {
            result = &mut work => return result,
            stopped = signals.next() => stopped,
        };
        cancel.cancel();
        tokio::select! {
            // Work that says it was cancelled does not know by which signal.
            result = work => Err(match result {
                Err(error) if error.kind() != Kind::Interrupted => error,
                _ => stopped.into(),
            }),
            again = signals.next() => Err(again.into()),
        }
    });
    // A blocking task must not hold the process after its work has ended.
    runtime.shutdown_background();
    result
}

fn build(threads: Threads) -> Result<Runtime, RuntimeError> {
    let mut builder = match threads {
        Threads::One => Builder::new_current_thread(),
        Threads::Many(_) => Builder::new_multi_thread(),
    };
    if let Threads::Many(workers) = threads {
        builder.worker_threads(workers);
    }
    builder.enable_all().build().map_err(RuntimeError)
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> Result<Self, RuntimeError> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).map_err(RuntimeError)?,
            terminate: signal(SignalKind::terminate()).map_err(RuntimeError)?,
        })
    }

    async fn next(&mut self) -> Stopped {
        tokio::select! {
            _ = self.interrupt.recv() => Stopped::Interrupted,
            _ = self.terminate.recv() => Stopped::Terminated,
        }
    }
}
