//! Tests of the pools.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn dual(v4: &str, v6: &str) -> Ipam {
    let mut ipam = Ipam::new(|_| true);
    ipam.set_ranges(&[v4.parse().unwrap(), v6.parse().unwrap()]);
    ipam
}

const CLEAN: &dyn Fn(IpAddr) -> bool = &|_| true;
const DIRTY: &dyn Fn(IpAddr) -> bool = &|_| false;

#[test]
fn network_and_broadcast_addresses_are_not_given() {
    let mut ipam = dual("10.0.0.0/30", "fd00::/126");
    let first = ipam.allocate(seconds(1), CLEAN).unwrap();
    let second = ipam.allocate(seconds(1), CLEAN).unwrap();
    assert_eq!(first.v4, Some([10, 0, 0, 1].into()));
    assert_eq!(second.v4, Some([10, 0, 0, 2].into()));
    assert_eq!(first.v6, Some("fd00::1".parse().unwrap()));
    let error = ipam.allocate(seconds(1), CLEAN).unwrap_err();
    assert_eq!(error, PoolError::Exhausted { family: Family::V4, used: 2, resting: 0 });
}

#[test]
fn both_families_or_none() {
    let mut ipam = dual("10.0.0.0/24", "fd00::/127");
    let taken = ipam.allocate(seconds(1), CLEAN).unwrap();
    assert!(ipam.allocate(seconds(1), CLEAN).is_err());
    assert_eq!(ipam.in_use().len(), 2, "the IPv4 address went back");
    ipam.release(taken, seconds(2));
    let again = ipam.allocate(seconds(40), CLEAN).unwrap();
    assert_eq!(again.v6, taken.v6);
}

#[test]
fn freed_addresses_rest_thirty_seconds_and_the_oldest_returns_first() {
    let mut ipam = Ipam::new(|family| family == Family::V4);
    ipam.set_ranges(&["10.0.0.0/29".parse().unwrap()]);
    let taken: Vec<_> = (0..6).map(|_| ipam.allocate(seconds(1), DIRTY).unwrap()).collect();
    ipam.release(taken[3], seconds(10));
    ipam.release(taken[1], seconds(20));
    assert!(ipam.allocate(seconds(39), DIRTY).is_err());
    assert_eq!(ipam.allocate(seconds(40), DIRTY).unwrap(), taken[3]);
    assert!(ipam.allocate(seconds(49), DIRTY).is_err());
    assert_eq!(ipam.allocate(seconds(50), DIRTY).unwrap(), taken[1]);
}

#[test]
fn a_clean_address_returns_early_but_never_under_two_seconds() {
    let mut ipam = Ipam::new(|family| family == Family::V6);
    ipam.set_ranges(&["fd00::/127".parse().unwrap()]);
    let taken = ipam.allocate(seconds(1), CLEAN).unwrap();
    ipam.release(taken, seconds(10));
    assert!(ipam.allocate(Duration::from_millis(11_999), CLEAN).is_err());
    assert!(ipam.allocate(seconds(12), DIRTY).is_err());
    assert_eq!(ipam.allocate(seconds(12), CLEAN).unwrap(), taken);
}

#[test]
fn a_range_that_shrinks_keeps_what_is_in_use_until_it_is_released() {
    let mut ipam = Ipam::new(|family| family == Family::V4);
    ipam.set_ranges(&["10.0.0.0/24".parse().unwrap()]);
    let taken = ipam.allocate(seconds(1), CLEAN).unwrap();
    ipam.set_ranges(&["10.0.1.0/30".parse().unwrap()]);
    assert_eq!(ipam.in_use(), [taken.v4.unwrap()]);
    ipam.release(taken, seconds(2));
    for _ in 0..2 {
        let next = ipam.allocate(seconds(100), CLEAN).unwrap();
        assert_ne!(next, taken);
    }
    assert!(ipam.allocate(seconds(100), CLEAN).is_err());
}

#[test]
fn without_a_range_the_error_says_so() {
    let mut ipam = Ipam::new(|_| true);
    ipam.set_ranges(&["10.0.0.0/24".parse().unwrap()]);
    assert_eq!(ipam.allocate(seconds(1), CLEAN), Err(PoolError::NoRange { family: Family::V6 }));
    assert!(ipam.in_use().is_empty());
}

#[derive(Clone, Debug)]
enum Step {
    Allocate { clean: bool },
    Release(usize),
    GiveBack(usize),
    Wait(u64),
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => any::<bool>().prop_map(|clean| Step::Allocate { clean }),
        2 => any::<usize>().prop_map(Step::Release),
        1 => any::<usize>().prop_map(Step::GiveBack),
        2 => (0u64..40).prop_map(Step::Wait),
        1 => Just(Step::Restart),
    ];
    proptest::collection::vec(step, 0..80)
}

proptest! {
    #[test]
    fn no_address_is_owned_twice_and_none_is_lost(steps in steps()) {
        let mut ipam = dual("10.0.0.0/29", "fd00::/125");
        let mut owned: Vec<Addresses> = Vec::new();
        let mut freed: Vec<(Addresses, u64)> = Vec::new();
        let mut now = 100;
        for step in steps {
            match step {
                Step::Allocate { clean } => {
                    if let Ok(new) = ipam.allocate(seconds(now), if clean { CLEAN } else { DIRTY }) {
                        for other in &owned {
                            prop_assert!(other.v4 != new.v4 && other.v6 != new.v6);
                        }
                        let least = if clean { 2 } else { 30 };
                        for (old, at) in &freed {
                            if old.v4 == new.v4 {
                                prop_assert!(now - at >= least);
                            }
                        }
                        freed.retain(|(old, _)| old.v4 != new.v4);
                        owned.push(new);
                    } else {
                        prop_assert!(owned.len() + freed.len() >= 6, "refused although some are free");
                    }
                }
                Step::Release(which) if !owned.is_empty() => {
                    let old = owned.swap_remove(which % owned.len());
                    ipam.release(old, seconds(now));
                    freed.push((old, now));
                }
                Step::GiveBack(which) if !owned.is_empty() => {
                    let old = owned.swap_remove(which % owned.len());
                    ipam.give_back(old);
                }
                Step::Wait(by) => now += by,
                Step::Restart => {
                    let resting = ipam.resting();
                    ipam = dual("10.0.0.0/29", "fd00::/125");
                    owned.iter().for_each(|addresses| ipam.claim(*addresses));
                    ipam.restore_resting(&resting);
                }
                Step::Release(_) | Step::GiveBack(_) => {}
            }
            let expected: BTreeSet<IpAddr> = owned.iter().flat_map(Addresses::iter).collect();
            prop_assert_eq!(ipam.in_use().into_iter().collect::<BTreeSet<_>>(), expected);
        }
        now += 1000;
        owned.iter().for_each(|addresses| ipam.release(*addresses, seconds(now)));
        now += 1000;
        for _ in 0..6 {
            prop_assert!(ipam.allocate(seconds(now), DIRTY).is_ok(), "an address was lost");
        }
    }
}
