//! One service and its slices.

use std::{collections::BTreeSet, net::IpAddr, sync::Arc};

use crate::service::{
    finding::Finding,
    host_port,
    input::{EndpointSlice, HostPorts, Service, Site},
    object::ObjectName,
    output::{Backends, Frontend, FrontendKey},
    redirect::Compiled,
    wants::{self, Want},
};

/// What is known of a service. Slices may come before it, and outlive it.
#[derive(Debug)]
pub(in crate::service) struct Record {
    pub(in crate::service) name: ObjectName,
    pub(in crate::service) service: Option<Service>,
    /// Those that the service and its slices stand for, if it is a pod.
    pub(super) host_ports: Option<Box<HostPorts>>,
    /// What the service and its slices stand for, if it is a policy that redirects.
    pub(super) redirect: Option<Box<Compiled>>,
    /// By name.
    pub(in crate::service) slices: Vec<EndpointSlice>,
    pub(in crate::service) wants: Vec<Want>,
    /// What is wrong with the service itself, whatever others there are.
    pub(super) faults: Vec<Finding>,
    /// By key.
    pub(in crate::service) frontends: Vec<(FrontendKey, Frontend)>,
    /// All sets of backends of the frontends, each once.
    pub(super) sets: Vec<Arc<Backends>>,
    pub(in crate::service) findings: Vec<Finding>,
    /// Addresses of endpoints that are not backends.
    pub(super) absent: Vec<IpAddr>,
}

impl Record {
    /// Makes an empty one.
    pub(super) fn new(name: ObjectName) -> Self {
        Self {
            name,
            service: None,
            host_ports: None,
            redirect: None,
            slices: vec![],
            wants: vec![],
            faults: vec![],
            frontends: vec![],
            sets: vec![],
            findings: vec![],
            absent: vec![],
        }
    }

    /// Tells whether there is nothing left to know.
    pub(super) fn is_empty(&self) -> bool {
        self.service.is_none() && self.slices.is_empty()
    }

    /// Puts a slice in its place. Tells whether anything is different.
    pub(super) fn put_slice(&mut self, slice: EndpointSlice) -> bool {
        match self.slices.binary_search_by(|own| own.name.name.cmp(&slice.name.name)) {
            Ok(place) if self.slices[place] == slice => return false,
            Ok(place) => self.slices[place] = slice,
            Err(place) => {
                // Most services have one slice, and a vector's first growth is for four.
                self.slices.reserve_exact(1);
                self.slices.insert(place, slice);
            }
        }
        true
    }

    /// Keeps the host ports of a pod. Tells whether anything is different.
    pub(super) fn put_host_ports(&mut self, ports: HostPorts) -> bool {
        if self.host_ports.as_deref() == Some(&ports) {
            return false;
        }
        self.service = Some(ports.service());
        self.slices = ports.slices();
        self.host_ports = Some(Box::new(ports));
        true
    }

    /// Forgets the host ports of a pod.
    pub(super) fn remove_host_ports(&mut self) {
        (self.service, self.host_ports) = (None, None);
        self.slices.clear();
    }

    /// Keeps what a policy that redirects comes to. Tells whether anything is different.
    pub(super) fn put_redirect(&mut self, compiled: Compiled) -> bool {
        if self.redirect.as_deref() == Some(&compiled) {
            return false;
        }
        self.service = Some(compiled.service.clone());
        self.slices.clone_from(&compiled.slices);
        self.redirect = Some(Box::new(compiled));
        true
    }

    /// Forgets what a policy came to.
    pub(super) fn remove_redirect(&mut self) {
        (self.service, self.redirect) = (None, None);
        self.slices.clear();
    }

    /// Tells whether it is a service, and not something that is kept like one.
    pub(super) fn is_service(&self) -> bool {
        self.service.is_some() && self.host_ports.is_none() && self.redirect.is_none()
    }

    /// Returns what is asked for now, and notes what is wrong with that whoever else there is.
    pub(super) fn ask(&mut self, site: &Site) -> Vec<Want> {
        self.faults.clear();
        if let Some(redirect) = &self.redirect {
            self.faults.clone_from(&redirect.faults);
            return redirect.wants.clone();
        }
        match (&self.host_ports, &self.service) {
            (Some(ports), _) => host_port::wants(ports, site, &mut self.faults),
            (None, Some(service)) => wants::wants(service, site, &mut self.faults),
            (None, None) => vec![],
        }
    }

    /// Tells whether an endpoint has an address.
    pub(super) fn has_endpoint(&self, address: IpAddr) -> bool {
        self.slices
            .iter()
            .flat_map(|slice| &slice.endpoints)
            .any(|endpoint| endpoint.address == address)
    }

    /// Finds a frontend.
    pub(in crate::service) fn frontend(&self, key: &FrontendKey) -> Option<&Frontend> {
        let place = self.frontends.binary_search_by_key(key, |(own, _)| *own).ok()?;
        Some(&self.frontends[place].1)
    }

    /// Yields the frontends, by key.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&FrontendKey, &Frontend)> {
        self.frontends.iter().map(|(key, frontend)| (key, frontend))
    }

    /// Counts the addresses on a node that are ready, whatever their ports (as kube-proxy does), in the
    /// family that has more of them: a pod with both families is one endpoint.
    pub(super) fn ready_on(&self, node: &str) -> usize {
        let publish = self.service.as_ref().is_some_and(|service| service.publish_not_ready);
        let ready: BTreeSet<IpAddr> = self
            .slices
            .iter()
            .flat_map(|slice| &slice.endpoints)
            .filter(|endpoint| endpoint.is_on(node) && (endpoint.conditions.ready || publish))
            .map(|endpoint| endpoint.address)
            .collect();
        let v4 = ready.iter().filter(|address| address.is_ipv4()).count();
        v4.max(ready.len() - v4)
    }
}
