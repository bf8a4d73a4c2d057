//! Who has an address.

use std::{collections::HashMap, net::IpAddr};

use super::Slot;

/// The services that an address has something to do with.
#[derive(Debug, Default)]
pub(in crate::service) struct Holders {
    by_address: HashMap<IpAddr, Vec<Slot>>,
}

impl Holders {
    /// Enters a service.
    pub(in crate::service) fn insert(&mut self, address: IpAddr, slot: Slot) {
        // Nearly all addresses have one, and a vector's first growth is for four.
        let slots = self.by_address.entry(address).or_insert_with(|| Vec::with_capacity(1));
        if let Err(place) = slots.binary_search(&slot) {
            slots.insert(place, slot);
        }
    }

    /// Takes a service out.
    pub(in crate::service) fn remove(&mut self, address: IpAddr, slot: Slot) {
        if let Some(slots) = self.by_address.get_mut(&address) {
            slots.retain(|own| *own != slot);
            if slots.is_empty() {
                self.by_address.remove(&address);
            }
        }
    }

    /// Yields the services of an address.
    pub(in crate::service) fn of(&self, address: IpAddr) -> impl Iterator<Item = Slot> {
        self.by_address.get(&address).into_iter().flatten().copied()
    }
}
