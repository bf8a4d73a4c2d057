//! What frontends do not need any more.

use std::collections::HashSet;

use skep_bpf::abi::{ListKey, MemberKey, RangeKey};

use super::{left::Left, list, written::Written};
use crate::maps::{ListTable, MapError, MapStore, MemberTable, RangeTable};

/// Entries that no program looks at any more, so that one which stays is only memory.
#[derive(Debug, Default)]
pub(super) struct Stale {
    pub(super) blocks: Vec<ListKey>,
    pub(super) members: Vec<MemberKey>,
    pub(super) ranges: Vec<RangeKey>,
}

impl Stale {
    /// Returns what no frontend has: a process ended amid a change.
    pub(super) fn strays(left: &Left) -> Self {
        let lists: HashSet<ListKey> = left.values.values().flat_map(list::keys).collect();
        let services: HashSet<u32> = left.values.values().map(|value| value.service_id).collect();
        let blocks = left.lists.iter().flat_map(|(list, blocks)| {
            blocks.keys().map(|block| ListKey { list: *list, block: *block })
        });
        let members = left.members.iter().flat_map(|(service_id, members)| {
            let key =
                |backend_id: &u32| MemberKey { service_id: *service_id, backend_id: *backend_id };
            members.iter().map(key)
        });
        let ranges = left.ranges.values().flatten().copied();
        Self {
            blocks: blocks.filter(|key| !lists.contains(key)).collect(),
            members: members.filter(|key| !services.contains(&key.service_id)).collect(),
            ranges: ranges.filter(|key| !services.contains(&key.service_id)).collect(),
        }
    }

    /// Returns all that a frontend has.
    pub(super) fn of(written: &Written) -> Self {
        let mut stale = Self::default();
        stale.add(written);
        stale
    }

    /// Adds all that a frontend has.
    pub(super) fn add(&mut self, written: &Written) {
        self.blocks.extend(list::keys(&written.value));
        self.members.extend(written.member_keys());
        self.ranges.extend(&written.ranges);
    }

    /// Adds more.
    pub(super) fn join(&mut self, other: Self) {
        self.blocks.extend(other.blocks);
        self.members.extend(other.members);
        self.ranges.extend(other.ranges);
    }

    /// Removes all of it in a few calls.
    pub(super) fn delete(&self, store: &impl MapStore) -> Result<(), MapError> {
        store.delete_all::<ListTable>(&self.blocks)?;
        store.delete_all::<MemberTable>(&self.members)?;
        store.delete_all::<RangeTable>(&self.ranges)
    }

    /// Removes what of it can be removed.
    pub(super) fn delete_each(&self, store: &impl MapStore) {
        self.blocks.iter().for_each(|key| drop(store.delete::<ListTable>(key)));
        self.members.iter().for_each(|key| drop(store.delete::<MemberTable>(key)));
        self.ranges.iter().for_each(|key| drop(store.delete::<RangeTable>(key)));
    }
}
