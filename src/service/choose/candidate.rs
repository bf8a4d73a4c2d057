//! The endpoints behind a port of a service.

use std::net::IpAddr;

use crate::{
    model::Family,
    service::{
        address::{Unfit, family},
        finding::{Field, Finding, Reason},
        input::{Endpoint, EndpointSlice, Place, ServicePort, SlicePort},
        output::State,
    },
};

/// The endpoints of a service, but for those at addresses that no backend may have.
#[derive(Debug)]
pub(in crate::service) struct Pool<'a> {
    endpoints: Vec<&'a Endpoint>,
    /// The slices and where the endpoints of each end.
    slices: Vec<(&'a EndpointSlice, usize)>,
}

/// An endpoint behind one port.
#[derive(Clone, Copy, Debug)]
pub(in crate::service) struct Candidate<'a> {
    /// Its port.
    pub(in crate::service) port: u16,
    /// Whether it takes new connections.
    pub(in crate::service) ready: bool,
    /// All else about it.
    pub(in crate::service) endpoint: &'a Endpoint,
}

impl Candidate<'_> {
    /// Returns its address.
    pub(in crate::service) fn address(&self) -> IpAddr {
        self.endpoint.address
    }

    /// Tells whether it may be used if nobody is ready (KEP-1669).
    pub(in crate::service) fn is_last_resort(&self) -> bool {
        !self.ready && self.endpoint.conditions.is_last_resort()
    }

    /// Tells whether it is on the node of a place.
    pub(in crate::service) fn is_local(&self, place: &Place) -> bool {
        self.endpoint.is_on(&place.node)
    }

    /// Returns how it is.
    pub(in crate::service) fn state(&self) -> State {
        if self.ready { State::Active } else { State::Terminating }
    }
}

impl<'a> Pool<'a> {
    /// Collects the endpoints of all slices. `refuse` says which addresses belong to services.
    pub(in crate::service) fn new(
        slices: &'a [EndpointSlice],
        refuse: impl Fn(IpAddr) -> Option<Reason>,
        findings: &mut Vec<Finding>,
    ) -> Self {
        let count = slices.iter().map(|slice| slice.endpoints.len()).sum();
        let mut pool = Self { endpoints: Vec::with_capacity(count), slices: vec![] };
        for slice in slices {
            let mut tell = |address, reason| {
                let place = Field::Endpoint { slice: slice.name.clone(), address };
                findings.push(Finding { place, reason });
            };
            for endpoint in &slice.endpoints {
                let address = endpoint.address;
                for other in &endpoint.others {
                    tell(*other, Reason::NotFirst);
                }
                if let Some(unfit) = Unfit::of(address) {
                    tell(address, Reason::Unfit(unfit));
                } else if family(address) != slice.family {
                    tell(address, Reason::OtherFamily);
                } else if let Some(reason) = refuse(address) {
                    tell(address, reason);
                } else {
                    pool.endpoints.push(endpoint);
                }
            }
            pool.slices.push((slice, pool.endpoints.len()));
        }
        pool
    }

    /// Returns the endpoints behind a port, by address and port. Slices that do not have the port, or
    /// have it of another protocol, do not count.
    ///
    /// An endpoint may be in two slices while it moves, and the API asks consumers to count it once. It
    /// does not say which of them was written last, so the better news wins: an endpoint that ends is
    /// soon in no slice that calls it ready.
    pub(in crate::service) fn behind(
        &self,
        port: &ServicePort,
        family: Family,
        publish_not_ready: bool,
    ) -> Vec<Candidate<'a>> {
        let is_it = |own: &&SlicePort| own.name == port.name && own.protocol == port.protocol;
        let mut found: Vec<Candidate<'a>> = Vec::with_capacity(self.endpoints.len());
        let mut start = 0;
        for (slice, end) in &self.slices {
            let members = &self.endpoints[start..*end];
            start = *end;
            if let Some(own) = slice.ports.iter().find(is_it).filter(|_| slice.family == family) {
                found.extend(members.iter().map(|endpoint| Candidate {
                    port: own.port.get(),
                    ready: endpoint.conditions.ready || publish_not_ready,
                    endpoint,
                }));
            }
        }
        found.sort_by_key(|one| (one.address(), one.port, !one.ready, !one.is_last_resort()));
        found.dedup_by_key(|one| (one.address(), one.port));
        found
    }
}
