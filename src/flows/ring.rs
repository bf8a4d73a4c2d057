//! The last records, bounded in number and bytes.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use super::Record;

/// The newest records of one sort.
#[derive(Debug)]
struct Lane {
    /// With their weights, in bytes.
    records: VecDeque<(Arc<Record>, usize)>,
    bytes: usize,
    /// The first of those that are there was not the first ever.
    has_lost: bool,
    max_records: usize,
    max_bytes: usize,
}

/// Two lanes, so that a flood of forwarded packets does not push out the drops that someone will
/// want to know about.
#[derive(Debug)]
pub(super) struct Ring {
    forwarded: Lane,
    dropped: Lane,
}

impl Ring {
    /// Gives drops a quarter of the room.
    pub(super) fn new(max_records: usize, max_bytes: usize) -> Self {
        let drops = (max_records / 4).max(1);
        let drop_bytes = max_bytes / 4;
        Self {
            forwarded: Lane::new(
                (max_records - drops.min(max_records - 1)).max(1),
                max_bytes - drop_bytes,
            ),
            dropped: Lane::new(drops, drop_bytes),
        }
    }

    pub(super) fn push(&mut self, record: Arc<Record>) {
        if record.is_drop() {
            self.dropped.push(record);
        } else {
            self.forwarded.push(record);
        }
    }

    /// Returns everything, in no order: sorting can wait until the ring is free again.
    pub(super) fn snapshot(&self) -> Vec<Arc<Record>> {
        let all = self.forwarded.records.iter().chain(&self.dropped.records);
        all.map(|(record, _)| Arc::clone(record)).collect()
    }

    /// Returns the number of the oldest record of each lane, in the order of [`super::history::Lane`].
    pub(super) fn oldest(&self) -> [u64; 2] {
        [&self.forwarded, &self.dropped]
            .map(|lane| lane.records.front().map_or(u64::MAX, |(record, _)| record.sequence))
    }

    /// Returns since when all records are there; `None` if none was pushed out yet. There are older ones of the lane
    /// that had more room.
    pub(super) fn whole_since(&self) -> Option<Duration> {
        let lanes = [&self.forwarded, &self.dropped].into_iter().filter(|lane| lane.has_lost);
        let fronts = lanes.filter_map(|lane| lane.records.front());
        fronts.map(|(record, _)| record.event.time).max()
    }

    pub(super) fn len(&self) -> usize {
        self.forwarded.records.len() + self.dropped.records.len()
    }
}

/// Sorts oldest first: events of different CPUs are not quite in order in the ring buffer.
pub(super) fn in_order(records: &mut [Arc<Record>]) {
    records.sort_by_key(|record| (record.event.time, record.sequence));
}

impl Lane {
    fn new(max_records: usize, max_bytes: usize) -> Self {
        Self { records: VecDeque::new(), bytes: 0, has_lost: false, max_records, max_bytes }
    }

    fn push(&mut self, record: Arc<Record>) {
        let weight = record.weight();
        self.bytes += weight;
        self.records.push_back((record, weight));
        // The newest record stays even if it alone is over the budget.
        while self.records.len() > 1
            && (self.records.len() > self.max_records || self.bytes > self.max_bytes)
        {
            if let Some((_, weight)) = self.records.pop_front() {
                self.bytes -= weight;
                self.has_lost = true;
            }
        }
    }
}
