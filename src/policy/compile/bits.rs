//! Sets of small numbers.

use std::collections::BTreeMap;

/// A set of numbers, a bit each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bits(Vec<u64>);

const WORD: usize = 64;

impl Bits {
    /// Adds a number.
    pub(super) fn insert(&mut self, number: usize) {
        if self.0.len() <= number / WORD {
            self.0.resize(number / WORD + 1, 0);
        }
        self.0[number / WORD] |= 1 << (number % WORD);
    }

    /// Removes a number.
    pub(super) fn remove(&mut self, number: usize) {
        if let Some(word) = self.0.get_mut(number / WORD) {
            *word &= !(1 << (number % WORD));
        }
    }

    /// Adds all numbers of another set.
    pub(super) fn add(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        self.0.iter_mut().zip(&other.0).for_each(|(own, other)| *own |= other);
    }

    /// Adds all numbers of another set.
    pub(super) fn add_sparse(&mut self, other: &SparseBits) {
        let Some((last, _)) = other.0.last_key_value() else { return };
        if self.0.len() <= *last {
            self.0.resize(last + 1, 0);
        }
        other.0.iter().for_each(|(n, word)| self.0[*n] |= word);
    }

    /// Keeps the numbers that are in another set.
    pub(super) fn keep(&mut self, other: &Self) {
        self.0.truncate(other.0.len());
        self.0.iter_mut().zip(&other.0).for_each(|(own, other)| *own &= other);
    }

    /// Removes the numbers that are in another set.
    pub(super) fn take_away(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(own, other)| *own &= !other);
    }

    /// Yields the numbers, the smallest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.iter().enumerate().flat_map(|(n, word)| numbers(n, *word))
    }
}

/// A set of numbers of which only words with a bit take room: however the numbers of many sets lie, the
/// sets take no more room than their numbers do, and a set with nearly all of them is joined as fast as
/// [`Bits`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SparseBits(BTreeMap<usize, u64>);

impl SparseBits {
    /// Adds a number.
    pub(super) fn insert(&mut self, number: usize) {
        *self.0.entry(number / WORD).or_default() |= 1 << (number % WORD);
    }

    /// Removes a number.
    pub(super) fn remove(&mut self, number: usize) {
        if let Some(word) = self.0.get_mut(&(number / WORD)) {
            *word &= !(1 << (number % WORD));
            if *word == 0 {
                self.0.remove(&(number / WORD));
            }
        }
    }

    /// Tells whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Yields the numbers, the smallest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.iter().flat_map(|(n, word)| numbers(*n, *word))
    }
}

/// Yields the numbers in a word.
fn numbers(n: usize, word: u64) -> impl Iterator<Item = usize> {
    let rest = |word: &u64| Some(word & (word - 1)).filter(|rest| *rest != 0);
    let words = std::iter::successors(Some(word).filter(|word| *word != 0), rest);
    words.map(move |word| n * WORD + word.trailing_zeros() as usize)
}

impl FromIterator<usize> for Bits {
    fn from_iter<I: IntoIterator<Item = usize>>(numbers: I) -> Self {
        let mut bits = Self::default();
        numbers.into_iter().for_each(|number| bits.insert(number));
        bits
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn does_what_sets_do(
            a in prop::collection::btree_set(0..300_usize, 0..40),
            b in prop::collection::btree_set(0..300_usize, 0..40),
        ) {
            let (left, right): (Bits, Bits) = (a.iter().copied().collect(), b.iter().copied().collect());
            let with = |change: fn(&mut Bits, &Bits)| {
                let mut bits = left.clone();
                change(&mut bits, &right);
                bits.iter().collect::<BTreeSet<usize>>()
            };
            prop_assert_eq!(with(Bits::add), &a | &b);
            prop_assert_eq!(with(Bits::keep), &a & &b);
            prop_assert_eq!(with(Bits::take_away), &a - &b);
            prop_assert_eq!(with(|bits, other| other.iter().for_each(|n| bits.remove(n))), &a - &b);
        }

        #[test]
        fn sparse_sets_hold_the_same(
            a in prop::collection::btree_set(0..1000_usize, 0..40),
            b in prop::collection::btree_set(0..1000_usize, 0..40),
        ) {
            let mut sparse = SparseBits::default();
            a.iter().for_each(|n| sparse.insert(*n));
            prop_assert_eq!(sparse.iter().collect::<BTreeSet<usize>>(), a.clone());
            let mut joined: Bits = b.iter().copied().collect();
            joined.add_sparse(&sparse);
            prop_assert_eq!(joined.iter().collect::<BTreeSet<usize>>(), &a | &b);
            b.iter().for_each(|n| sparse.remove(*n));
            prop_assert_eq!(sparse.iter().collect::<BTreeSet<usize>>(), &a - &b);
            a.iter().for_each(|n| sparse.remove(*n));
            prop_assert!(sparse.is_empty());
        }
    }
}
