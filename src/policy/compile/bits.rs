//! Sets of small numbers.

/// A set of numbers, a bit each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bits(Vec<u64>);

const WORD: usize = 64;

impl Bits {
    /// Adds a number; tells whether it was missing.
    pub(super) fn insert(&mut self, number: usize) -> bool {
        if self.0.len() <= number / WORD {
            self.0.resize(number / WORD + 1, 0);
        }
        let (word, bit) = (&mut self.0[number / WORD], 1 << (number % WORD));
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    /// Removes a number; tells whether it was there.
    pub(super) fn remove(&mut self, number: usize) -> bool {
        let Some(word) = self.0.get_mut(number / WORD) else { return false };
        let bit = 1 << (number % WORD);
        let was_there = *word & bit != 0;
        *word &= !bit;
        was_there
    }

    /// Adds all numbers of another set.
    pub(super) fn add(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        self.0.iter_mut().zip(&other.0).for_each(|(own, other)| *own |= other);
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
        self.0.iter().enumerate().flat_map(|(n, word)| {
            let rest = |word: &u64| Some(word & (word - 1)).filter(|rest| *rest != 0);
            let words = std::iter::successors(Some(*word).filter(|word| *word != 0), rest);
            words.map(move |word| n * WORD + word.trailing_zeros() as usize)
        })
    }
}

impl FromIterator<usize> for Bits {
    fn from_iter<I: IntoIterator<Item = usize>>(numbers: I) -> Self {
        let mut bits = Self::default();
        for number in numbers {
            bits.insert(number);
        }
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
            let mut bits = left.clone();
            for number in &b {
                prop_assert_eq!(bits.remove(*number), a.contains(number));
            }
            prop_assert_eq!(bits.iter().collect::<BTreeSet<usize>>(), &a - &b);
        }
    }
}
