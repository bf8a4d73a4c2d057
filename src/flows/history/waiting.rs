//! Records that are not on disk yet.

use std::{
    array,
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::Notify;

use super::Lane;
use crate::flows::Record;

/// Records that make a block.
pub(super) const BLOCK: usize = 512;
/// Records of a lane that wait while the disk is slow; then the oldest are lost, and counted.
const MOST: usize = 16 << 10;

type Lanes = [VecDeque<Arc<Record>>; Lane::RECORDED.len()];

/// What waits, by lane, in the order in which it came.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    lanes: Mutex<Lanes>,
    /// Something waits; nobody is woken up for nothing.
    pub(super) some: Notify,
    /// So much waits that it makes a block.
    pub(super) block: Notify,
    lost: AtomicU64,
}

impl Waiting {
    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().expect("no panic while holding the lock")
    }

    /// Takes records in. Never waits for the disk.
    pub(super) fn push(&self, records: &[Arc<Record>]) {
        let mut lanes = self.lanes();
        let was_empty = lanes.iter().all(VecDeque::is_empty);
        for record in records {
            lanes[Lane::of(record).place()].push_back(Arc::clone(record));
        }
        for lane in lanes.iter_mut() {
            let over = lane.len().saturating_sub(MOST);
            lane.drain(..over);
            self.lost.fetch_add(over as u64, Ordering::Relaxed);
        }
        let has_block = lanes.iter().any(|lane| lane.len() >= BLOCK);
        drop(lanes);
        if was_empty {
            self.some.notify_one();
        }
        if has_block {
            self.block.notify_one();
        }
    }

    /// Returns what waits and is older than `oldest` of its lane, and from which sequence on the two have all
    /// records of a lane.
    pub(super) fn before(&self, oldest: [u64; 2]) -> (Vec<Arc<Record>>, [u64; 2]) {
        let lanes = self.lanes();
        let older = lanes.iter().zip(oldest).flat_map(|(lane, oldest)| {
            lane.iter().take_while(move |record| record.sequence < oldest).map(Arc::clone)
        });
        let from = array::from_fn(|place| {
            let front = lanes[place].front().map_or(u64::MAX, |record| record.sequence);
            front.min(oldest[place])
        });
        (older.collect(), from)
    }

    /// Returns the oldest records of a lane up to a sequence, at most a block of them.
    pub(super) fn oldest(&self, lane: Lane, up_to: u64) -> Vec<Arc<Record>> {
        let lanes = self.lanes();
        let all = lanes[lane.place()].iter().take_while(|record| record.sequence <= up_to);
        all.take(BLOCK).map(Arc::clone).collect()
    }

    /// Returns the sequence of the newest record that belongs to a whole block, or of the newest of all.
    pub(super) fn newest(&self, lane: Lane, whole_blocks: bool) -> Option<u64> {
        let lanes = self.lanes();
        let lane = &lanes[lane.place()];
        let count = if whole_blocks { lane.len() / BLOCK * BLOCK } else { lane.len() };
        Some(lane.get(count.checked_sub(1)?)?.sequence)
    }

    /// Forgets what is on disk now, or lost for good: some of it may be gone already.
    pub(super) fn done(&self, lane: Lane, up_to: u64) {
        let mut lanes = self.lanes();
        let lane = &mut lanes[lane.place()];
        while lane.pop_front_if(|record| record.sequence <= up_to).is_some() {}
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lanes().iter().all(VecDeque::is_empty)
    }

    /// Counts records that could not be written.
    pub(super) fn lose(&self, records: u64) {
        self.lost.fetch_add(records, Ordering::Relaxed);
    }

    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}
