//! Numbers of frontends and of backends.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, HashSet, btree_map::Entry},
};

/// Gives each key the smallest free number for as long as somebody holds it. What nobody holds is retired
/// only when edits settle, so that what moves from one service to another keeps its number, and its
/// number is free only when it is given back.
#[derive(Debug)]
pub(in crate::service) struct Ids<K> {
    known: BTreeMap<K, Held>,
    /// Numbers that were given back, the smallest first.
    free: BinaryHeap<Reverse<u32>>,
    /// The smallest number that nobody has had, unless it is `adopted`.
    next: u32,
    /// Numbers of an earlier process.
    adopted: HashSet<u32>,
    /// The largest number that there is room for.
    limit: u32,
    /// Keys with larger ones.
    beyond: BTreeMap<u32, K>,
    fresh: Vec<(u32, K)>,
    idle: Vec<K>,
    /// Numbers that keys had before they moved.
    left: Vec<(u32, K)>,
}

#[derive(Debug)]
struct Held {
    id: u32,
    holders: u32,
}

impl<K> Default for Ids<K> {
    fn default() -> Self {
        Self {
            known: BTreeMap::new(),
            free: BinaryHeap::new(),
            next: 1,
            adopted: HashSet::new(),
            limit: u32::MAX,
            beyond: BTreeMap::new(),
            fresh: vec![],
            idle: vec![],
            left: vec![],
        }
    }
}

impl<K: Copy + Ord> Ids<K> {
    /// Takes hold of a key; returns its number.
    pub(in crate::service) fn hold(&mut self, key: K) -> u32 {
        let entry = match self.known.entry(key) {
            Entry::Occupied(entry) => {
                let held = entry.into_mut();
                held.holders += 1;
                return held.id;
            }
            Entry::Vacant(entry) => entry,
        };
        // Without `self`: the entry borrows a part of it.
        let id = next_free(&mut self.free, &mut self.next, &self.adopted);
        entry.insert(Held { id, holders: 1 });
        if id > self.limit {
            self.beyond.insert(id, key);
        }
        self.fresh.push((id, key));
        id
    }

    /// Says up to which number there is room: before any key is held.
    pub(in crate::service) fn set_limit(&mut self, limit: u32) {
        self.limit = limit;
    }

    /// Gives keys beyond the limit numbers within, as far as some are free; returns the numbers they had.
    /// Whoever holds such a key has to ask for its number again, and the next [`Self::settle`] tells the
    /// old one as retired.
    pub(in crate::service) fn pull_in(&mut self) -> HashSet<u32> {
        let mut moved = HashSet::new();
        while let Some((old, key)) = self.beyond.first_key_value().map(|(id, key)| (*id, *key)) {
            let id = next_free(&mut self.free, &mut self.next, &self.adopted);
            if id > self.limit {
                self.free.push(Reverse(id));
                break;
            }
            self.beyond.remove(&old);
            self.known.get_mut(&key).expect("it has a number").id = id;
            self.fresh.push((id, key));
            self.left.push((old, key));
            moved.insert(old);
        }
        moved
    }

    /// Takes over a key's number from an earlier process. Nobody holds it yet; it is not told as new.
    pub(in crate::service) fn adopt(&mut self, key: K, id: u32) {
        self.known.insert(key, Held { id, holders: 0 });
        self.adopted.insert(id);
    }

    /// Lets all keys that nobody holds go with the next [`Self::settle`].
    pub(in crate::service) fn let_go_of_unheld(&mut self) {
        self.idle.extend(self.known.iter().filter(|(_, held)| held.holders == 0).map(|(k, _)| *k));
    }

    /// Lets go of a key.
    pub(in crate::service) fn let_go(&mut self, key: K) {
        if let Some(held) = self.known.get_mut(&key) {
            held.holders -= 1;
            if held.holders == 0 {
                self.idle.push(key);
            }
        }
    }

    /// Forgets the keys that nobody holds. Returns the new keys and those forgotten, with their numbers.
    pub(in crate::service) fn settle(&mut self) -> (Vec<(u32, K)>, Vec<(u32, K)>) {
        let mut retired = std::mem::take(&mut self.left);
        for key in std::mem::take(&mut self.idle) {
            if self.known.get(&key).is_some_and(|held| held.holders == 0) {
                retired.extend(self.known.remove(&key).map(|held| (held.id, key)));
            }
        }
        for (id, _) in &retired {
            self.beyond.remove(id);
        }
        (std::mem::take(&mut self.fresh), retired)
    }

    /// Lets numbers be used again.
    pub(in crate::service) fn release(&mut self, retired: Vec<u32>) {
        self.free.extend(retired.into_iter().map(Reverse));
    }

    /// Yields all keys that somebody holds.
    pub(in crate::service) fn held(&self) -> impl Iterator<Item = (K, u32)> {
        self.known.iter().filter(|(_, held)| held.holders > 0).map(|(key, held)| (*key, held.id))
    }

    /// Tells whether any key from one to another, both included, is held.
    pub(in crate::service) fn has_between(&self, first: K, last: K) -> bool {
        self.known.range(first..=last).next().is_some()
    }
}

