//! Objects for tests, and tables as short words.

use std::{net::IpAddr, num::NonZeroU16};

use crate::{
    model::{Addresses, Family},
    service::{
        Backend, Changes, Edit, Frontend, FrontendKey, ObjectName, Protocol, Scope, Services, Vip,
        input::{
            Conditions, Endpoint, EndpointSlice, Hints, HostPort, HostPorts, LocalPod, Place,
            PortId, Redirect, RedirectFrom, RedirectPort, RedirectRule, Requirement, Selector,
            Service, ServiceKind, ServicePort, Site, SlicePort, Test, TrafficPolicy,
        },
    },
};

pub(super) fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

pub(super) fn number(port: u16) -> NonZeroU16 {
    NonZeroU16::new(port).expect("not 0")
}

pub(super) fn name(text: &str) -> ObjectName {
    ObjectName::new("ns", text)
}

/// Node `here` in zone `z1` with an address of each family; pods are in 10.0.0.0/16 and fd00::/64.
pub(super) fn site() -> Site {
    Site {
        place: Place { node: "here".into(), zone: Some("z1".into()) },
        node_ports: vec![ip("192.168.0.1"), ip("2001:db8::1"), ip("127.0.0.1"), ip("fe80::1")],
        nodes: ["192.168.0.1", "192.168.0.2", "2001:db8::1"].map(ip).into(),
        pods: vec![
            "10.0.0.0/16".parse().expect("a prefix"),
            "fd00::/64".parse().expect("a prefix"),
        ],
    }
}

pub(super) fn cluster_ips(texts: &[&str]) -> Addresses {
    let mut addresses = Addresses::default();
    for text in texts {
        match ip(text) {
            IpAddr::V4(address) => addresses.v4 = Some(address),
            IpAddr::V6(address) => addresses.v6 = Some(address),
        }
    }
    addresses
}

/// A service with port 80/TCP named `http`, node port 30080 if its type has such.
pub(super) fn service(text: &str, addresses: &[&str]) -> Service {
    Service {
        name: name(text),
        created: 100,
        kind: ServiceKind::ClusterIp,
        cluster_ips: cluster_ips(addresses),
        external_ips: vec![],
        load_balancer_ips: vec![],
        ports: vec![port("http", Protocol::Tcp, 80, Some(30_080))],
        affinity: None,
        internal: TrafficPolicy::Cluster,
        external: TrafficPolicy::Cluster,
        source_ranges: None,
        publish_not_ready: false,
        health_check_port: None,
        distribution: None,
    }
}

pub(super) fn port(
    text: &str,
    protocol: Protocol,
    port: u16,
    node_port: Option<u16>,
) -> ServicePort {
    let node_port = node_port.map(number);
    ServicePort { name: text.into(), protocol, port: number(port), node_port }
}

/// An endpoint on node `there`.
pub(super) fn endpoint(address: &str) -> Endpoint {
    Endpoint {
        address: ip(address),
        others: [].into(),
        conditions: Conditions::default(),
        node: Some("there".into()),
        zone: None,
        hints: None,
    }
}

pub(super) fn local(address: &str) -> Endpoint {
    Endpoint { node: Some("here".into()), ..endpoint(address) }
}

pub(super) const UNREADY: Conditions =
    Conditions { ready: false, serving: false, terminating: false };
/// About to end, and still answering.
pub(super) const ENDING: Conditions = Conditions { ready: false, serving: true, terminating: true };
/// About to end, and not answering any more.
pub(super) const ENDED: Conditions = Conditions { ready: false, serving: false, terminating: true };

pub(super) fn is(conditions: Conditions, endpoint: Endpoint) -> Endpoint {
    Endpoint { conditions, ..endpoint }
}

pub(super) fn meant_for(zones: &[&str], nodes: &[&str], endpoint: Endpoint) -> Endpoint {
    let list = |texts: &[&str]| texts.iter().map(|text| (*text).into()).collect();
    let hints = Hints { zones: list(zones), nodes: list(nodes) };
    Endpoint { hints: Some(Box::new(hints)), ..endpoint }
}

/// A slice with target port 8080 for port `http`.
pub(super) fn slice(text: &str, service: &str, endpoints: &[Endpoint]) -> EndpointSlice {
    let is_v6 = endpoints.first().is_some_and(|endpoint| endpoint.address.is_ipv6());
    EndpointSlice {
        name: name(text),
        service: service.into(),
        family: if is_v6 { Family::V6 } else { Family::V4 },
        ports: vec![slice_port("http", Protocol::Tcp, 8080)],
        endpoints: endpoints.to_vec(),
    }
}

