//! Who claims a key, and which claim wins.

use std::collections::{BTreeMap, BTreeSet};

/// Claims of several owners on the same keys. The greatest claim on a key wins, so the result
/// does not depend on the order in which owners spoke.
#[derive(Debug)]
pub(super) struct Claims<K, O, C> {
    by_key: BTreeMap<K, BTreeMap<O, C>>,
    by_owner: BTreeMap<O, BTreeSet<K>>,
}

impl<K, O, C> Default for Claims<K, O, C> {
    fn default() -> Self {
        Self { by_key: BTreeMap::new(), by_owner: BTreeMap::new() }
    }
}

/// Keys whose winner may differ now: adds precede deletes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outcome<K, C> {
    /// Keys with their winners.
    pub(super) won: Vec<(K, C)>,
    /// Keys that nobody claims any more.
    pub(super) lost: Vec<K>,
}

impl<K: Ord + Copy, O: Ord + Clone, C: Ord + Copy> Claims<K, O, C> {
    /// Replaces all claims of one owner.
    pub(super) fn replace(&mut self, owner: &O, claims: BTreeMap<K, C>) -> Outcome<K, C> {
        let now: BTreeSet<K> = claims.keys().copied().collect();
        let before = if now.is_empty() {
            self.by_owner.remove(owner)
        } else {
            self.by_owner.insert(owner.clone(), now.clone())
        };
        let mut touched = now;
        for key in before.unwrap_or_default() {
            touched.insert(key);
            if let Some(owners) = self.by_key.get_mut(&key) {
                owners.remove(owner);
            }
        }
        for (key, claim) in claims {
            self.by_key.entry(key).or_default().insert(owner.clone(), claim);
        }
        let mut outcome = Outcome { won: Vec::new(), lost: Vec::new() };
        for key in touched {
            match self.winner(&key) {
                Some(claim) => outcome.won.push((key, claim)),
                None => {
                    self.by_key.remove(&key);
                    outcome.lost.push(key);
                }
            }
        }
        outcome
    }

    /// Returns the greatest claim on a key.
    pub(super) fn winner(&self, key: &K) -> Option<C> {
        self.by_key.get(key)?.values().max().copied()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Script = Vec<(u8, BTreeMap<u8, u8>)>;

    fn script() -> impl Strategy<Value = Script> {
        let claims = proptest::collection::btree_map(0u8..6, 0u8..10, 0..5);
        proptest::collection::vec((0u8..4, claims), 0..12)
    }

    proptest! {
        #[test]
        fn the_result_is_the_maximum_over_the_last_word_of_every_owner(script in script()) {
            let mut claims = Claims::<u8, u8, u8>::default();
            let mut applied: BTreeMap<u8, u8> = BTreeMap::new();
            let mut last: BTreeMap<u8, BTreeMap<u8, u8>> = BTreeMap::new();
            for (owner, wanted) in script {
                let outcome = claims.replace(&owner, wanted.clone());
                applied.extend(outcome.won);
                for key in outcome.lost {
                    applied.remove(&key);
                }
                last.insert(owner, wanted);
                let mut expected: BTreeMap<u8, u8> = BTreeMap::new();
                for (key, claim) in last.values().flatten() {
                    let best = expected.entry(*key).or_insert(*claim);
                    *best = (*best).max(*claim);
                }
                prop_assert_eq!(&applied, &expected);
            }
        }
    }
}
