//! Maglev tables as map entries.

use skep_bpf::abi::{FrontendValue, TableBlock, TableKey};

use crate::{
    maps::{Entries, MaglevTable},
    service::{BackendId, Frontend, FrontendKey, Scope, maglev::Limit},
};

/// Returns how many entries the table of a frontend has; 0 = it has none.
///
/// Only packets from outside may come by any node. Who is alone needs no table, and where not everybody
/// fits in, any backend will do.
pub(super) fn size(key: &FrontendKey, frontend: &Frontend, limit: Limit) -> u32 {
    let count = frontend.backends.candidates().len();
    let size = limit.size_for(count);
    let fits = count > 1 && count <= size as usize;
    if key.scope == Scope::External && frontend.is_exposed() && fits { size } else { 0 }
}

/// Gives a frontend the number of its table. A table of another size is another table: both are there
/// while the frontend changes from one to the other.
pub(super) fn number(value: &mut FrontendValue, size: u32, before: Option<&FrontendValue>) {
    value.table_size = size;
    value.table = match before {
        Some(before) if before.table_size == size || before.table_size == 0 => before.table,
        Some(before) => before.table ^ 1,
        None => value.service_id << 1,
    };
}

/// Splits a table into the entries of its map.
pub(super) fn blocks(table: u32, entries: &[BackendId]) -> Entries<MaglevTable> {
    let chunks = (0..).zip(entries.chunks(TableBlock::ENTRIES));
    chunks
        .map(|(block, chunk)| {
            let mut value = TableBlock::default();
            value.backends.iter_mut().zip(chunk).for_each(|(entry, id)| *entry = id.0);
            (TableKey { table, block }, value)
        })
        .collect()
}

/// Yields the keys of the table that a frontend has.
pub(super) fn keys(value: &FrontendValue) -> impl Iterator<Item = TableKey> + use<> {
    let (table, blocks) = (value.table, value.table_size.div_ceil(TableBlock::ENTRIES as u32));
    (0..blocks).map(move |block| TableKey { table, block })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_another_size_has_another_number() {
        let value = |table, table_size| FrontendValue {
            service_id: 7,
            table,
            table_size,
            ..FrontendValue::default()
        };
        let numbered = |size, before: Option<FrontendValue>| {
            let mut value = value(0, 0);
            number(&mut value, size, before.as_ref());
            value.table
        };
        assert_eq!(numbered(251, None), 14);
        assert_eq!(numbered(251, Some(value(15, 251))), 15);
        assert_eq!(numbered(509, Some(value(15, 251))), 14);
        assert_eq!(numbered(509, Some(value(14, 251))), 15);
        assert_eq!(numbered(509, Some(value(15, 0))), 15, "there is none to be confused with");
    }

    #[test]
    fn every_entry_is_in_a_block() {
        let entries: Vec<BackendId> = (1..=70).map(BackendId).collect();
        let blocks = blocks(9, &entries);
        let value = FrontendValue { table: 9, table_size: 70, ..FrontendValue::default() };
        assert!(blocks.iter().map(|(key, _)| *key).eq(keys(&value)));
        let all: Vec<u32> = blocks.iter().flat_map(|(_, block)| block.backends).collect();
        assert!((1..=70).eq(all[..70].iter().copied()));
        assert!(all[70..].iter().all(|id| *id == 0));
    }
}
