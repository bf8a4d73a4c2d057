//! What Maglev promises.

use std::{collections::BTreeMap, net::Ipv4Addr};

use proptest::prelude::*;

use super::make::*;
use crate::service::{
    BackendKey, Protocol,
    maglev::{Limit, assign, table},
};

/// Neighbours, as pods are: the hardest for a weak hash.
fn neighbours(first: u32, count: u32) -> Vec<BackendKey> {
    let key = |at| BackendKey {
        address: Ipv4Addr::from_bits(first.wrapping_add(at)).into(),
        port: 8080,
        protocol: Protocol::Tcp,
    };
    (0..count).map(key).collect()
}

/// Who has each entry, by key.
fn owners(keys: &[BackendKey], size: u32) -> Vec<BackendKey> {
    assign(keys, size).into_iter().map(|place| keys[place as usize]).collect()
}

/// Entries that moved although their backend did not go, in shares of the table.
fn moved(before: &[BackendKey], after: &[BackendKey], gone: BackendKey) -> f64 {
    let pairs = before.iter().zip(after);
    let moved = pairs.filter(|(old, new)| **old != gone && old != new).count();
    moved as f64 / before.len() as f64
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn shares_differ_by_one_entry(first: u32, count in 1..170_u32) {
        let keys = neighbours(first, count);
        let size = Limit::default().size_for(keys.len());
        let mut shares: BTreeMap<BackendKey, u32> = BTreeMap::new();
        owners(&keys, size).into_iter().for_each(|key| *shares.entry(key).or_default() += 1);
        let (least, most) = (shares.values().min(), shares.values().max());
        prop_assert_eq!(shares.len(), keys.len());
        prop_assert!(most <= least.map(|least| least + 1).as_ref());
        // One entry is 1 % of a share at most, as long as the limit is not in the way.
        prop_assert!(count > 163 || size / count >= 100);
    }

    #[test]
    fn without_one_of_a_hundred_few_others_move(first: u32, gone in 0..100_usize) {
        let keys = neighbours(first, 100);
        let size = Limit::default().size_for(100);
        let before = owners(&keys, size);
        let mut left = keys.clone();
        let gone = left.remove(gone);
        let share = moved(&before, &owners(&left, size), gone);
        prop_assert!(share <= 0.01, "{share}");
    }

    #[test]
    fn order_and_numbers_do_not_matter(first: u32, count in 1..60_u32, turn in 0..60_usize) {
        let keys = neighbours(first, count);
        let size = Limit::default().size_for(keys.len());
        let mut turned = keys.clone();
        turned.rotate_left(turn % keys.len());
        turned.reverse();
        prop_assert_eq!(owners(&keys, size), owners(&turned, size));
    }
}

#[test]
fn tables_end_whatever_the_numbers() {
    assert_eq!(assign(&[], 251), [0_u32; 0]);
    assert_eq!(assign(&neighbours(0, 1), 251), [0; 251]);
    let crowd = assign(&neighbours(0, 600), 251);
    let unique: std::collections::BTreeSet<u32> = crowd.iter().copied().collect();
    assert_eq!((crowd.len(), unique.len()), (251, 251), "more backends than entries");
}

#[test]
fn only_candidates_are_in_the_table() {
    let endpoints = [endpoint("10.0.0.1"), is(ENDING, endpoint("10.0.0.2"))];
    let services = store(&service("a", &["10.96.0.1"]), &[slice("a-1", "a", &endpoints)]);
    let backends = &services.frontend(&inside("10.96.0.1", 80)).expect("one").backends;
    let entries = table(backends, Limit::default());
    assert_eq!(entries.len(), 251);
    assert!(entries.iter().all(|id| *id == backends.list[0].id));
}