/// Takes the smallest number that nobody has.
fn next_free(free: &mut BinaryHeap<Reverse<u32>>, next: &mut u32, adopted: &HashSet<u32>) -> u32 {
    while adopted.contains(next) {
        *next += 1;
    }
    if free.peek().is_some_and(|Reverse(id)| id < next)
        && let Some(Reverse(id)) = free.pop()
    {
        return id;
    }
    let id = *next;
    *next = id.checked_add(1).expect("fewer than 2^32 numbers fit into memory");
    id
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_stays_while_held_and_is_free_only_when_given_back() {
        let mut ids = Ids::default();
        let (a, b) = (ids.hold('a'), ids.hold('b'));
        assert_eq!((a, b, ids.hold('a')), (1, 2, 1));
        assert_eq!(ids.settle(), (vec![(1, 'a'), (2, 'b')], vec![]));
        ids.let_go('a');
        assert_eq!(ids.settle(), (vec![], vec![]), "one still holds it");
        ids.let_go('a');
        assert_eq!(ids.settle(), (vec![], vec![(1, 'a')]));
        assert_eq!(ids.hold('c'), 3, "1 is not given back yet");
        ids.release(vec![1]);
        assert_eq!(ids.hold('d'), 1);
    }

    #[test]
    fn numbers_of_an_earlier_process_stay_with_their_keys() {
        let mut ids = Ids::default();
        ids.adopt('a', 7);
        ids.adopt('b', 3);
        let others = ['c', 'd', 'e'].map(|key| ids.hold(key));
        assert_eq!((ids.hold('a'), others), (7, [1, 2, 4]), "the smallest that nobody has");
        assert_eq!(ids.settle().0.len(), 3, "what was there is not new");
        ids.let_go_of_unheld();
        assert_eq!(ids.settle(), (vec![], vec![(3, 'b')]));
        ids.release(vec![3]);
        assert_eq!(['f', 'g', 'h', 'i'].map(|key| ids.hold(key)), [3, 5, 6, 8]);
    }

    #[test]
    fn who_is_beyond_the_limit_gets_a_number_within_once_one_is_free() {
        let mut ids = Ids::default();
        ids.set_limit(2);
        let _ = ['a', 'b', 'c', 'd'].map(|key| ids.hold(key));
        let _ = ids.settle();
        assert!(ids.pull_in().is_empty(), "nothing is free");
        ids.let_go('b');
        ids.let_go('d');
        assert_eq!(ids.settle().1, [(2, 'b'), (4, 'd')]);
        assert!(ids.pull_in().is_empty(), "not given back yet");
        ids.release(vec![2, 4]);
        assert_eq!(ids.pull_in(), [3].into());
        assert_eq!((ids.hold('c'), ids.settle()), (2, (vec![(2, 'c')], vec![(3, 'c')])));
        ids.release(vec![3]);
        assert_eq!((ids.hold('e'), ids.hold('f')), (3, 4), "no number is lost");
    }

    proptest! {
        #[test]
        fn no_two_keys_have_one_number_and_as_many_as_can_be_are_within_the_limit(
            acts in prop::collection::vec((0_u8..4, 0_u8..12), 1..80),
            adopted in prop::collection::btree_map(0_u8..12, 1_u32..20, 0..5),
            limit in 1_u32..8,
        ) {
            let mut ids = Ids::default();
            ids.set_limit(limit);
            let mut taken = HashSet::new();
            for (key, id) in adopted.into_iter().filter(|(_, id)| *id <= limit) {
                if taken.insert(id) {
                    ids.adopt(key, id);
                }
            }
            let mut holders: BTreeMap<u8, u32> = BTreeMap::new();
            let mut resting: Vec<u32> = vec![];
            for (act, key) in acts {
                match act {
                    0 | 1 => {
                        ids.hold(key);
                        *holders.entry(key).or_default() += 1;
                    }
                    2 if holders.get(&key).is_some_and(|count| *count > 0) => {
                        ids.let_go(key);
                        *holders.entry(key).or_default() -= 1;
                    }
                    _ => {
                        ids.release(std::mem::take(&mut resting));
                        ids.pull_in();
                        let free = (1..=limit)
                            .filter(|id| ids.known.values().all(|held| held.id != *id));
                        prop_assert!(ids.beyond.is_empty() || free.count() == 0);
                    }
                }
                resting.extend(ids.settle().1.iter().map(|(id, _)| *id));
                let all: Vec<u32> = ids.known.values().map(|held| held.id).chain(resting.clone()).collect();
                let distinct: HashSet<u32> = all.iter().copied().collect();
                prop_assert_eq!(all.len(), distinct.len());
                let beyond = ids.known.values().filter(|held| held.id > limit).count();
                prop_assert_eq!(beyond, ids.beyond.len());
            }
        }
    }

    #[test]
    fn what_moves_in_one_go_keeps_its_number() {
        let mut ids = Ids::default();
        ids.hold('a');
        let _ = ids.settle();
        ids.let_go('a');
        assert_eq!(ids.hold('a'), 1);
        assert_eq!(ids.settle(), (vec![], vec![]));
        assert!(ids.has_between('a', 'b') && !ids.has_between('b', 'c'));
    }
}
