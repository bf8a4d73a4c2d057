//! The store, and what it answers.

use std::{collections::HashMap, num::NonZeroU16};

use super::{Record, redirects::Redirects};
use crate::{
    model::everywhere,
    service::{
        Finding, ObjectName,
        context::Context,
        index::{Ids, Slot},
        input::{EndpointSlice, HostPorts, Service, Site},
        output::{
            Backend, BackendId, BackendKey, Changes, Frontend, FrontendKey, Retired, Scope,
            ServiceId, Vip,
        },
    },
};

/// All services, and the tables of one node.
#[derive(Debug, Default)]
pub struct Services {
    pub(in crate::service) context: Context,
    pub(super) records: Vec<Option<Record>>,
    pub(super) slots: HashMap<ObjectName, Slot>,
    pub(super) vacant: Vec<Slot>,
    /// Whose a slice is: the label that says so may change.
    pub(super) slices: HashMap<ObjectName, Slot>,
    /// Policies that redirect, and the pods that they may select.
    pub(super) redirects: Redirects,
    pub(super) frontend_ids: Ids<FrontendKey>,
    pub(super) backend_ids: Ids<BackendKey>,
    /// Services to build again, some of them more than once.
    pub(super) touched: Vec<Slot>,
}

/// What a load balancer is told about this node: `healthCheckNodePort`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// The service.
    pub service: ObjectName,
    /// The port that answers.
    pub port: NonZeroU16,
    /// How many endpoints on this node are ready; none means unhealthy.
    pub ready: usize,
}

impl Services {
    /// Starts without services.
    pub fn new(site: Site) -> Self {
        Self { context: Context { site, ..Context::default() }, ..Self::default() }
    }

    /// Takes over the numbers of an earlier process, whose tables still count: before any edit.
    pub fn adopt(
        &mut self,
        frontends: impl IntoIterator<Item = (FrontendKey, ServiceId)>,
        backends: impl IntoIterator<Item = (BackendKey, BackendId)>,
    ) {
        frontends.into_iter().for_each(|(key, id)| self.frontend_ids.adopt(key, id.0));
        backends.into_iter().for_each(|(key, id)| self.backend_ids.adopt(key, id.0));
    }

    /// Yields the names of services that are known.
    pub fn names(&self) -> impl Iterator<Item = &ObjectName> {
        let services = self.records.iter().flatten().filter(|record| record.is_service());
        services.map(|record| &record.name)
    }

    /// Yields the names of slices that are known.
    pub fn slices(&self) -> impl Iterator<Item = &ObjectName> {
        self.slices.keys()
    }

    /// Yields the pods with host ports that are known.
    pub fn pods(&self) -> impl Iterator<Item = &HostPorts> {
        self.records.iter().flatten().filter_map(|record| record.host_ports.as_deref())
    }

    /// Finds a pod with host ports by its name among services.
    pub fn pod(&self, name: &ObjectName) -> Option<&HostPorts> {
        self.record(name)?.host_ports.as_deref()
    }

    /// Returns where the tables are made for.
    pub fn site(&self) -> &Site {
        &self.context.site
    }

    /// Finds a service, or a pod with host ports or a policy by its name among them.
    pub fn service(&self, name: &ObjectName) -> Option<&Service> {
        self.record(name)?.service.as_ref()
    }

    /// Returns the slices of a service.
    pub fn slices_of(&self, name: &ObjectName) -> &[EndpointSlice] {
        self.record(name).map_or(&[], |record| &record.slices)
    }

    /// Finds a frontend.
    pub fn frontend(&self, key: &FrontendKey) -> Option<&Frontend> {
        self.holder(key)?.frontend(key)
    }