pub(super) fn slice_port(text: &str, protocol: Protocol, port: u16) -> SlicePort {
    SlicePort { name: text.into(), protocol, port: number(port) }
}

/// A pod of node `here`.
pub(super) fn pod(text: &str, addresses: &[&str], ports: &[HostPort]) -> HostPorts {
    HostPorts {
        pod: name(text),
        created: 100,
        node: "here".into(),
        addresses: cluster_ips(addresses),
        ports: ports.to_vec(),
    }
}

/// A host port of TCP; no address is all of them.
pub(super) fn host_port(address: &str, port: u16, target: u16) -> HostPort {
    HostPort {
        address: address.parse().ok(),
        port: number(port),
        target: number(target),
        protocol: Protocol::Tcp,
    }
}

pub(super) fn put_pod(ports: &HostPorts) -> Edit {
    Edit::PutHostPorts(ports.clone())
}

/// A ready pod of node `here` with the label `app`.
pub(super) fn local_pod(text: &str, addresses: &[&str], app: &str) -> LocalPod {
    LocalPod {
        name: name(text),
        labels: [("app".to_owned(), app.to_owned())].into(),
        node: "here".into(),
        addresses: cluster_ips(addresses),
        ready: true,
        terminating: false,
        ports: vec![],
    }
}

/// A port of a policy, of TCP.
pub(super) fn redirect_port(text: &str, port: u16) -> RedirectPort {
    let port = PortId::Number(number(port));
    RedirectPort { port, protocol: Protocol::Tcp, name: text.into() }
}

/// A policy that leads what is sent to `from` to port 8080 of pods with the label `app: near`.
pub(super) fn redirect(text: &str, from: RedirectFrom) -> Redirect {
    let test = Test::In(vec!["near".into()]);
    let selector = Selector { requirements: vec![Requirement { key: "app".into(), test }] };
    let to = vec![redirect_port("", 8080)];
    let rule = RedirectRule { from, selector, to, skips_backend: false };
    Redirect { name: name(text), created: 100, rule: Ok(rule) }
}

pub(super) fn of_service(service: &str) -> RedirectFrom {
    RedirectFrom::Service { name: name(service), ports: vec![] }
}

/// Port 80 of an address.
pub(super) fn of_address(address: &str) -> RedirectFrom {
    RedirectFrom::Address { address: ip(address), ports: vec![redirect_port("", 80)] }
}

pub(super) fn put(service: &Service) -> Edit {
    Edit::PutService(service.clone())
}

pub(super) fn put_slice(slice: &EndpointSlice) -> Edit {
    Edit::PutSlice(slice.clone())
}

/// A store with one service and its slices.
pub(super) fn store(service: &Service, slices: &[EndpointSlice]) -> Services {
    let mut services = Services::new(site());
    let edits = slices.iter().map(put_slice).chain([put(service)]);
    let _: Changes = services.apply(edits);
    services
}

pub(super) fn vip(address: &str, port: u16) -> Vip {
    Vip { address: ip(address), port, protocol: Protocol::Tcp }
}

pub(super) fn inside(address: &str, port: u16) -> FrontendKey {
    FrontendKey { vip: vip(address, port), scope: Scope::Internal }
}

pub(super) fn outside(address: &str, port: u16) -> FrontendKey {
    FrontendKey { vip: vip(address, port), scope: Scope::External }
}

/// Candidates, then what drains behind a stroke; last parts of addresses suffice.
pub(super) fn words(frontend: &Frontend) -> String {
    let list = |backends: &[Backend]| -> String {
        let word = |backend: &Backend| {
            let text = backend.address.to_string();
            let last = text.rsplit(['.', ':']).next().unwrap_or_default().to_owned();
            format!("{last}:{}", backend.port)
        };
        backends.iter().map(word).collect::<Vec<_>>().join(" ")
    };
    let backends = &frontend.backends;
    let draining = list(backends.draining());
    let bar = if draining.is_empty() { "" } else { " | " };
    format!("{}{bar}{draining}", list(backends.candidates()))
}

/// What [`words`] says of a frontend, or `none`.
pub(super) fn backends(services: &Services, key: FrontendKey) -> String {
    services.frontend(&key).map_or_else(|| "none".to_owned(), words)
}

/// What is wrong with a service, line by line.
pub(super) fn findings(services: &Services, service: &str) -> Vec<String> {
    services.findings_of(&name(service)).iter().map(ToString::to_string).collect()
}
