//! Host ports as services.
//!
//! A pod with host ports is kept as a service with the pod as its only endpoint: claims, numbers, findings,
//! reports and explanations are then the same as for services. Only what it asks for differs: its
//! ports at addresses of this node, for clients in the cluster as well. Clients inside find it before they
//! look for a node port, which is kept under the unspecified address.

use std::{net::IpAddr, sync::Arc};

use super::{
    Protocol,
    address::{Unfit, family},
    finding::{Field, Finding, Reason},
    input::{
        Conditions, Endpoint, EndpointSlice, HostPort, HostPorts, Service, ServiceKind,
        ServicePort, Site, SlicePort, TrafficPolicy,
    },
    object::ObjectName,
    output::{FrontendKind, Vip},
    wants::Want,
};
use crate::model::Addresses;

impl HostPorts {
    /// Returns the name that the host ports of a pod have among services.
    pub fn name(&self) -> ObjectName {
        ObjectName::of_pod(&self.pod)
    }

    /// Returns the service. The backend is on this node, so connections from outside stay here and keep
    /// the client's address.
    pub(super) fn service(&self) -> Service {
        Service {
            name: self.name(),
            created: self.created,
            kind: ServiceKind::HostPort,
            cluster_ips: Addresses::default(),
            external_ips: vec![],
            load_balancer_ips: vec![],
            ports: self.ports.iter().map(service_port).collect(),
            affinity: None,
            internal: TrafficPolicy::Local,
            external: TrafficPolicy::Local,
            source_ranges: None,
            publish_not_ready: false,
            health_check_port: None,
            distribution: None,
        }
    }

    /// Returns what is behind it: the pod at its address of each family.
    pub(super) fn slices(&self) -> Vec<EndpointSlice> {
        let mut ports: Vec<SlicePort> = self.ports.iter().map(slice_port).collect();
        ports.sort_by_key(|port| (port.port, port.protocol));
        ports.dedup();
        let slice = |address| EndpointSlice {
            name: self.name(),
            service: self.name().name,
            family: family(address),
            ports: ports.clone(),
            endpoints: vec![self.endpoint(address)],
        };
        self.addresses.iter().map(slice).collect()
    }

    fn endpoint(&self, address: IpAddr) -> Endpoint {
        Endpoint {
            address,
            others: [].into(),
            conditions: Conditions::default(),
            node: Some(Arc::clone(&self.node)),
            zone: None,
            hints: None,
        }
    }

    fn has_family(&self, address: IpAddr) -> bool {
        self.addresses.iter().any(|own| family(own) == family(address))
    }
}

/// A port is named after its target, by which it finds its endpoints, too.
fn service_port(port: &HostPort) -> ServicePort {
    let name = port.target.to_string().into();
    ServicePort { name, protocol: port.protocol, port: port.port, node_port: None }
}

fn slice_port(port: &HostPort) -> SlicePort {
    SlicePort { name: port.target.to_string().into(), protocol: port.protocol, port: port.target }
}

/// Returns what a pod asks for, each once, and what it must not ask for.
///
/// Of two ports with one number, the one with an address of its own is meant there, and the other at all
/// other addresses.
pub(super) fn wants(ports: &HostPorts, site: &Site, findings: &mut Vec<Finding>) -> Vec<Want> {
    let mut wants: Vec<Want> = Vec::new();
    let all = || ports.ports.iter().enumerate();
    let with_address = all().filter(|(_, port)| given(port).is_some());
    let others = all().filter(|(_, port)| given(port).is_none());
    for (index, port) in with_address.chain(others) {
        for address in addresses(ports, port, site) {
            let vip = Vip { address, port: port.port.get(), protocol: port.protocol };
            if let Some(reason) = refusal(ports, port, address, site) {
                findings.push(Finding { place: Field::HostPort(vip), reason });
            } else if wants.iter().all(|other| other.vip != vip) {
                wants.push(Want::new(vip, FrontendKind::HostPort, index));
            }
        }
    }
    wants
}

/// Returns the one address that a port is for, if it is for one.
fn given(port: &HostPort) -> Option<IpAddr> {
    port.address.filter(|address| !address.is_unspecified())
}

/// Returns the addresses that a port is for. A node may have families that the pod lacks, and that is no
/// mistake unless the family is asked for.
fn addresses(ports: &HostPorts, port: &HostPort, site: &Site) -> Vec<IpAddr> {
    if let Some(address) = given(port) {
        return vec![address];
    }
    let is_meant = |own: &IpAddr| match port.address {
        Some(every) => family(every) == family(*own),
        None => ports.has_family(*own),
    };
    let own = site.node_ports.iter().copied();
    own.filter(|own| Unfit::of(*own).is_none() && is_meant(own)).collect()
}

/// Says why a pod must not have a port at an address, as far as this depends on nobody else.
fn refusal(ports: &HostPorts, port: &HostPort, address: IpAddr, site: &Site) -> Option<Reason> {
    if let Some(unfit) = Unfit::of(address) {
        return Some(Reason::Unfit(unfit));
    }
    if !site.node_ports.contains(&address) {
        return Some(Reason::NotOfThisNode);
    }
    if !ports.has_family(address) {
        return Some(Reason::OtherFamily);
    }
    let (number, target) = (port.port.get(), port.target.get());
    let differs = port.protocol == Protocol::Sctp && number != target;
    differs.then_some(Reason::SctpPort { port: number, target })
}
