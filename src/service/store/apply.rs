//! Taking edits: whom does each of them concern?

use std::{collections::BTreeSet, net::IpAddr};

use super::{Record, Services};
use crate::service::{
    ObjectName,
    index::{Claim, Slot},
    input::{EndpointSlice, HostPorts, Service, Site},
    output::{BackendKey, Changes, Edit, FrontendKind},
    protocol::Protocol,
    wants::Want,
};

impl Services {
    /// Takes edits, as one: only services that they concern are built again, each once.
    pub fn apply(&mut self, edits: impl IntoIterator<Item = Edit>) -> Changes {
        for edit in edits {
            match edit {
                Edit::PutService(service) => self.put_service(service),
                Edit::RemoveService(name) => self.remove_service(&name),
                Edit::PutSlice(slice) => self.put_slice(slice),
                Edit::RemoveSlice(name) => self.remove_slice(&name),
                Edit::PutHostPorts(ports) => self.put_host_ports(ports),
                Edit::RemoveHostPorts(pod) => self.remove_host_ports(&pod),
                Edit::PutPod(pod) => self.redirects.put_pod(pod),
                Edit::RemovePod(name) => self.redirects.remove_pod(&name),
                Edit::PutRedirect(policy) => self.redirects.put(policy),
                Edit::RemoveRedirect(name) => self.remove_redirect(&name),
            }
        }
        self.redirect();
        self.settle()
    }

    /// Changes where the tables are made for: an address or the zone of the node, or prefixes of pods.
    /// All services are built again.
    pub fn set_site(&mut self, site: Site) -> Changes {
        if site == self.context.site {
            return Changes::default();
        }
        self.context.site = site;
        let slots: Vec<Slot> = self.slots.values().copied().collect();
        for slot in slots {
            self.ask_again(slot);
            self.touched.push(slot);
        }
        self.redirects.touch();
        self.redirect();
        self.settle()
    }

    fn put_service(&mut self, service: Service) {
        let slot = self.slot(service.name.clone());
        let Some(record) = &mut self.records[slot as usize] else { return };
        if record.service.as_ref() == Some(&service) {
            return;
        }
        record.service = Some(service);
        self.redirects.touch();
        self.touched.push(slot);
        self.ask_again(slot);
    }

    fn remove_service(&mut self, name: &ObjectName) {
        let Some(slot) = self.slots.get(name).copied() else { return };
        if let Some(record) = &mut self.records[slot as usize]
            && record.service.take().is_some()
        {
            self.redirects.touch();
            self.touched.push(slot);
            self.ask_again(slot);
        }
    }

    fn put_slice(&mut self, slice: EndpointSlice) {
        let slot = self.slot(slice.owner());
        let before = self.slices.insert(slice.name.clone(), slot);
        if let Some(before) = before.filter(|before| *before != slot) {
            self.take_slice(before, &slice.name);
        }
        if let Some(record) = &mut self.records[slot as usize]
            && record.put_slice(slice)
        {
            self.touched.push(slot);
        }
    }

    fn remove_slice(&mut self, name: &ObjectName) {
        if let Some(slot) = self.slices.remove(name) {
            self.take_slice(slot, name);
        }
    }

    fn take_slice(&mut self, slot: Slot, name: &ObjectName) {
        if let Some(record) = &mut self.records[slot as usize] {
            record.slices.retain(|slice| slice.name != *name);
            self.touched.push(slot);
        }
    }

    fn put_host_ports(&mut self, ports: HostPorts) {
        let slot = self.slot(ports.name());
        if let Some(record) = &mut self.records[slot as usize]
            && record.put_host_ports(ports)
        {
            self.touched.push(slot);
            self.ask_again(slot);
        }
    }

    fn remove_host_ports(&mut self, pod: &ObjectName) {
        let Some(slot) = self.slots.get(&ObjectName::of_pod(pod)).copied() else { return };
        if let Some(record) = &mut self.records[slot as usize] {
            record.remove_host_ports();
            self.touched.push(slot);
            self.ask_again(slot);
        }
    }

