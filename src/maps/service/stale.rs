//! What frontends do not need any more.

use skep_bpf::abi::{RangeKey, SlotKey, TableKey};

use super::{list::Written, spread};
use crate::maps::{MaglevTable, MapError, MapStore, RangeTable, SlotTable};

/// Entries that no program looks at any more, so that one which stays is only memory.
#[derive(Debug, Default)]
pub(super) struct Stale {
    pub(super) slots: Vec<SlotKey>,
    pub(super) ranges: Vec<RangeKey>,
    pub(super) blocks: Vec<TableKey>,
}

impl Stale {
    /// Returns all that a frontend has.
    pub(super) fn of(written: &Written) -> Self {
        let mut stale = Self::default();
        stale.add(written);
        stale
    }

    /// Adds all that a frontend has.
    pub(super) fn add(&mut self, written: &Written) {
        self.slots.extend(written.slots());
        self.ranges.extend(&written.ranges);
        self.blocks.extend(spread::keys(&written.value));
    }

    /// Adds more.
    pub(super) fn join(&mut self, other: Self) {
        self.slots.extend(other.slots);
        self.ranges.extend(other.ranges);
        self.blocks.extend(other.blocks);
    }

    /// Removes all of it in a few calls.
    pub(super) fn delete(&self, store: &impl MapStore) -> Result<(), MapError> {
        store.delete_all::<SlotTable>(&self.slots)?;
        store.delete_all::<MaglevTable>(&self.blocks)?;
        store.delete_all::<RangeTable>(&self.ranges)
    }

    /// Removes what of it can be removed.
    pub(super) fn delete_each(&self, store: &impl MapStore) {
        self.slots.iter().for_each(|key| drop(store.delete::<SlotTable>(key)));
        self.blocks.iter().for_each(|key| drop(store.delete::<MaglevTable>(key)));
        self.ranges.iter().for_each(|key| drop(store.delete::<RangeTable>(key)));
    }
}
