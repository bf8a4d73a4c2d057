//! Places of those who have a label.

use std::collections::BTreeSet;

use super::bits::Bits;

/// A set of places that costs room only for those in it: few are listed, many are bits.
#[derive(Debug)]
pub(super) enum Holders {
    Few(BTreeSet<usize>),
    Many { bits: Bits, count: usize },
}

/// From so many on bits are worth their while, unless the places are far apart.
const MANY: usize = 32;
/// A listed place costs as much as so many bits, about.
const BITS_A_PLACE: usize = 128;

impl Default for Holders {
    fn default() -> Self {
        Self::Few(BTreeSet::new())
    }
}

impl Holders {
    /// Adds a place.
    pub(super) fn insert(&mut self, place: usize) {
        match self {
            Self::Few(places) => {
                places.insert(place);
                let reach = places.last().map_or(0, |last| last + 1);
                if places.len() >= MANY && places.len() * BITS_A_PLACE >= reach {
                    let (bits, count) = (places.iter().copied().collect(), places.len());
                    *self = Self::Many { bits, count };
                }
            }
            Self::Many { bits, count } => *count += usize::from(bits.insert(place)),
        }
    }

    /// Removes a place.
    pub(super) fn remove(&mut self, place: usize) {
        match self {
            Self::Few(places) => drop(places.remove(&place)),
            Self::Many { bits, count } => {
                *count -= usize::from(bits.remove(place));
                if *count < MANY / 2 {
                    *self = Self::Few(bits.iter().collect());
                }
            }
        }
    }

    /// Tells whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Few(places) => places.is_empty(),
            Self::Many { count, .. } => *count == 0,
        }
    }

    /// Joins sets.
    pub(super) fn together<'a>(all: impl IntoIterator<Item = &'a Self>) -> Bits {
        let mut joined = Bits::default();
        for holders in all {
            match holders {
                Self::Few(places) => {
                    for place in places {
                        joined.insert(*place);
                    }
                }
                Self::Many { bits, .. } => joined.add(bits),
            }
        }
        joined
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn few_and_many_are_sets(
            steps in prop::collection::vec((any::<bool>(), 0..5000_usize), 0..400),
        ) {
            let (mut holders, mut wanted) = (Holders::default(), BTreeSet::new());
            for (adds, place) in steps {
                // Dense and sparse places alike.
                let place = if place % 3 == 0 { place } else { place % 70 };
                if adds {
                    holders.insert(place);
                    wanted.insert(place);
                } else {
                    holders.remove(place);
                    wanted.remove(&place);
                }
                prop_assert_eq!(holders.is_empty(), wanted.is_empty());
            }
            prop_assert_eq!(Holders::together([&holders]).iter().collect::<BTreeSet<_>>(), wanted);
        }
    }
}
