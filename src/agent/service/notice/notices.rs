//! Which findings are told, and on what.

use std::net::IpAddr;

use crate::{
    maps::ServiceError,
    service::{Field, ObjectName, Services},
};

/// An object that something is told on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::agent::service) enum About {
    /// A service.
    Service(ObjectName),
    /// A pod of this node.
    Pod(ObjectName),
}

/// Something that is told.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::agent::service) struct Notice {
    /// On what.
    pub(super) about: About,
    /// Reason of its Event.
    pub(super) reason: &'static str,
    /// What tells it from all else about the object, the same on all nodes.
    pub(super) cause: String,
    /// What people read; it may name one endpoint of several.
    pub(super) text: String,
}

/// Reasons of Events.
const ENDPOINT: &str = "EndpointWithoutEffect";
const HOST_PORT: &str = "HostPortWithoutEffect";
const NOT_BALANCED: &str = "NotBalanced";

/// Returns what is told when a map refuses frontends: the first of them stands for all.
pub(in crate::agent::service) fn refused(
    services: &Services,
    failure: &ServiceError,
) -> Option<Notice> {
    let service = &services.frontend(&failure.first)?.service;
    let about = match services.redirect_of(service) {
        // Policies have no Events; what they redirect is a service's or nobody's.
        Some(_) => return None,
        None => about(services, service),
    };
    let cause = cause(failure);
    let node = &services.site().place.node;
    let how = if failure.partly { "lacks backends" } else { "is not balanced" };
    let text = format!("{} {how} on node {node}: {cause}", failure.first.vip);
    // One Event for each node.
    Some(Notice { about, reason: NOT_BALANCED, cause: format!("{node}: {cause}"), text })
}

/// Says why a map refuses frontends, and what can be done.
pub(in crate::agent::service) fn cause(failure: &ServiceError) -> String {
    failure.source.advice("backend-entries")
}

fn about(services: &Services, name: &ObjectName) -> About {
    match services.pod(name) {
        Some(ports) => About::Pod(ports.pod.clone()),
        None => About::Service(name.clone()),
    }
}

/// Returns what this node has to tell on a service or on a pod with host ports.
pub(in crate::agent::service) fn notices(services: &Services, name: &ObjectName) -> Vec<Notice> {
    // What of a policy has no effect differs from node to node, and is in `skep service list`.
    if services.redirect_of(name).is_some() {
        return vec![];
    }
    let about = about(services, name);
    let reason = match about {
        About::Service(_) => ENDPOINT,
        About::Pod(_) => HOST_PORT,
    };
    let mut notices: Vec<Notice> = Vec::new();
    for finding in services.findings_of(name) {
        let cause = match &finding.place {
            Field::HostPort(_) => finding.to_string(),
            Field::Endpoint { address, .. } if is_here(services, name, *address) => {
                finding.reason.to_string()
            }
            _ => continue,
        };
        if notices.iter().all(|other| other.cause != cause) {
            let text = finding.to_string();
            notices.push(Notice { about: about.clone(), reason, cause, text });
        }
    }
    notices
}

fn is_here(services: &Services, name: &ObjectName, address: IpAddr) -> bool {
    let node = &services.site().place.node;
    let mut endpoints = services.slices_of(name).iter().flat_map(|slice| &slice.endpoints);
    endpoints.any(|endpoint| endpoint.address == address && endpoint.is_on(node))
}
