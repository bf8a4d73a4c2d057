//! What was put last.

use std::{collections::HashMap, hash::Hash, mem};

use foldhash::fast::RandomState;

/// So many values are young.
const ROOM: usize = 16_384;

/// Values by key: as many as there is [`ROOM`] for are kept, and up to as many older ones.
#[derive(Debug)]
pub(super) struct Remembered<K, V> {
    young: HashMap<K, V, RandomState>,
    old: HashMap<K, V, RandomState>,
}

impl<K, V> Default for Remembered<K, V> {
    fn default() -> Self {
        Self { young: HashMap::default(), old: HashMap::default() }
    }
}

impl<K: Eq + Hash, V> Remembered<K, V> {
    pub(super) fn is_empty(&self) -> bool {
        self.young.is_empty() && self.old.is_empty()
    }

    /// Returns the value that was there.
    pub(super) fn put(&mut self, key: K, value: V) -> Option<V> {
        if self.young.len() >= ROOM {
            self.old = mem::take(&mut self.young);
        }
        let old = if self.old.is_empty() { None } else { self.old.remove(&key) };
        self.young.insert(key, value).or(old)
    }

    /// Returns a value; one that is asked for is young again.
    pub(super) fn get(&mut self, key: &K) -> Option<&V> {
        if !self.old.is_empty()
            && let Some((key, value)) = self.old.remove_entry(key)
        {
            self.put(key, value);
        }
        self.young.get(key)
    }

    pub(super) fn take(&mut self, key: &K) -> Option<V> {
        let old = if self.old.is_empty() { None } else { self.old.remove(key) };
        if self.young.is_empty() { old } else { self.young.remove(key).or(old) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_and_what_is_used_stays() {
        let mut all = Remembered::<usize, usize>::default();
        for n in 0..10 * ROOM {
            all.put(n, n);
            assert_eq!(all.get(&0), Some(&0), "asked for all the time");
        }
        assert!(all.young.len() + all.old.len() <= 2 * ROOM);
        assert_eq!(all.get(&(9 * ROOM + 1)), Some(&(9 * ROOM + 1)), "new enough");
        assert_eq!(all.get(&1), None);
    }

    #[test]
    fn what_is_taken_is_gone() {
        let mut all = Remembered::<u32, &str>::default();
        all.put(1, "old");
        (0..ROOM as u32).for_each(|n| assert_eq!(all.put(n + 10, ""), None));
        assert_eq!(all.put(1, "new"), Some("old"));
        assert_eq!(all.put(1, "newer"), Some("new"));
        assert_eq!(all.take(&1), Some("newer"));
        assert!(all.get(&1).is_none() && all.take(&1).is_none());
    }
}
