//! Services that are made up.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::{
    model::{Addresses, Family},
    service::{
        Edit, ObjectName, Protocol,
        input::{
            Conditions, Endpoint, EndpointSlice, Service, ServiceKind, ServicePort, SlicePort,
            TrafficPolicy,
        },
    },
};

/// Endpoints of each service.
pub(super) const ENDPOINTS: u32 = 10;
const PORT: u16 = 80;
const FIRST_VIP: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 1);
const FIRST_ENDPOINT: Ipv4Addr = Ipv4Addr::new(10, 128, 0, 1);

/// Returns where clients find a service.
pub(super) fn vip(number: u32) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::from(u32::from(FIRST_VIP) + number), PORT))
}

fn name(number: u32) -> ObjectName {
    ObjectName::new("bench", format!("service-{number}"))
}

/// Returns a service with a cluster IP.
pub(super) fn service(number: u32) -> Edit {
    let IpAddr::V4(address) = vip(number).ip() else { unreachable!("services have IPv4") };
    Edit::PutService(Service {
        name: name(number),
        created: 0,
        kind: ServiceKind::ClusterIp,
        cluster_ips: Addresses { v4: Some(address), v6: None },
        external_ips: vec![],
        load_balancer_ips: vec![],
        ports: vec![ServicePort {
            name: "http".into(),
            protocol: Protocol::Tcp,
            port: PORT.try_into().expect("not 0"),
            node_port: None,
        }],
        affinity: None,
        internal: TrafficPolicy::Cluster,
        external: TrafficPolicy::Cluster,
        source_ranges: None,
        publish_not_ready: false,
        health_check_port: None,
        distribution: None,
    })
}

/// Returns what is behind a service: ten addresses of its own, the first `moved` on.
pub(super) fn endpoints(number: u32, moved: u32) -> Edit {
    let first = u32::from(FIRST_ENDPOINT) + number * (ENDPOINTS + 2) + moved;
    let addresses = (first..first + ENDPOINTS).map(|address| Ipv4Addr::from(address).into());
    slice(number, 8080, addresses)
}

/// Returns a slice with one endpoint, which really listens.
pub(super) fn real_endpoint(number: u32, server: SocketAddr) -> Edit {
    slice(number, server.port(), [server.ip()])
}

/// Returns the one endpoint of a service that has but one.
pub(super) fn endpoint(number: u32) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::from(u32::from(FIRST_ENDPOINT) + number), 8080))
}

fn slice(number: u32, port: u16, addresses: impl IntoIterator<Item = IpAddr>) -> Edit {
    let endpoint = |address| Endpoint {
        address,
        others: [].into(),
        conditions: Conditions::default(),
        node: None,
        zone: None,
        hints: None,
    };
    Edit::PutSlice(EndpointSlice {
        name: name(number),
        service: format!("service-{number}").into(),
        family: Family::V4,
        ports: vec![SlicePort {
            name: "http".into(),
            protocol: Protocol::Tcp,
            port: port.try_into().expect("not 0"),
        }],
        endpoints: addresses.into_iter().map(endpoint).collect(),
    })
}
