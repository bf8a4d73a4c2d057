//! What was written of one frontend, and what a change of it takes.

use skep_bpf::abi::{FrontendValue, RangeKey, SlotKey, TableKey};

use super::{
    arrange::{arrange, differing},
    encode::{frontend_value, range_keys},
    spread,
    stale::Stale,
};
use crate::{
    maps::{Entries, MaglevTable, RangeTable, SlotTable},
    service::{
        Frontend, FrontendKey,
        maglev::{self, Limit},
    },
};

/// A frontend in the maps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) value: FrontendValue,
    /// The number of the backend at each place.
    pub(super) list: Vec<u32>,
    /// Backends that are marked as members.
    pub(super) members: Vec<u32>,
    /// Who may connect, if not everybody.
    pub(super) ranges: Vec<RangeKey>,
}

/// What to write before and what to remove after the frontend itself.
#[derive(Debug, Default)]
pub(super) struct Step {
    pub(super) slots: Entries<SlotTable>,
    pub(super) blocks: Entries<MaglevTable>,
    pub(super) ranges: Entries<RangeTable>,
    pub(super) stale: Stale,
}

impl Step {
    /// Returns what to remove if it could not be written. Places beyond the old list are nobody's; those
    /// within are of backends all the same. So it is with tables.
    pub(super) fn undone(&self, before: Option<&Written>) -> Stale {
        let nothing = Written::default();
        let before = before.unwrap_or(&nothing);
        let is_extra = |key: &SlotKey| key.slot as usize >= before.list.len();
        let kept: Vec<TableKey> = spread::keys(&before.value).collect();
        Stale {
            slots: self.slots.iter().map(|(key, _)| *key).filter(is_extra).collect(),
            ranges: self.ranges.iter().map(|(range, _)| *range).collect(),
            blocks: self
                .blocks
                .iter()
                .map(|(key, _)| *key)
                .filter(|key| !kept.contains(key))
                .collect(),
        }
    }
}

impl Written {
    /// Returns what a frontend shall be, with the list arranged like what was written.
    pub(super) fn wanted(
        key: &FrontendKey,
        frontend: &Frontend,
        limit: Limit,
        before: Option<&Self>,
    ) -> Self {
        let mut value = frontend_value(frontend);
        let table = before.filter(|old| old.is_same(&value)).map(|old| old.value);
        spread::number(&mut value, spread::size(key, frontend, limit), table.as_ref());
        let ids: Vec<u32> = frontend.backends.candidates().iter().map(|one| one.id.0).collect();
        let old: &[u32] = before.filter(|old| old.is_same(&value)).map_or(&[], |old| &old.list);
        let list = arrange(old, &ids);
        let members = if value.affinity == 0 { vec![] } else { ids };
        Self { value, list, members, ranges: range_keys(key, frontend) }
    }

    fn is_same(&self, value: &FrontendValue) -> bool {
        self.value.service_id == value.service_id
    }

    /// Returns what it takes to get here from what was written.
    pub(super) fn step(&self, frontend: &Frontend, limit: Limit, before: Option<&Self>) -> Step {
        let service_id = self.value.service_id;
        let nothing = Self::default();
        let other = before.filter(|old| !old.is_same(&self.value));
        let before = before.filter(|old| old.is_same(&self.value)).unwrap_or(&nothing);
        let mut step = Step::default();
        let key = |slot| SlotKey { service_id, slot };
        step.slots.extend(differing(&before.list, &self.list).map(|(slot, id)| (key(slot), id)));
        let is_new = |id: &&u32| !before.members.contains(id);
        let new = self.members.iter().filter(is_new);
        step.slots.extend(new.map(|id| (key(SlotKey::MEMBER | id), *id)));
        let kept = self.list.len()..before.list.len();
        step.stale.slots.extend(kept.filter_map(|slot| Some(key(u32::try_from(slot).ok()?))));
        let gone = before.members.iter().filter(|id| !self.members.contains(id));
        step.stale.slots.extend(gone.map(|id| key(SlotKey::MEMBER | id)));
        self.spread(frontend, limit, before, &mut step);
        let new = self.ranges.iter().filter(|range| !before.ranges.contains(range));
        step.ranges.extend(new.map(|range| (*range, 1)));
        let gone = before.ranges.iter().filter(|range| !self.ranges.contains(range));
        step.stale.ranges.extend(gone);
        if let Some(other) = other {
            step.stale.add(other);
        }
        step
    }

    /// Adds what becomes of the Maglev table: all of it is written if any place differs, as its entries
    /// follow from all backends together.
    fn spread(&self, frontend: &Frontend, limit: Limit, before: &Self, step: &mut Step) {
        let is_same_table = (self.value.table, self.value.table_size)
            == (before.value.table, before.value.table_size);
        if is_same_table && self.list == before.list {
            return;
        }
        if self.value.table_size != 0 {
            let entries = maglev::table(&frontend.backends, limit);
            step.blocks.extend(spread::blocks(self.value.table, &entries));
        }
        if !is_same_table {
            step.stale.blocks.extend(spread::keys(&before.value));
        }
    }

    /// Yields all its slots.
    pub(super) fn slots(&self) -> impl Iterator<Item = SlotKey> + '_ {
        let service_id = self.value.service_id;
        let places = (0..).zip(&self.list).map(|(slot, _)| slot);
        let members = self.members.iter().map(|id| SlotKey::MEMBER | id);
        places.chain(members).map(move |slot| SlotKey { service_id, slot })
    }
}
