//! Numbers of frontends and of backends.

use std::collections::{BTreeMap, btree_map::Entry};

/// Gives each key a number for as long as somebody holds it. What nobody holds is retired only when
/// edits settle, so that what moves from one service to another keeps its number, and its number is free
/// only when it is given back.
#[derive(Debug)]
pub(in crate::service) struct Ids<K> {
    known: BTreeMap<K, Held>,
    free: Vec<u32>,
    next: u32,
    fresh: Vec<(u32, K)>,
    idle: Vec<K>,
}

#[derive(Debug)]
struct Held {
    id: u32,
    holders: u32,
}

impl<K> Default for Ids<K> {
    fn default() -> Self {
        Self { known: BTreeMap::new(), free: vec![], next: 1, fresh: vec![], idle: vec![] }
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
        let id = self.free.pop().unwrap_or_else(|| {
            let id = self.next;
            self.next = id.checked_add(1).expect("fewer than 2^32 numbers fit into memory");
            id
        });
        entry.insert(Held { id, holders: 1 });
        self.fresh.push((id, key));
        id
    }

    /// Takes over a key's number from an earlier process. Nobody holds it yet; it is not told as new.
    pub(in crate::service) fn adopt(&mut self, key: K, id: u32) {
        self.known.insert(key, Held { id, holders: 0 });
        self.next = self.next.max(id.saturating_add(1));
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
        let mut retired = Vec::new();
        for key in std::mem::take(&mut self.idle) {
            if self.known.get(&key).is_some_and(|held| held.holders == 0) {
                retired.extend(self.known.remove(&key).map(|held| (held.id, key)));
            }
        }
        (std::mem::take(&mut self.fresh), retired)
    }

    /// Lets numbers be used again.
    pub(in crate::service) fn release(&mut self, retired: Vec<u32>) {
        self.free.extend(retired);
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

#[cfg(test)]
mod tests {
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
        assert_eq!((ids.hold('a'), ids.hold('c')), (7, 8));
        assert_eq!(ids.settle(), (vec![(8, 'c')], vec![]), "what was there is not new");
        ids.let_go_of_unheld();
        assert_eq!(ids.settle(), (vec![], vec![(3, 'b')]));
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
