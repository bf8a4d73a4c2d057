//! Places of backends in a frontend's list.

use std::collections::HashSet;

/// Puts `wanted` into a list so that as few places as possible differ from `before`: who stays, stays
/// where it is, if the list is still that long. A list of ten thousand that loses one then costs two
/// blocks.
pub(super) fn arrange(before: &[u32], wanted: &[u32]) -> Vec<u32> {
    let length = wanted.len();
    let kept = &before[..before.len().min(length)];
    let all: HashSet<u32> = wanted.iter().copied().collect();
    let placed: HashSet<u32> = kept.iter().copied().filter(|id| all.contains(id)).collect();
    let mut moved = wanted.iter().copied().filter(|id| !placed.contains(id));
    let mut list: Vec<u32> = Vec::with_capacity(length);
    for place in 0..length {
        let stays = kept.get(place).copied().filter(|id| placed.contains(id));
        list.extend(stays.or_else(|| moved.next()));
    }
    list
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_last_fills_the_gap() {
        assert_eq!(arrange(&[1, 2, 3, 4], &[1, 3, 4]), [1, 4, 3]);
        assert_eq!(arrange(&[1, 4, 3], &[1, 3, 4, 5]), [1, 4, 3, 5]);
        assert_eq!(arrange(&[], &[2, 1]), [2, 1]);
        assert_eq!(arrange(&[1], &[]), [0_u32; 0]);
    }

    proptest! {
        #[test]
        fn nobody_is_lost_and_nobody_moves_without_need(
            before in proptest::collection::hash_set(0_u32..40, 0..30),
            wanted in proptest::collection::hash_set(0_u32..40, 0..30),
        ) {
            let before: Vec<u32> = before.into_iter().collect();
            let wanted: Vec<u32> = wanted.into_iter().collect();
            let now = arrange(&before, &wanted);
            let (mut sorted, mut all) = (now.clone(), wanted.clone());
            sorted.sort_unstable();
            all.sort_unstable();
            prop_assert_eq!(sorted, all);
            // Places that must differ: those whose owner went, and those that are new.
            let must = (0..now.len()).filter(|place| {
                before.get(*place).is_none_or(|id| !wanted.contains(id))
            });
            let differing = (0..now.len()).filter(|place| before.get(*place) != Some(&now[*place]));
            prop_assert_eq!(differing.count(), must.count());
        }
    }
}
