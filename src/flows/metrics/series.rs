//! The counters of one metric.

use std::{collections::HashMap, sync::Arc};

use foldhash::fast::RandomState;

use super::key::{Key, values};
use crate::flows::PeerInfo;

/// What stands for all that there is no room for.
const OTHER: &str = "other";

/// Counters by the values of their labels, so many at most; one more is for all others.
#[derive(Debug)]
pub(super) struct Series {
    labels: usize,
    budget: usize,
    counters: HashMap<Box<str>, Counter, RandomState>,
    others: u64,
}

#[derive(Debug, Default)]
struct Counter {
    count: u64,
    /// The pods whose values these are.
    pods: Vec<Arc<PeerInfo>>,
    /// One of the pods was gone at the last look.
    is_orphan: bool,
}

impl Series {
    pub(super) fn new(labels: usize, budget: usize) -> Self {
        Self { labels, budget, counters: HashMap::default(), others: 0 }
    }

    /// Adds to a counter. It goes when one of `pods` does.
    pub(super) fn add(&mut self, key: &Key, more: u64, pods: impl FnOnce() -> Vec<Arc<PeerInfo>>) {
        if let Some(counter) = self.counters.get_mut(key.as_str()) {
            counter.count += more;
            counter.is_orphan = false;
        } else if self.counters.len() < self.budget {
            let counter = Counter { count: more, pods: pods(), is_orphan: false };
            self.counters.insert(key.as_str().into(), counter);
        } else {
            self.others += more;
        }
    }

    /// Drops the counters of pods that are gone, and were at the last look: late packets are still
    /// counted, and somebody has read what was.
    pub(super) fn forget(&mut self, is_there: impl Fn(&PeerInfo) -> bool) {
        self.counters.retain(|_, counter| {
            let is_orphan = !counter.pods.iter().all(|pod| is_there(pod));
            let was_orphan = std::mem::replace(&mut counter.is_orphan, is_orphan);
            !(was_orphan && is_orphan)
        });
    }

    /// Yields the values of labels and the counts.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Vec<&str>, u64)> {
        let own =
            self.counters.iter().map(|(text, counter)| (values(text).collect(), counter.count));
        let others = (self.others > 0).then(|| (vec![OTHER; self.labels], self.others));
        own.chain(others)
    }
}