    /// Finds the service that has an address and port for some clients. A port of a node is a node port's, and
    /// what a policy redirects is still the service's.
    pub fn service_at(&self, vip: Vip) -> Option<&ObjectName> {
        let is_node = self.context.site.is_node(vip.address);
        let node_port = is_node.then(|| everywhere(vip.address));
        let vips = [Some(vip), node_port.map(|address| Vip { address, ..vip })];
        let scopes = [Scope::Internal, Scope::External];
        let keys = vips.into_iter().flatten();
        let keys = keys.flat_map(|vip| scopes.map(|scope| FrontendKey { vip, scope }));
        let holder = keys.filter_map(|key| self.frontend(&key)).map(|one| &one.service).next()?;
        let redirect = self.record(holder).and_then(|record| record.redirect.as_deref());
        Some(redirect.and_then(|redirect| redirect.target.as_ref()).unwrap_or(holder))
    }

    /// Yields the frontends of a service, by key.
    pub fn frontends_of(
        &self,
        name: &ObjectName,
    ) -> impl Iterator<Item = (&FrontendKey, &Frontend)> {
        self.record(name).into_iter().flat_map(Record::pairs)
    }

    /// Yields all frontends, in no order.
    pub fn frontends(&self) -> impl Iterator<Item = (&FrontendKey, &Frontend)> {
        self.records.iter().flatten().flat_map(Record::pairs)
    }

    /// Yields all backends, by key.
    pub fn backends(&self) -> impl Iterator<Item = (BackendId, BackendKey)> {
        self.backend_ids.held().map(|(key, id)| (BackendId(id), key))
    }

    /// Yields what is wrong with a service.
    pub fn findings_of(&self, name: &ObjectName) -> &[Finding] {
        self.record(name).map_or(&[], |record| &record.findings)
    }

    /// Yields all that is wrong, in no order.
    pub fn findings(&self) -> impl Iterator<Item = (&ObjectName, &Finding)> {
        self.records
            .iter()
            .flatten()
            .flat_map(|record| record.findings.iter().map(|finding| (&record.name, finding)))
    }

    /// Returns what load balancers are told about a service.
    pub fn health_check(&self, name: &ObjectName) -> Option<HealthCheck> {
        let record = self.record(name)?;
        let port = record.service.as_ref()?.served_health_check()?;
        let ready = record.ready_on(&self.context.site.place.node);
        Some(HealthCheck { service: name.clone(), port, ready })
    }

    /// Yields the services about which load balancers ask nodes, in no order, and the ports that answer.
    pub fn health_check_ports(&self) -> impl Iterator<Item = (NonZeroU16, &ObjectName)> {
        let port = |record: &Record| record.service.as_ref()?.served_health_check();
        let records = self.records.iter().flatten();
        records.filter_map(move |record| Some((port(record)?, &record.name)))
    }

    /// Says for how many backends there is room. Numbers of all others are larger, and who has such a
    /// number gets another one when there is room ([`Self::release`]).
    pub fn set_room(&mut self, backends: u32) {
        self.backend_ids.set_limit(backends);
    }

    /// Lets numbers be used again that nothing refers to any more. If backends were waiting for room, those
    /// that get it now have changed.
    pub fn release(&mut self, retired: Retired) -> Changes {
        self.frontend_ids.release(retired.services);
        self.backend_ids.release(retired.backends.into_iter().map(|(id, _)| id).collect());
        let moved = self.backend_ids.pull_in();
        if moved.is_empty() {
            return Changes::default();
        }
        let is_moved = |backend: &Backend| moved.contains(&backend.id.0);
        let concerns =
            |record: &Record| record.sets.iter().any(|set| set.list.iter().any(is_moved));
        let touched =
            (0..).zip(&self.records).filter(|(_, record)| record.as_ref().is_some_and(concerns));
        self.touched.extend(touched.map(|(slot, _)| slot));
        self.settle()
    }

    pub(super) fn record(&self, name: &ObjectName) -> Option<&Record> {
        self.records[*self.slots.get(name)? as usize].as_ref()
    }

    /// Returns the service that has a frontend, if anybody has it.
    pub(in crate::service) fn holder(&self, key: &FrontendKey) -> Option<&Record> {
        let claims = &self.context.claims;
        let claim = match key.scope {
            Scope::Internal | Scope::External => claims.winner(&key.vip),
            Scope::Behind => claims.owner(&key.vip),
        };
        self.records[claim?.slot as usize].as_ref()
    }
}