    /// Returns where a service is kept, from now on if it was not.
    pub(super) fn slot(&mut self, name: ObjectName) -> Slot {
        if let Some(slot) = self.slots.get(&name) {
            return *slot;
        }
        let slot = self.vacant.pop().unwrap_or_else(|| {
            self.records.push(None);
            self.context.names.push(None);
            Slot::try_from(self.records.len() - 1)
                .expect("fewer than 2^32 services fit into memory")
        });
        self.context.names[slot as usize] = Some(name.clone());
        self.records[slot as usize] = Some(Record::new(name.clone()));
        self.slots.insert(name, slot);
        slot
    }

    /// Enters what a service asks for now instead of what it asked for before, and touches those who ask
    /// for the same.
    pub(super) fn ask_again(&mut self, slot: Slot) {
        let Some(record) = &mut self.records[slot as usize] else { return };
        let now = record.ask(&self.context.site);
        let created = record.service.as_ref().map(|service| service.created);
        let before = std::mem::replace(&mut record.wants, now.clone());
        let name = record.name.clone();
        for want in &before {
            self.leave(slot, want);
        }
        for want in &now {
            let created = created.unwrap_or_default();
            let claim = Claim {
                rank: want.rank(),
                created,
                name: name.clone(),
                slot,
                passed_by_backends: want.passed_by_backends,
            };
            self.context.claims.insert(want.vip, claim);
            self.touched
                .extend(self.context.claims.slots(&want.vip).filter(|other| *other != slot));
            self.enter(slot, want);
        }
        self.touch_users(&before, &now);
    }

    fn enter(&mut self, slot: Slot, want: &Want) {
        let address = want.vip.address;
        match want.kind {
            FrontendKind::ClusterIp => self.context.cluster_ips.insert(address, slot),
            FrontendKind::LoadBalancer => {
                self.context.balanced.insert(address, slot);
                self.context.external.insert(address, slot);
            }
            FrontendKind::ExternalIp | FrontendKind::HostPort => {
                self.context.external.insert(address, slot);
            }
            FrontendKind::NodePort | FrontendKind::LocalRedirect => {}
        }
    }

    fn leave(&mut self, slot: Slot, want: &Want) {
        self.context.claims.remove(&want.vip, slot);
        self.touched.extend(self.context.claims.slots(&want.vip));
        let address = want.vip.address;
        self.context.cluster_ips.remove(address, slot);
        self.context.balanced.remove(address, slot);
        self.context.external.remove(address, slot);
    }

    /// Touches those for whom it matters that an address is or is not a frontend any more.
    fn touch_users(&mut self, before: &[Want], now: &[Want]) {
        let rules_out = |want: &&Want| {
            matches!(want.kind, FrontendKind::ClusterIp | FrontendKind::LoadBalancer)
        };
        let addresses = |wants: &[Want]| -> BTreeSet<(IpAddr, FrontendKind)> {
            wants.iter().filter(rules_out).map(|want| (want.vip.address, want.kind)).collect()
        };
        for (address, kind) in addresses(before).symmetric_difference(&addresses(now)) {
            if *kind == FrontendKind::ClusterIp {
                self.touched.extend(self.context.external.of(*address));
            }
            self.touched.extend(self.context.absent.of(*address));
            if self.is_backend(*address) {
                self.touch_backends(*address);
            }
        }
    }

    /// Tells whether an address is that of a backend.
    fn is_backend(&self, address: IpAddr) -> bool {
        let key = |port, protocol| BackendKey { address, port, protocol };
        self.backend_ids.has_between(key(0, Protocol::Tcp), key(u16::MAX, Protocol::Sctp))
    }

    /// Touches services with a backend at an address. Asks all of them: that a backend's address becomes
    /// a frontend is a mistake or an attack, and an index for it would cost more than the backends.
    fn touch_backends(&mut self, address: IpAddr) {
        for (slot, record) in (0..).zip(&self.records) {
            if record.as_ref().is_some_and(|record| record.has_endpoint(address)) {
                self.touched.push(slot);
            }
        }
    }
}
