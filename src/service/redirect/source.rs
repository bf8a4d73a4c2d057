//! Whose traffic a policy redirects, and whose it must not.

use std::{net::IpAddr, sync::Arc};

use super::{compile::Around, ports::FrontPort};
use crate::service::{
    ObjectName,
    address::Unfit,
    finding::{Field, Finding, Reason},
    index::Slot,
    input::{
        PortId, RedirectFrom, RedirectPort, RedirectRule, Service, ServiceKind, ServicePort, Site,
    },
    output::Vip,
};

/// Addresses and ports to which traffic is redirected.
#[derive(Debug)]
pub(super) struct Source {
    /// The service that has them, if one does.
    pub(super) service: Option<ObjectName>,
    pub(super) addresses: Vec<IpAddr>,
    pub(super) ports: Vec<FrontPort>,
}

/// Finds what a policy is about; `None` if there is nothing that it may be about.
pub(super) fn source(
    rule: &RedirectRule,
    policy: &ObjectName,
    around: &Around<'_>,
    faults: &mut Vec<Finding>,
) -> Option<Source> {
    match &rule.from {
        RedirectFrom::Address { address, ports } => {
            if let Some(reason) = refusal(*address, around) {
                faults.push(Finding { place: Field::RedirectAddress(*address), reason });
                return None;
            }
            let ports = ports.iter().filter_map(front_port).collect();
            Some(Source { service: None, addresses: vec![*address], ports })
        }
        RedirectFrom::Service { name, ports } => match target(name, policy, around) {
            Ok((slot, service)) => Some(of_service((slot, service), ports, around, faults)),
            Err(reason) => {
                faults.push(Finding { place: Field::RedirectService(name.clone()), reason });
                None
            }
        },
    }
}

/// Says why an address must not be redirected.
///
/// A policy is namespaced, and would otherwise get traffic of other tenants: to nodes, to pods and to their
/// services. Its own namespace's services are named by a serviceMatcher, which follows them. Link-local IPv4
/// addresses are what such policies are for: services of clouds have them.
fn refusal(address: IpAddr, around: &Around<'_>) -> Option<Reason> {
    let site: &Site = &around.context.site;
    let unfit = Unfit::of(address);
    let is_of_a_cloud = address.is_ipv4() && unfit == Some(Unfit::LinkLocal);
    match unfit {
        Some(unfit) if !is_of_a_cloud => Some(Reason::Unfit(unfit)),
        _ if site.is_node(address) => Some(Reason::NodeAddress),
        _ if site.is_pod(address) => Some(Reason::PodAddress),
        _ => around.context.service_at(address),
    }
}

/// Finds the service that a policy is about.
fn target<'a>(
    name: &ObjectName,
    policy: &ObjectName,
    around: &Around<'a>,
) -> Result<(Slot, &'a Service), Reason> {
    if name.namespace != policy.namespace {
        return Err(Reason::OtherNamespace);
    }
    let (slot, service) = (around.service)(name).ok_or(Reason::NoService)?;
    if service.kind != ServiceKind::ClusterIp || service.is_dns_only() {
        return Err(Reason::NotClusterIp);
    }
    Ok((slot, service))
}

fn of_service(
    (slot, service): (Slot, &Service),
    asked: &[RedirectPort],
    around: &Around<'_>,
    faults: &mut Vec<Finding>,
) -> Source {
    let mut ports = Vec::new();
    for port in asked {
        match service.ports.iter().find(|own| is_meant(own, port)) {
            Some(own) => {
                // The policy's name counts: it is what the backend's ports are named after.
                let name = if port.name.is_empty() { &own.name } else { &port.name };
                ports.push(FrontPort { name: Arc::clone(name), ..of_port(own) });
            }
            None => faults.push(Finding {
                place: Field::RedirectPort(port.port.clone(), port.protocol),
                reason: Reason::NoSuchPort,
            }),
        }
    }
    if asked.is_empty() {
        ports = service.ports.iter().map(of_port).collect();
    }
    let is_own = |address: &IpAddr| is_owner(slot, service, *address, around);
    let addresses = service.cluster_ips.iter().filter(is_own).collect();
    Source { service: Some(service.name.clone()), addresses, ports }
}

/// Tells whether a cluster IP is the service's own at all of its ports. Two services have one only by a
/// mistake of the API server's, and then a policy of the one must not reach the other's.
fn is_owner(slot: Slot, service: &Service, address: IpAddr, around: &Around<'_>) -> bool {
    service.ports.iter().all(|port| {
        let vip = Vip { address, port: port.port.get(), protocol: port.protocol };
        around.context.claims.owner(&vip).is_some_and(|owner| owner.slot == slot)
    })
}

fn is_meant(own: &ServicePort, asked: &RedirectPort) -> bool {
    let is_it = match &asked.port {
        PortId::Number(number) => own.port == *number,
        PortId::Name(name) => own.name == *name,
    };
    is_it && own.protocol == asked.protocol
}

fn of_port(own: &ServicePort) -> FrontPort {
    FrontPort { name: Arc::clone(&own.name), number: own.port, protocol: own.protocol }
}

/// An address has no names for its ports: those were refused when the policy was read.
fn front_port(port: &RedirectPort) -> Option<FrontPort> {
    match port.port {
        PortId::Number(number) => {
            Some(FrontPort { name: Arc::clone(&port.name), number, protocol: port.protocol })
        }
        PortId::Name(_) => None,
    }
}
