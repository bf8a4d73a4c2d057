//! Services for the admin API.

use std::{collections::HashMap, net::IpAddr};

use crate::{
    api,
    service::{
        Backend, Frontend, FrontendKey, FrontendKind, ObjectName, Scope, Services, State,
        WhenEmpty,
        input::{Affinity, Endpoint, HostPorts, Redirect, ServiceKind, TrafficPolicy},
    },
};

/// Tells about all services, pods with host ports and policies that redirect, by name.
pub(super) fn report(services: &Services) -> Vec<api::Service> {
    let pods = services.pods().map(HostPorts::name);
    let mut names: Vec<ObjectName> = services.names().cloned().chain(pods).collect();
    names.extend(services.redirects().map(Redirect::record));
    names.sort_unstable();
    names.iter().filter_map(|name| one(services, name)).collect()
}

fn one(services: &Services, name: &ObjectName) -> Option<api::Service> {
    let kind = services.service(name)?.kind;
    let places = places(services, name);
    let own = services.frontends_of(name).map(|pair| frontend(services, pair, &places));
    let taken_over = redirected(services, name);
    let mut frontends: Vec<api::Frontend> = own.chain(taken_over).collect();
    frontends.sort_by_key(|one| (one.address, one.port));
    Some(api::Service {
        namespace: name.namespace.to_string(),
        name: name.name.to_string(),
        kind: service_type(kind),
        frontends,
        findings: services.findings_of(name).iter().map(ToString::to_string).collect(),
    })
}

/// Tells about what policies have taken over from a service, for now.
fn redirected(services: &Services, name: &ObjectName) -> Vec<api::Frontend> {
    let taken_over = services.redirected(name);
    taken_over.map(|pair| frontend(services, pair, &places(services, &pair.1.service))).collect()
}

/// Where endpoints are, by address.
type Places<'a> = HashMap<IpAddr, &'a Endpoint>;

/// An endpoint that moves is in two slices for a while, of which one may not know its node.
fn places<'a>(services: &'a Services, name: &ObjectName) -> Places<'a> {
    let mut places = Places::new();
    for endpoint in services.slices_of(name).iter().flat_map(|slice| &slice.endpoints) {
        let known = places.entry(endpoint.address).or_insert(endpoint);
        if known.node.is_none() {
            *known = endpoint;
        }
    }
    places
}

fn frontend(
    services: &Services,
    (key, frontend): (&FrontendKey, &Frontend),
    places: &Places<'_>,
) -> api::Frontend {
    let backends = &frontend.backends;
    let taking = backends.candidates().iter().map(|one| backend(one, true, places));
    let draining = backends.draining().iter().map(|one| backend(one, false, places));
    api::Frontend {
        id: frontend.id.0,
        address: key.vip.address,
        port: key.vip.port,
        protocol: key.vip.protocol.name().into(),
        port_name: frontend.port_name.to_string(),
        kind: frontend_kind(frontend.kind),
        redirect: redirect(services, &frontend.service),
        scope: scope(key.scope),
        policy: policy(frontend.policy),
        affinity_seconds: frontend.affinity.map(Affinity::seconds),
        source_ranges: frontend.source_ranges.as_ref().map(|ranges| ranges.to_vec()),
        when_empty: match backends.when_empty {
            WhenEmpty::Reject => api::WhenEmpty::Reject,
            WhenEmpty::Drop => api::WhenEmpty::Drop,
        },
        backends: taking.chain(draining).collect(),
    }
}

/// Returns the policy that redirects, if what has a frontend is one.
pub(super) fn redirect(services: &Services, holder: &ObjectName) -> Option<String> {
    services.redirect_of(holder).map(ToString::to_string)
}

fn backend(backend: &Backend, takes_connections: bool, places: &Places<'_>) -> api::Backend {
    let endpoint = places.get(&backend.address);
    api::Backend {
        id: backend.id.0,
        address: backend.address,
        port: backend.port,
        state: match backend.state {
            State::Active => api::BackendState::Active,
            State::Terminating => api::BackendState::Terminating,
        },
        takes_connections,
        node: endpoint.and_then(|endpoint| Some(endpoint.node.as_ref()?.to_string())),
        zone: endpoint.and_then(|endpoint| Some(endpoint.zone.as_ref()?.to_string())),
    }
}

fn service_type(kind: ServiceKind) -> api::ServiceType {
    match kind {
        ServiceKind::ClusterIp => api::ServiceType::ClusterIp,
        ServiceKind::NodePort => api::ServiceType::NodePort,
        ServiceKind::LoadBalancer => api::ServiceType::LoadBalancer,
        ServiceKind::ExternalName => api::ServiceType::ExternalName,
        ServiceKind::HostPort => api::ServiceType::HostPort,
        ServiceKind::LocalRedirect => api::ServiceType::LocalRedirect,
    }
}

pub(super) fn frontend_kind(kind: FrontendKind) -> api::FrontendKind {
    match kind {
        FrontendKind::ClusterIp => api::FrontendKind::ClusterIp,
        FrontendKind::NodePort => api::FrontendKind::NodePort,
        FrontendKind::LoadBalancer => api::FrontendKind::LoadBalancer,
        FrontendKind::ExternalIp => api::FrontendKind::ExternalIp,
        FrontendKind::HostPort => api::FrontendKind::HostPort,
        FrontendKind::LocalRedirect => api::FrontendKind::LocalRedirect,
    }
}

pub(super) fn scope(scope: Scope) -> api::Scope {
    match scope {
        Scope::Internal => api::Scope::Internal,
        Scope::External => api::Scope::External,
        Scope::Behind => api::Scope::Behind,
    }
}

pub(super) fn policy(policy: TrafficPolicy) -> api::TrafficPolicy {
    match policy {
        TrafficPolicy::Cluster => api::TrafficPolicy::Cluster,
        TrafficPolicy::Local => api::TrafficPolicy::Local,
    }
}
