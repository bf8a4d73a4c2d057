//! Lists of backends as map entries.

use std::hash::{DefaultHasher, Hash, Hasher};

use skep_bpf::abi::{FrontendValue, ListBlock, ListKey, frontend_flags};

use super::arrange::arrange;
use crate::{
    maps::{Entries, ListTable},
    service::{
        Frontend, FrontendKey, Scope,
        maglev::{self, Limit},
    },
};

/// What is at the places of a list that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum List {
    /// The number of the backend at each place.
    Plain(Vec<u32>),
    /// A Maglev table. Tables are long and are made anew from all backends, so that it is enough to know
    /// whether one differs.
    Maglev(u64),
}

impl Default for List {
    fn default() -> Self {
        Self::Plain(vec![])
    }
}

impl List {
    /// Returns what is known of a list with such places.
    pub(super) fn of(value: &FrontendValue, places: Vec<u32>) -> Self {
        if !is_maglev(value) {
            return Self::Plain(places);
        }
        let mut hasher = DefaultHasher::new();
        places.hash(&mut hasher);
        Self::Maglev(hasher.finish())
    }

    /// Forgets what is there, so that all of it is written again: no number is 0.
    pub(super) fn doubt(&mut self) {
        match self {
            Self::Plain(places) => places.fill(0),
            Self::Maglev(digest) => *digest = 0,
        }
    }
}

/// Tells whether the list of a frontend is to be a Maglev table.
///
/// Only packets from outside may come by any node. Who is alone needs no table, and where not everybody
/// fits in, any backend will do.
fn needs_table(key: &FrontendKey, frontend: &Frontend, limit: Limit) -> bool {
    let count = frontend.backends.candidates().len();
    let fits = count > 1 && count <= limit.size_for(count) as usize;
    key.scope == Scope::External && frontend.is_exposed() && fits
}

/// Returns the places of a frontend's list, arranged like what was written before, and says in its entry
/// how many there are.
pub(super) fn places(
    value: &mut FrontendValue,
    key: &FrontendKey,
    frontend: &Frontend,
    limit: Limit,
    before: Option<&List>,
) -> Vec<u32> {
    let places = if needs_table(key, frontend, limit) {
        value.flags |= frontend_flags::MAGLEV;
        maglev::table(&frontend.backends, limit).iter().map(|id| id.0).collect()
    } else {
        let ids: Vec<u32> = frontend.backends.candidates().iter().map(|one| one.id.0).collect();
        match before {
            Some(List::Plain(before)) => arrange(before, &ids),
            _ => ids,
        }
    };
    value.places = u32::try_from(places.len()).unwrap_or(u32::MAX);
    places
}

/// Gives the list of a frontend its number. A table of another size is another list, as is one that was
/// no table: both are there while the frontend changes from one to the other.
pub(super) fn number(value: &mut FrontendValue, before: Option<&FrontendValue>) {
    let stays = |before: &FrontendValue| match (is_maglev(before), is_maglev(value)) {
        (false, false) => true,
        (true, true) => before.places == value.places,
        _ => before.places == 0,
    };
    value.list = match before {
        Some(before) if stays(before) => before.list,
        Some(before) => before.list ^ 1,
        None => value.service_id << 1,
    };
}

fn is_maglev(value: &FrontendValue) -> bool {
    value.flags & frontend_flags::MAGLEV != 0
}

/// Splits a list into the entries of its map.
///
/// Behind the end of a list there are its backends again: a program that knows a longer list, which is
/// about to be replaced, still finds somebody.
pub(super) fn blocks(list: u32, places: &[u32]) -> Entries<ListTable> {
    let mut backends = places.iter().copied().cycle();
    let count = places.len().div_ceil(ListBlock::PLACES);
    let block = |block| {
        let mut value = ListBlock::default();
        value.backends.iter_mut().zip(&mut backends).for_each(|(place, id)| *place = id);
        (ListKey { list, block }, value)
    };
    (0..).take(count).map(block).collect()
}

/// Yields the keys of the list that a frontend has.
pub(super) fn keys(value: &FrontendValue) -> impl Iterator<Item = ListKey> + use<> {
    let list = value.list;
    (0..length(value)).map(move |block| ListKey { list, block })
}

/// Tells whether a block is of the list that a frontend has.
pub(super) fn has(value: &FrontendValue, key: &ListKey) -> bool {
    key.list == value.list && key.block < length(value)
}

/// Returns how many blocks the list of a frontend has.
pub(super) fn length(value: &FrontendValue) -> u32 {
    value.places.div_ceil(ListBlock::PLACES as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(list: u32, places: u32, flags: u32) -> FrontendValue {
        FrontendValue { service_id: 7, list, places, flags, ..FrontendValue::default() }
    }

    #[test]
    fn a_table_of_another_size_has_another_number() {
        const TABLE: u32 = frontend_flags::MAGLEV;
        let numbered = |(places, flags), before: Option<FrontendValue>| {
            let mut value = value(0, places, flags);
            number(&mut value, before.as_ref());
            value.list
        };
        assert_eq!(numbered((251, TABLE), None), 14);
        assert_eq!(numbered((251, TABLE), Some(value(15, 251, TABLE))), 15);
        assert_eq!(numbered((509, TABLE), Some(value(15, 251, TABLE))), 14);
        assert_eq!(numbered((509, TABLE), Some(value(14, 251, TABLE))), 15);
        assert_eq!(numbered((2, 0), Some(value(14, 251, TABLE))), 15);
        assert_eq!(numbered((251, TABLE), Some(value(14, 2, 0))), 15);
        assert_eq!(numbered((3, 0), Some(value(14, 2, 0))), 14, "places come and go");
        assert_eq!(numbered((509, TABLE), Some(value(15, 0, 0))), 15, "nothing is confused");
    }

    #[test]
    fn every_place_is_in_a_block_and_behind_the_end_it_begins_again() {
        let ids: Vec<u32> = (1..=70).collect();
        let blocks = blocks(9, &ids);
        assert!(blocks.iter().map(|(key, _)| *key).eq(keys(&value(9, 70, 0))));
        let all: Vec<u32> = blocks.iter().flat_map(|(_, block)| block.backends).collect();
        assert!((1..=70).chain(1..=26).eq(all.iter().copied()));
        assert_eq!(super::blocks(9, &[]), []);
    }
}
