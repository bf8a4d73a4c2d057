//! What waits to be told.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Mutex, MutexGuard},
};

use tokio::sync::Notify;
use tracing::debug;

use super::notices::{About, Notice};

/// Notices that wait at most; more at a time are not told.
const WAITING: usize = 256;
/// Notices that are known to have been told. Beyond, they are told again, and the API server has the Event.
const TOLD: usize = 1024;

/// Takes each notice once.
#[derive(Debug, Default)]
pub(in crate::agent::service) struct Queue {
    state: Mutex<State>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Notice>,
    told: HashSet<(About, String)>,
}

impl Queue {
    /// Adds a notice, unless it was told before.
    pub(in crate::agent::service) fn put(&self, notice: Notice) {
        let mut state = self.state();
        if state.waiting.len() >= WAITING {
            debug!(text = notice.text, "there is too much to tell");
            return;
        }
        if state.told.len() >= TOLD {
            state.told.clear();
        }
        if state.told.insert((notice.about.clone(), notice.cause.clone())) {
            state.waiting.push_back(notice);
            self.wake.notify_one();
        }
    }

    /// Waits for the next.
    pub(in crate::agent::service) async fn next(&self) -> Notice {
        loop {
            let next = self.state().waiting.pop_front();
            match next {
                Some(notice) => return notice,
                None => self.wake.notified().await,
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic while holding the lock")
    }
}
