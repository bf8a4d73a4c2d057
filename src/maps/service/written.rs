//! What was written of one frontend, and what a change of it takes.

use std::collections::HashMap;

use skep_bpf::abi::{FrontendValue, ListKey, MemberKey, RangeKey};

use super::{
    encode::{frontend_value, range_keys},
    list::{self, List},
    stale::Stale,
};
use crate::{
    maps::{Entries, ListTable, MemberTable, RangeTable},
    service::{Frontend, FrontendKey, maglev::Limit},
};

/// A frontend in the maps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) value: FrontendValue,
    /// Who takes new connections.
    pub(super) list: List,
    /// Backends that are marked as members.
    pub(super) members: Vec<u32>,
    /// Who may connect, if not everybody.
    pub(super) ranges: Vec<RangeKey>,
}

/// What to write before and what to remove after the frontend itself.
#[derive(Debug, Default)]
pub(super) struct Step {
    pub(super) blocks: Entries<ListTable>,
    pub(super) members: Entries<MemberTable>,
    pub(super) ranges: Entries<RangeTable>,
    pub(super) stale: Stale,
}

impl Step {
    /// Adds what another frontend needs.
    pub(super) fn join(&mut self, other: Self) {
        self.blocks.extend(other.blocks);
        self.members.extend(other.members);
        self.ranges.extend(other.ranges);
        self.stale.join(other.stale);
    }

    /// Returns what to remove if it could not be written. Blocks that were there before stay: all in them
    /// are backends, whoever they are.
    pub(super) fn undone(&self, before: Option<&Written>) -> Stale {
        let nothing = Written::default();
        let before = before.unwrap_or(&nothing);
        let new = |key: &ListKey| !list::has(&before.value, key);
        Stale {
            blocks: self.blocks.iter().map(|(key, _)| *key).filter(new).collect(),
            members: self.members.iter().map(|(key, _)| *key).collect(),
            ranges: self.ranges.iter().map(|(range, _)| *range).collect(),
        }
    }
}

impl Written {
    /// Returns what a frontend shall be, and what it takes to get there from what was written.
    pub(super) fn next(
        key: &FrontendKey,
        frontend: &Frontend,
        limit: Limit,
        written: Option<&Self>,
    ) -> (Self, Step) {
        let mut value = frontend_value(frontend);
        let before = written.filter(|old| old.value.service_id == value.service_id);
        let list = before.map(|before| &before.list);
        let places = list::places(&mut value, key, frontend, limit, list);
        list::number(&mut value, before.map(|before| &before.value));
        let candidates = frontend.backends.candidates().iter().map(|one| one.id.0);
        let members = if value.affinity == 0 { vec![] } else { candidates.collect() };
        let blocks = list::blocks(value.list, &places);
        let list = List::of(&value, places);
        let now = Self { value, list, members, ranges: range_keys(key, frontend) };
        let mut step = now.step(blocks, before.unwrap_or(&Self::default()));
        if let Some(other) = written.filter(|_| before.is_none()) {
            step.stale.add(other);
        }
        (now, step)
    }

    fn step(&self, blocks: Entries<ListTable>, before: &Self) -> Step {
        let mut step = Step { blocks, ..Step::default() };
        if self.value.list == before.value.list {
            match (&self.list, &before.list) {
                (List::Plain(_), List::Plain(places)) => {
                    let old: HashMap<_, _> =
                        list::blocks(self.value.list, places).into_iter().collect();
                    step.blocks.retain(|(key, block)| old.get(key) != Some(block));
                }
                (now, before) if now == before => step.blocks.clear(),
                _ => {}
            }
        }
        let gone = list::keys(&before.value).filter(|key| !list::has(&self.value, key));
        step.stale.blocks.extend(gone);
        let service_id = self.value.service_id;
        let member = |id: &u32| MemberKey { service_id, backend_id: *id };
        let new = self.members.iter().filter(|id| !before.members.contains(id));
        step.members.extend(new.map(|id| (member(id), 1)));
        let gone = before.members.iter().filter(|id| !self.members.contains(id));
        step.stale.members.extend(gone.map(member));
        let new = self.ranges.iter().filter(|range| !before.ranges.contains(range));
        step.ranges.extend(new.map(|range| (*range, 1)));
        let gone = before.ranges.iter().filter(|range| !self.ranges.contains(range));
        step.stale.ranges.extend(gone);
        step
    }

    /// Yields its marks of members.
    pub(super) fn member_keys(&self) -> impl Iterator<Item = MemberKey> + '_ {
        let service_id = self.value.service_id;
        self.members.iter().map(move |id| MemberKey { service_id, backend_id: *id })
    }
}
