//! Flows per second, for a minute.

use std::collections::VecDeque;

/// Seconds that are remembered.
const SECONDS: usize = 60;

/// Counts of the second that runs, and of those before.
#[derive(Debug, Default)]
pub(super) struct Rate {
    now: u64,
    before: VecDeque<u64>,
}

impl Rate {
    pub(super) const fn add(&mut self, count: u64) {
        self.now += count;
    }

    /// A second has passed.
    pub(super) fn tick(&mut self) {
        if self.before.len() == SECONDS {
            self.before.pop_front();
        }
        self.before.push_back(std::mem::take(&mut self.now));
    }

    /// Returns the count of the last whole second.
    pub(super) fn last(&self) -> u64 {
        self.before.back().copied().unwrap_or_default()
    }

    /// Returns the counts, oldest first.
    pub(super) fn history(&self) -> Vec<u64> {
        self.before.iter().copied().collect()
    }
}
