//! What is on disk, without what is in it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard},
};

use super::{
    Lane,
    segment::{Place, START, Segment},
};

/// A segment, and the blocks in it.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) segment: Arc<Segment>,
    pub(super) blocks: Vec<Place>,
    pub(super) bytes: u64,
}

/// A block that can be read as long as its segment is there.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) segment: Arc<Segment>,
    pub(super) place: Place,
}

type Lanes = [VecDeque<Kept>; Lane::ALL.len()];

/// All segments by lane, oldest first.
#[derive(Debug, Default)]
pub(super) struct Shelf(Mutex<Lanes>);

impl Shelf {
    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.0.lock().expect("no panic while holding the lock")
    }

    /// Adds a segment that is newer than all others of its lane.
    pub(super) fn put(&self, kept: Kept) {
        self.lanes()[kept.segment.lane.place()].push_back(kept);
    }

    /// Adds an empty segment.
    pub(super) fn begin(&self, segment: Arc<Segment>) {
        self.put(Kept { segment, blocks: Vec::new(), bytes: START as u64 });
    }

    /// Adds a block to the newest segment of a lane.
    pub(super) fn add(&self, lane: Lane, place: Place, bytes: u64) {
        if let Some(newest) = self.lanes()[lane.place()].back_mut() {
            newest.blocks.push(place);
            newest.bytes += bytes;
        }
    }

    /// Returns the oldest segment of a lane.
    pub(super) fn oldest(&self, lane: Lane) -> Option<Arc<Segment>> {
        Some(Arc::clone(&self.lanes()[lane.place()].front()?.segment))
    }

    /// Forgets a segment.
    pub(super) fn remove(&self, segment: &Segment) {
        self.lanes()[segment.lane.place()].retain(|kept| *kept.segment != *segment);
    }

    /// Returns the blocks of a segment.
    pub(super) fn blocks_of(&self, segment: &Segment) -> Vec<Place> {
        let lanes = self.lanes();
        let mut lane = lanes[segment.lane.place()].iter();
        let kept = lane.find(|kept| *kept.segment == *segment);
        kept.map(|kept| kept.blocks.clone()).unwrap_or_default()
    }

    /// Returns how many bytes a lane has.
    pub(super) fn bytes(&self, lane: Lane) -> u64 {
        self.lanes()[lane.place()].iter().map(|kept| kept.bytes).sum()
    }

    /// Returns the time of the oldest flow.
    pub(super) fn since(&self) -> Option<i64> {
        let lanes = self.lanes();
        let blocks = lanes.iter().flatten().flat_map(|kept| &kept.blocks);
        blocks.map(|place| place.head.first).min()
    }

    /// Returns the blocks that are wanted.
    pub(super) fn blocks(&self, wanted: impl Fn(Lane, &Place) -> bool) -> Vec<Block> {
        let lanes = self.lanes();
        let mut blocks = Vec::new();
        for Kept { segment, blocks: places, .. } in lanes.iter().flatten() {
            let wanted = places.iter().filter(|place| wanted(segment.lane, place));
            blocks
                .extend(wanted.map(|place| Block { segment: Arc::clone(segment), place: *place }));
        }
        blocks
    }
}
