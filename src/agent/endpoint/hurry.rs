//! Pods are attached in a hurry; when nobody waits any more they get what lasts.

use std::{
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tracing::{debug, error};

use super::Endpoints;
use crate::kernel::{AttachMethod, Attachment, Hook};

/// Without an ADD for this long nobody is in a hurry.
const CALM: Duration = Duration::from_secs(1);

/// Whether somebody waits for a pod to be connected.
#[derive(Debug, Default)]
pub(super) struct Hurry {
    running: AtomicUsize,
    last: Mutex<Option<Instant>>,
    moving: Mutex<()>,
}

/// Somebody waits, until dropped.
#[derive(Debug)]
pub(super) struct Waiting<'a>(&'a Hurry);

impl Hurry {
    pub(super) fn begin(&self) -> Waiting<'_> {
        self.running.fetch_add(1, Ordering::Relaxed);
        Waiting(self)
    }

    fn is_over(&self) -> bool {
        let last = *self.last.lock().expect("no panic while holding the lock");
        self.running.load(Ordering::Relaxed) == 0 && last.is_none_or(|last| last.elapsed() >= CALM)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        *self.0.last.lock().expect("no panic while holding the lock") = Some(Instant::now());
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Endpoints {
    /// Keeps pods from being moved from filters to links: meanwhile they have both.
    pub(in crate::agent) fn hold_attachments(&self) -> MutexGuard<'_, ()> {
        self.hurry.moving.lock().expect("no panic while holding the lock")
    }

    /// Moves pods that were attached in a hurry to the method that is wanted, one after the other and
    /// as long as nobody waits. `attachments` are those of this moment.
    pub(in crate::agent) fn settle_attachments(&self, attachments: &[Attachment]) {
        let datapath = &self.context.datapath;
        if datapath.method() == AttachMethod::Clsact {
            return;
        }
        let is_hurried = |device| {
            let mut filters = attachments.iter().filter(|a| a.method == AttachMethod::Clsact);
            filters.any(|attachment| attachment.ifindex == device)
        };
        for record in self.records() {
            if !is_hurried(record.ifindex) {
                continue;
            }
            let _turn = self.turns.take(&record.attachment);
            let _held = self.hold_attachments();
            if !self.hurry.is_over() {
                return;
            }
            if self.find(&record.attachment).is_none_or(|now| now.ifindex != record.ifindex) {
                continue;
            }
            match datapath.attach(Hook::Pod, record.ifindex) {
                Ok(()) => debug!(device = record.host_ifname, "attached to stay"),
                Err(error) => error!(
                    device = record.host_ifname,
                    error = &error as &dyn std::error::Error,
                    "programs not moved to links"
                ),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hurry_is_over_a_while_after_the_last_one_was_served() {
        let hurry = Hurry::default();
        assert!(hurry.is_over());
        let waiting = hurry.begin();
        assert!(!hurry.is_over());
        drop(waiting);
        assert!(!hurry.is_over(), "the next one may come at once");
        let long_ago = Instant::now().checked_sub(CALM);
        *hurry.last.lock().unwrap() = long_ago;
        assert!(long_ago.is_none() || hurry.is_over());
    }
}
