//! Where the Kubernetes API server is: on nodes, or outside of the cluster.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use super::{
    Cluster, address_key,
    ipcache::{Claim, Owner},
};
use crate::{
    kubernetes::{ApiServerSlice, Change},
    maps::MapStore,
    model::{Addresses, Identity},
};

impl<M: MapStore> Cluster<M> {
    /// Takes in news of the API server's addresses. Nothing is written before [`Cluster::flush`].
    pub(in crate::agent) fn apply_apiserver(&mut self, change: Change<ApiServerSlice>) {
        let before = self.apiserver_addresses();
        match change {
            Change::Listed(all) => {
                let all = all.into_iter().map(|slice| (slice.name, slice.addresses));
                self.apiserver = all.collect();
            }
            Change::Changed(slice) => {
                self.apiserver.insert(slice.name, slice.addresses);
            }
            Change::Gone(name) => {
                self.apiserver.remove(&name);
            }
        }
        if self.apiserver_addresses() != before {
            self.number_nodes();
            self.claim_nodes();
            self.claim_apiserver();
        }
    }

    /// Returns the API server's addresses as they were told.
    pub(in crate::agent) fn apiserver(&self) -> Vec<ApiServerSlice> {
        let slice = |(name, addresses): (&String, &BTreeSet<IpAddr>)| ApiServerSlice {
            name: name.clone(),
            addresses: addresses.clone(),
        };
        self.apiserver.iter().map(slice).collect()
    }

    /// Tells whether the API server is at one of these addresses.
    pub(super) fn serves_api(&self, addresses: &Addresses) -> bool {
        addresses.iter().any(|own| self.apiserver.values().any(|set| set.contains(&own)))
    }

    /// Claims the addresses outside. What a node claims comes before; an address of a pod CIDR is
    /// never outside.
    pub(super) fn claim_apiserver(&mut self) {
        let inside = |address: &IpAddr| {
            let mut cidrs = self.nodes.values().flat_map(|known| &known.object.pod_cidrs);
            cidrs.any(|net| net.contains(address))
        };
        let outside = self.apiserver_addresses().into_iter().filter(|address| !inside(address));
        let claims: BTreeMap<_, _> = outside
            .map(|address| {
                let identity = match address {
                    IpAddr::V4(_) => Identity::OUTSIDE_APISERVER_V4,
                    IpAddr::V6(_) => Identity::OUTSIDE_APISERVER_V6,
                };
                (address_key(address), Claim::outside(identity))
            })
            .collect();
        let outcome = self.prefixes.replace(&Owner::ApiServer, claims);
        self.take(outcome);
    }

    pub(super) fn apiserver_addresses(&self) -> BTreeSet<IpAddr> {
        self.apiserver.values().flatten().copied().collect()
    }
}
