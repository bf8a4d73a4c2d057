//! Slots of near pods, where programs find most of the pods of this node without a search.
//!
//! Who writes must keep others from it: a slot is read before it is written.

use std::collections::BTreeMap;

use skep_bpf::abi::{Addr, NearValue};

use crate::{
    cni::record::EndpointRecord,
    maps::{MapError, MapStore, NearTable},
};

/// Puts a pod into the slots of its addresses, but for those that pods with other addresses have.
///
/// # Errors
/// When the map refuses.
pub(super) fn put(store: &impl MapStore, record: &EndpointRecord) -> Result<(), MapError> {
    for (slot, value) in values(record) {
        let held = get(store, slot)?;
        if held.incarnation == 0 || held.addr == value.addr {
            write(store, slot, held, value)?;
        }
    }
    Ok(())
}

/// Takes a pod out of its slots.
///
/// # Errors
/// When the map refuses.
pub(super) fn remove(store: &impl MapStore, record: &EndpointRecord) -> Result<(), MapError> {
    for (slot, value) in values(record) {
        let held = get(store, slot)?;
        if held.incarnation == value.incarnation {
            clear(store, slot, held)?;
        }
    }
    Ok(())
}

/// Makes the slots hold these pods and nobody else but `pending` ones; returns how many differed.
///
/// # Errors
/// When the map refuses.
pub(super) fn repair(
    store: &impl MapStore,
    records: &[EndpointRecord],
    pending: &[EndpointRecord],
) -> Result<usize, MapError> {
    let wrong = differences(store, records, pending)?;
    for Difference { slot, held, wanted } in &wrong {
        match wanted {
            Some(value) => write(store, *slot, *held, *value)?,
            None => clear(store, *slot, *held)?,
        }
    }
    Ok(wrong.len())
}

/// A slot that holds what it should not.
#[derive(Debug, PartialEq)]
pub(in crate::agent) struct Difference {
    /// The slot.
    pub(in crate::agent) slot: u32,
    /// What is there.
    pub(in crate::agent) held: NearValue,
    /// What should be; `None` if nobody.
    pub(in crate::agent) wanted: Option<NearValue>,
}

/// Returns the slots that hold none of the pods that may have them, or somebody else.
///
/// # Errors
/// When the map cannot be read.
pub(in crate::agent) fn differences(
    store: &impl MapStore,
    records: &[EndpointRecord],
    pending: &[EndpointRecord],
) -> Result<Vec<Difference>, MapError> {
    let mut entitled = by_slot(records);
    let spared = by_slot(pending);
    let mut wrong = Vec::new();
    for (slot, held) in store.entries::<NearTable>()? {
        let is_spared = spared.get(&slot).is_some_and(|pods| pods.contains(&held));
        let pods = entitled.remove(&slot).unwrap_or_default();
        let wanted = pods.first().copied();
        let is_right = if wanted.is_some() { pods.contains(&held) } else { held.incarnation == 0 };
        if !is_right && !is_spared {
            wrong.push(Difference { slot, held, wanted });
        }
    }
    // An array has all slots; what stands in for one in tests may not.
    wrong.extend(entitled.into_iter().map(|(slot, pods)| Difference {
        slot,
        held: NearValue::default(),
        wanted: pods.first().copied(),
    }));
    Ok(wrong)
}

fn by_slot(records: &[EndpointRecord]) -> BTreeMap<u32, Vec<NearValue>> {
    let mut all = BTreeMap::<u32, Vec<NearValue>>::new();
    for (slot, value) in records.iter().flat_map(values) {
        all.entry(slot).or_default().push(value);
    }
    all
}

fn values(record: &EndpointRecord) -> impl Iterator<Item = (u32, NearValue)> {
    let macs = NearValue::macs(record.mac.0, record.host_mac.0);
    record.addresses.iter().map(Addr::from).map(move |addr| {
        let value = NearValue {
            addr,
            incarnation: record.incarnation.0,
            identity: record.identity.0,
            ifindex: record.ifindex.0,
            macs,
            ..NearValue::default()
        };
        (addr.near_slot(), value)
    })
}

