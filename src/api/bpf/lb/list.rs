//! The lists of backends that frontends name.

use std::collections::HashMap;

use skep_bpf::abi::{FrontendValue, ListBlock, ListKey};

use crate::maps::{ListTable, MapError, MapStore};

/// All lists, read once.
pub(super) struct Lists(HashMap<ListKey, ListBlock>);

impl Lists {
    /// Reads the map.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub(super) fn read(store: &impl MapStore) -> Result<Self, MapError> {
        Ok(Self(store.entries::<ListTable>()?.into_iter().collect()))
    }

    /// Yields the numbers of the backends at the places of a frontend's list; gaps are left out, and what
    /// is behind the last place nobody looks at.
    pub(super) fn places(&self, value: &FrontendValue) -> impl Iterator<Item = u32> {
        let (list, size) = (value.list, value.places as usize);
        let starts = (0..).zip((0..size).step_by(ListBlock::PLACES));
        let blocks = starts.filter_map(move |(block, start)| {
            let block = self.0.get(&ListKey { list, block })?;
            Some(block.backends.iter().take(size - start))
        });
        blocks.flatten().copied().filter(|id| *id != 0)
    }
}
