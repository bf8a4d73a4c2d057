//! Noting when logs grow, for all containers of the lab.
//!
//! Containers write to their files themselves, so that they need nobody; the kernel tells (inotify)
//! when they have.

use std::{
    collections::HashMap,
    io,
    os::fd::AsFd,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};
use tokio::{sync::watch, time::sleep};
use tracing::debug;

use super::times::TimesWriter;
use crate::kernel;

/// How long changes are collected: a busy container costs no more than this many looks.
const GATHER: Duration = Duration::from_millis(5);

/// Notes the times of all open logs.
#[derive(Clone, Debug)]
pub(in crate::lab::kubelet) struct LogClock {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    inotify: Inotify,
    logs: Mutex<HashMap<WatchDescriptor, (PathBuf, TimesWriter)>>,
    ticks: watch::Sender<u64>,
}

impl LogClock {
    /// Starts noting, for the life of the process.
    pub(in crate::lab::kubelet) fn start() -> io::Result<Self> {
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
        let events = kernel::wait_for(inotify.as_fd().try_clone_to_owned()?)?;
        let inner =
            Arc::new(Inner { inotify, logs: Mutex::default(), ticks: watch::Sender::new(0) });
        let clock = Self { inner: Arc::clone(&inner) };
        tokio::spawn(async move {
            while let Ok(mut ready) = events.readable().await {
                ready.clear_ready();
                drop(ready);
                while let Ok(changed) = inner.inotify.read_events() {
                    changed.iter().for_each(|event| inner.note(event.wd));
                }
                inner.ticks.send_modify(|count| *count += 1);
                sleep(GATHER).await;
            }
        });
        Ok(clock)
    }

    /// Notes the times of a log until the answer is dropped.
    pub(in crate::lab::kubelet) fn watch(&self, log: &Path) -> io::Result<OpenLog> {
        let times = TimesWriter::open(log)?;
        let watch = self.inner.inotify.add_watch(log, AddWatchFlags::IN_MODIFY)?;
        self.inner.logs().insert(watch, (log.to_owned(), times));
        Ok(OpenLog { watch, inner: Arc::clone(&self.inner) })
    }

    /// Tells whether a log is still being written.
    pub(super) fn is_open(&self, log: &Path) -> bool {
        self.inner.logs().values().any(|(path, _)| path == log)
    }

    /// Returns a receiver that is told whenever any log has grown.
    pub(super) fn ticks(&self) -> watch::Receiver<u64> {
        self.inner.ticks.subscribe()
    }
}

impl Inner {
    fn logs(&self) -> MutexGuard<'_, HashMap<WatchDescriptor, (PathBuf, TimesWriter)>> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, watch: WatchDescriptor) {
        if let Some((path, times)) = self.logs().get_mut(&watch)
            && let Err(error) = times.note(path)
        {
            debug!(log = %path.display(), %error, "time not noted");
        }
    }
}

/// A log that is being written.
#[derive(Debug)]
pub(in crate::lab::kubelet) struct OpenLog {
    watch: WatchDescriptor,
    inner: Arc<Inner>,
}

impl Drop for OpenLog {
    fn drop(&mut self) {
        self.inner.note(self.watch);
        self.inner.logs().remove(&self.watch);
        // The file may have gone, and its watch with it.
        self.inner.inotify.rm_watch(self.watch).ok();
        self.inner.ticks.send_modify(|count| *count += 1);
    }
}