fn get(store: &impl MapStore, slot: u32) -> Result<NearValue, MapError> {
    Ok(store.get::<NearTable>(&slot)?.unwrap_or_default())
}

fn write(
    store: &impl MapStore,
    slot: u32,
    held: NearValue,
    value: NearValue,
) -> Result<(), MapError> {
    steps(held, value).iter().try_for_each(|step| store.put::<NearTable>(&slot, step))
}

/// Takes the incarnation away and leaves the rest, which who looks at it now may still read.
fn clear(store: &impl MapStore, slot: u32, held: NearValue) -> Result<(), MapError> {
    store.put::<NearTable>(&slot, &NearValue { incarnation: 0, ..held })
}

/// Returns what to write one after the other, in the order that [`NearValue`] asks for.
fn steps(held: NearValue, value: NearValue) -> Vec<NearValue> {
    // An identity alone is one word, and seen whole.
    if (NearValue { identity: value.identity, ..held }) == value {
        return vec![value];
    }
    let cleared = (held.incarnation != 0).then_some(NearValue { incarnation: 0, ..held });
    cleared.into_iter().chain([NearValue { incarnation: 0, ..value }, value]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{agent::endpoint::tables::tests::record, maps::MemoryStore, model::Identity};

    fn incarnations(store: &MemoryStore) -> Vec<u32> {
        let slots = store.entries::<NearTable>().unwrap();
        slots.into_iter().map(|(_, value)| value.incarnation).filter(|n| *n != 0).collect()
    }

    /// A pod whose addresses have the slots of another one's.
    fn rival(n: u8, incarnation: u32) -> EndpointRecord {
        let mut other = record(n, incarnation);
        other.addresses.v4 = Some([10, 244, 5, n].into());
        other.addresses.v6 = Some(format!("fd00:1::{n}").parse().unwrap());
        other
    }

    #[test]
    fn the_incarnation_goes_first_and_comes_last() {
        let of = |n, incarnation| values(&record(n, incarnation)).next().unwrap().1;
        let (old, new) = (of(1, 1), of(1, 2));
        let without = |value| NearValue { incarnation: 0, ..value };
        assert_eq!(steps(old, new), [without(old), without(new), new]);
        assert_eq!(steps(without(old), new), [without(new), new]);
        let relabelled = NearValue { identity: 9, ..old };
        assert_eq!(steps(old, relabelled), [relabelled], "nobody goes a longer way meanwhile");
    }

    #[test]
    fn the_next_owner_of_an_address_takes_its_slot_and_others_do_not() {
        let store = MemoryStore::default();
        put(&store, &record(1, 1)).unwrap();
        put(&store, &rival(1, 2)).unwrap();
        assert_eq!(incarnations(&store), [1, 1], "who comes first has it");
        put(&store, &record(1, 3)).unwrap();
        assert_eq!(incarnations(&store), [3, 3]);
        remove(&store, &record(1, 1)).unwrap();
        remove(&store, &rival(1, 2)).unwrap();
        assert_eq!(incarnations(&store), [3, 3], "only its own");
        remove(&store, &record(1, 3)).unwrap();
        assert!(incarnations(&store).is_empty());
    }

    #[test]
    fn a_repair_gives_each_slot_to_one_who_may_have_it() {
        let store = MemoryStore::default();
        let all = [record(1, 1), rival(1, 2), record(2, 3)];
        put(&store, &all[1]).unwrap();
        put(&store, &record(4, 9)).unwrap();
        put(&store, &record(5, 10)).unwrap();
        let mut moved = all[2].clone();
        moved.identity = Identity(9);
        put(&store, &moved).unwrap();
        assert_eq!(repair(&store, &all, &[record(5, 10)]).unwrap(), 4, "two wrong, two strays");
        let mut left = incarnations(&store);
        left.sort_unstable();
        assert_eq!(left, [2, 2, 3, 3, 10, 10], "one of the two pods with one slot keeps it");
        assert_eq!(differences(&store, &all, &[record(5, 10)]).unwrap(), []);
        remove(&store, &all[1]).unwrap();
        repair(&store, &all[..1], &[]).unwrap();
        assert_eq!(incarnations(&store), [1, 1], "and the other one gets it afterwards");
    }
}
