use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::maps::{MemoryStore, NodeAddrTable, NodeTable};
use skep_bpf::abi::{Addr, NodeValue};

fn addr(n: u8) -> Addr {
    if n.is_multiple_of(2) { Addr::v4([10, 0, 0, n]) } else { Addr::v6([n; 16]) }
}

fn contents(store: &MemoryStore) -> BTreeMap<Addr, u32> {
    store.entries::<NodeAddrTable>().unwrap().into_iter().collect()
}

fn table() -> impl Strategy<Value = BTreeMap<u8, u32>> {
    proptest::collection::btree_map(0_u8..16, 1_u32..4, 0..16)
}

fn entries(table: &BTreeMap<u8, u32>) -> BTreeMap<Addr, u32> {
    table.iter().map(|(key, value)| (addr(*key), *value)).collect()
}

proptest! {
    #[test]
    fn after_write_and_prune_the_map_is_what_was_desired_and_a_second_time_does_nothing(
        left in table(), wanted in table(), edits in proptest::collection::vec((0_u8..16, proptest::option::of(1_u32..4)), 0..24),
    ) {
        let store = MemoryStore::default();
        for (key, value) in entries(&left) {
            store.put::<NodeAddrTable>(&key, &value).unwrap();
        }
        let mut desired = Desired::<NodeAddrTable>::default();
        desired.replace(entries(&wanted));
        desired.adopt(&store).unwrap();
        let mut naive = entries(&wanted);
        for (key, value) in edits {
            match value {
                Some(value) => {
                    naive.insert(addr(key), value);
                    desired.set(addr(key), value);
                }
                None => {
                    naive.remove(&addr(key));
                    desired.unset(&addr(key));
                }
            }
        }

        desired.write(&store).unwrap();
        for (key, value) in entries(&left) {
            let kept = contents(&store).get(&key).copied();
            prop_assert_eq!(kept, naive.get(&key).copied().or(Some(value)), "write never removes");
        }
        desired.prune(&store).unwrap();
        prop_assert_eq!(contents(&store), naive);
        prop_assert!(desired.is_settled());
        prop_assert!(desired.diff().is_empty());
        prop_assert_eq!(desired.write(&store).unwrap(), Changes::default());
        prop_assert_eq!(desired.prune(&store).unwrap(), Changes::default());
    }

    #[test]
    fn applying_the_diff_by_hand_gives_the_same_map(left in table(), wanted in table()) {
        let mut map = entries(&left);
        let mut desired = Desired::<NodeAddrTable>::default();
        let store = MemoryStore::default();
        for (key, value) in &map {
            store.put::<NodeAddrTable>(key, value).unwrap();
        }
        desired.adopt(&store).unwrap();
        desired.replace(entries(&wanted));
        for _ in 0..2 {
            for op in desired.diff() {
                match op {
                    Op::Put(key, value) => drop(map.insert(key, value)),
                    Op::Delete(key) => drop(map.remove(&key)),
                }
            }
            prop_assert_eq!(&map, &entries(&wanted));
        }
    }
}

#[test]
fn an_entry_that_was_set_back_needs_no_write() {
    let store = MemoryStore::default();
    let mut desired = Desired::<NodeTable>::default();
    let value = NodeValue { addr_v4: addr(2), addr_v6: addr(3), ..NodeValue::default() };
    desired.set(1, value);
    assert_eq!(desired.write(&store).unwrap().written, 1);
    desired.unset(&1);
    desired.set(1, value);
    assert!(desired.is_settled());
}

#[test]
fn entries_put_at_once_are_wanted_and_written() {
    let store = MemoryStore::default();
    let mut desired = Desired::<NodeAddrTable>::default();
    desired.set(addr(1), 1);
    desired.put_all(&store, &[(addr(1), 7), (addr(2), 2)]).unwrap();
    assert!(desired.is_settled(), "what was set before is replaced");
    assert_eq!(desired.written(), 2);
    assert_eq!(contents(&store), BTreeMap::from([(addr(1), 7), (addr(2), 2)]));
    desired.unset(&addr(1));
    desired.prune(&store).unwrap();
    assert_eq!(contents(&store), BTreeMap::from([(addr(2), 2)]));
}
