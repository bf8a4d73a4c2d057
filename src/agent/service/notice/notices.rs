//! Which findings are told, and on what.

use std::net::IpAddr;

use crate::service::{Field, ObjectName, Services};

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
    /// What tells it from all else about the object, the same on all nodes.
    pub(super) cause: String,
    /// What people read; it may name one endpoint of several.
    pub(super) text: String,
}

/// Returns what this node has to tell on a service or on a pod with host ports.
pub(in crate::agent::service) fn notices(services: &Services, name: &ObjectName) -> Vec<Notice> {
    // What of a policy has no effect differs from node to node, and is in `skep service list`.
    if services.redirect_of(name).is_some() {
        return vec![];
    }
    let about = match services.pod(name) {
        Some(ports) => About::Pod(ports.pod.clone()),
        None => About::Service(name.clone()),
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
            notices.push(Notice { about: about.clone(), cause, text: finding.to_string() });
        }
    }
    notices
}

fn is_here(services: &Services, name: &ObjectName, address: IpAddr) -> bool {
    let node = &services.site().place.node;
    let mut endpoints = services.slices_of(name).iter().flat_map(|slice| &slice.endpoints);
    endpoints.any(|endpoint| endpoint.address == address && endpoint.is_on(node))
}
