//! Filling a table.

use super::{hash::Walk, size::Limit};
use crate::service::{BackendId, BackendKey, Backends};

/// Returns the table of a frontend: the number of the backend at each entry. Empty if there is none.
pub fn table(backends: &Backends, limit: Limit) -> Vec<BackendId> {
    let chosen = backends.candidates();
    let keys: Vec<BackendKey> = backends.keys().take(chosen.len()).collect();
    let entries = assign(&keys, limit.size_for(keys.len()));
    entries.into_iter().map(|place| chosen[place as usize].id).collect()
}

/// Gives each entry of a table to a backend, by its place in the list. Keys must differ; their order does
/// not matter.
///
/// Every backend walks through the table in an order of its own, as in Maglev, and gets its share to the
/// entry. One thing differs. In Maglev whoever comes first keeps an entry. Here it goes to whom it
/// comes earlier in the walk, and who loses it walks on: a stable matching (Gale and Shapley), which
/// depends on no order of turns. Without one of 100 backends, at 16,381 entries, 1.4 % of the other
/// entries move with Maglev's rule and 0.7 % with this one.
pub fn assign(keys: &[BackendKey], size: u32) -> Vec<u32> {
    let mut filling = Filling::new(keys, size);
    let mut waiting: Vec<usize> = (0..keys.len()).collect();
    while let Some(place) = waiting.pop() {
        filling.walk(place, &mut waiting);
    }
    filling.entries.iter().map(|entry| entry.owner).collect()
}

/// A backend on its walk.
#[derive(Debug)]
struct Walker {
    at: u32,
    skip: u32,
    steps: u32,
    /// How many entries are still due to it.
    due: u32,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    owner: u32,
    /// After how many steps its owner came by.
    steps: u32,
}

#[derive(Debug)]
struct Filling<'a> {
    keys: &'a [BackendKey],
    walkers: Vec<Walker>,
    entries: Vec<Entry>,
}

/// Nobody has come by yet.
const FREE: Entry = Entry { owner: u32::MAX, steps: u32::MAX };

impl<'a> Filling<'a> {
    fn new(keys: &'a [BackendKey], size: u32) -> Self {
        let walks: Vec<Walk> = keys.iter().map(|key| Walk::of(key, size)).collect();
        let count = u32::try_from(keys.len()).expect("fewer than 2^32 backends fit into memory");
        let walker = |walk: &Walk| Walker {
            at: walk.offset,
            skip: walk.skip,
            steps: 0,
            due: size.checked_div(count).unwrap_or_default(),
        };
        let mut walkers: Vec<Walker> = walks.iter().map(walker).collect();
        // The rest of the division goes to some, who must be the same on all nodes.
        let mut turns: Vec<usize> = (0..keys.len()).collect();
        turns.sort_unstable_by_key(|place| (walks[*place].turn, keys[*place]));
        let rest = size.checked_rem(count).unwrap_or_default() as usize;
        turns.into_iter().take(rest).for_each(|place| walkers[place].due += 1);
        let entries = if keys.is_empty() { 0 } else { size as usize };
        Self { keys, walkers, entries: vec![FREE; entries] }
    }

    /// Lets a backend walk until it has its share. Those from whom it takes entries walk on later.
    ///
    /// It ends: all shares together are the table, so whoever has walked all of it has its own.
    fn walk(&mut self, place: usize, waiting: &mut Vec<usize>) {
        let size = u32::try_from(self.entries.len()).expect("sizes are 32 bits");
        let owner = u32::try_from(place).expect("fewer than 2^32 backends fit into memory");
        while self.walkers[place].due > 0 {
            let walker = &mut self.walkers[place];
            let (at, here) = (walker.at as usize, Entry { owner, steps: walker.steps });
            walker.at = (walker.at + walker.skip) % size;
            walker.steps += 1;
            let before = self.entries[at];
            if self.is_earlier(here, before) {
                self.entries[at] = here;
                self.walkers[place].due -= 1;
                if let Some(loser) = self.walkers.get_mut(before.owner as usize) {
                    loser.due += 1;
                    waiting.push(before.owner as usize);
                }
            }
        }
    }

    /// Tells whether an entry comes earlier in one walk than in another.
    fn is_earlier(&self, one: Entry, other: Entry) -> bool {
        let key = |entry: Entry| self.keys.get(entry.owner as usize);
        one.steps < other.steps || (one.steps == other.steps && key(one) < key(other))
    }
}
