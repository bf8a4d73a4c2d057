//! What was written of one frontend, and what a change of it takes.

use skep_bpf::abi::{FrontendValue, RangeKey, SlotKey};

use super::{
    arrange::{arrange, differing},
    encode::{frontend_value, range_keys},
};
use crate::{
    maps::{Entries, RangeTable, SlotTable},
    service::{Frontend, FrontendKey},
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
    pub(super) before: Entries<SlotTable>,
    pub(super) after: Vec<SlotKey>,
    pub(super) ranges_before: Entries<RangeTable>,
    pub(super) ranges_after: Vec<RangeKey>,
}

impl Written {
    /// Returns what a frontend shall be, with the list arranged like what was written.
    pub(super) fn wanted(key: &FrontendKey, frontend: &Frontend, before: Option<&Self>) -> Self {
        let value = frontend_value(frontend);
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
    pub(super) fn step(&self, before: Option<&Self>) -> Step {
        let service_id = self.value.service_id;
        let nothing = Self::default();
        let other = before.filter(|old| !old.is_same(&self.value));
        let before = before.filter(|old| old.is_same(&self.value)).unwrap_or(&nothing);
        let mut step = Step::default();
        let key = |slot| SlotKey { service_id, slot };
        step.before.extend(differing(&before.list, &self.list).map(|(slot, id)| (key(slot), id)));
        let is_new = |id: &&u32| !before.members.contains(id);
        let new = self.members.iter().filter(is_new);
        step.before.extend(new.map(|id| (key(SlotKey::MEMBER | id), *id)));
        let kept = self.list.len()..before.list.len();
        step.after.extend(kept.filter_map(|slot| Some(key(u32::try_from(slot).ok()?))));
        let gone = before.members.iter().filter(|id| !self.members.contains(id));
        step.after.extend(gone.map(|id| key(SlotKey::MEMBER | id)));
        step.after.extend(other.into_iter().flat_map(Self::slots));
        let new = self.ranges.iter().filter(|range| !before.ranges.contains(range));
        step.ranges_before.extend(new.map(|range| (*range, 1)));
        let gone = before.ranges.iter().filter(|range| !self.ranges.contains(range));
        step.ranges_after.extend(gone.chain(other.into_iter().flat_map(|old| &old.ranges)));
        step
    }

    /// Yields all its slots.
    pub(super) fn slots(&self) -> impl Iterator<Item = SlotKey> + '_ {
        let service_id = self.value.service_id;
        let places = (0..).zip(&self.list).map(|(slot, _)| slot);
        let members = self.members.iter().map(|id| SlotKey::MEMBER | id);
        places.chain(members).map(move |slot| SlotKey { service_id, slot })
    }
}
