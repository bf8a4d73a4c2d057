//! Which policy counts for which endpoint.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
};

use skep_bpf::abi::{Addr, DeviceKind, DeviceValue, EndpointValue, policy};

use crate::{
    cni::record::EndpointRecord,
    maps::{DeviceTable, EndpointTable, MapError, MapStore},
    model::EndpointId,
};

/// Numbers of an endpoint's policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::agent) struct Policies {
    /// For what it gets.
    pub(in crate::agent) ingress: u32,
    /// For what it sends.
    pub(in crate::agent) egress: u32,
}

impl Policies {
    /// Not known: nothing passes.
    pub(in crate::agent) const NONE: Self = Self { ingress: policy::NONE, egress: policy::NONE };
}

/// The policies of all endpoints. Entries that hold them are written while it is held, so that the last
/// one that writes knows best.
#[derive(Debug, Default)]
pub(in crate::agent) struct Assigned {
    by_endpoint: Mutex<HashMap<EndpointId, Policies>>,
}

/// Reads, and keeps others from changing, what is assigned.
#[derive(Debug)]
pub(in crate::agent) struct Held<'a> {
    by_endpoint: MutexGuard<'a, HashMap<EndpointId, Policies>>,
}

impl Assigned {
    /// Takes up what an earlier process has assigned: its policies count until there are new ones.
    ///
    /// # Errors
    /// When the map cannot be read.
    pub(in crate::agent) fn adopt(store: &impl MapStore) -> Result<Self, MapError> {
        let pods = store.entries::<DeviceTable>()?.into_iter().map(|(_, device)| device);
        let of = pods.filter(|device| device.kind == DeviceKind::Pod as u32).map(|device| {
            let policies =
                Policies { ingress: device.ingress_policy, egress: device.egress_policy };
            (EndpointId(device.endpoint_id), policies)
        });
        Ok(Self { by_endpoint: Mutex::new(of.collect()) })
    }

    /// Holds what is assigned while entries are written.
    pub(in crate::agent) fn hold(&self) -> Held<'_> {
        Held { by_endpoint: self.by_endpoint.lock().expect("no panic while holding the lock") }
    }
}

impl Held<'_> {
    /// Returns an endpoint's policies.
    pub(in crate::agent) fn of(&self, endpoint: EndpointId) -> Policies {
        self.by_endpoint.get(&endpoint).copied().unwrap_or(Policies::NONE)
    }

    /// Changes an endpoint's policies; tells whether they differ.
    pub(super) fn set(&mut self, endpoint: EndpointId, policies: Policies) -> bool {
        self.by_endpoint.insert(endpoint, policies) != Some(policies)
    }

    /// Writes an endpoint's policies into its entries, where they are its own.
    ///
    /// # Errors
    /// When a map refuses.
    pub(super) fn write(
        &self,
        store: &impl MapStore,
        record: &EndpointRecord,
    ) -> Result<(), MapError> {
        let Policies { ingress: ingress_policy, egress: egress_policy } = self.of(record.id);
        let ifindex = record.ifindex.0;
        if let Some(device) = store.get::<DeviceTable>(&ifindex)?
            && device.incarnation == record.incarnation.0
        {
            let value = DeviceValue { ingress_policy, egress_policy, ..device };
            store.put::<DeviceTable>(&ifindex, &value)?;
        }
        for address in record.addresses.iter().map(Addr::from) {
            if let Some(endpoint) = store.get::<EndpointTable>(&address)?
                && endpoint.incarnation == record.incarnation.0
            {
                let value = EndpointValue { ingress_policy, egress_policy, ..endpoint };
                store.put::<EndpointTable>(&address, &value)?;
            }
        }
        Ok(())
    }

    /// Forgets an endpoint.
    pub(super) fn remove(&mut self, endpoint: EndpointId) {
        self.by_endpoint.remove(&endpoint);
    }
}
