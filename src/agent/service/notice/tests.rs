//! Which findings are told on which objects.

use std::{net::IpAddr, num::NonZeroU16, sync::Arc};

use futures::FutureExt;

use super::{
    Queue,
    notices::{About, Notice, notices, refused},
};
use crate::{
    agent::service::Balancer,
    kubernetes::Change,
    maps::{MapError, MemoryStore, ServiceError},
    model::{Addresses, Family},
    service::{
        Changes, Edit, ObjectName, Protocol, Services,
        input::{
            Conditions, Endpoint, EndpointSlice, HostPort, HostPorts, Place, Service, ServiceKind,
            ServicePort, Site, SlicePort, TrafficPolicy,
        },
        maglev::Limit,
    },
};

fn number(port: u16) -> NonZeroU16 {
    NonZeroU16::new(port).unwrap()
}

fn balancer() -> Balancer<MemoryStore> {
    let balancer = Balancer::open(Arc::new(MemoryStore::default()), Limit::default(), 100).unwrap();
    let place = Place { node: "here".into(), zone: None };
    balancer.set_site(Site { place, ..Site::default() });
    balancer
}

/// A service of SCTP whose target port is another, and an external IP that nobody may have.
fn service() -> Service {
    let port = number(80);
    Service {
        name: ObjectName::new("shop", "web"),
        created: 1,
        kind: ServiceKind::ClusterIp,
        cluster_ips: Addresses { v4: Some([10, 96, 0, 1].into()), v6: None },
        external_ips: vec!["127.0.0.1".parse().unwrap()],
        load_balancer_ips: vec![],
        ports: vec![ServicePort {
            name: "".into(),
            protocol: Protocol::Sctp,
            port,
            node_port: None,
        }],
        affinity: None,
        internal: TrafficPolicy::Cluster,
        external: TrafficPolicy::Cluster,
        source_ranges: None,
        publish_not_ready: false,
        health_check_port: None,
        distribution: None,
    }
}

fn slice(target: u16, endpoints: &[(&str, &str)]) -> EndpointSlice {
    let endpoint = |(address, node): &(&str, &str)| Endpoint {
        address: address.parse::<IpAddr>().unwrap(),
        others: [].into(),
        conditions: Conditions::default(),
        node: Some((*node).into()),
        zone: None,
        hints: None,
    };
    EndpointSlice {
        name: ObjectName::new("shop", "web-1"),
        service: "web".into(),
        family: Family::V4,
        ports: vec![SlicePort { name: "".into(), protocol: Protocol::Sctp, port: number(target) }],
        endpoints: endpoints.iter().map(endpoint).collect(),
    }
}

/// Takes what waits.
fn waiting(queue: &Queue) -> Vec<String> {
    let next = || queue.next().now_or_never();
    std::iter::from_fn(next).map(|notice| notice.text).collect()
}

#[test]
fn a_node_tells_about_its_own_endpoints_once_for_each_cause() {
    let balancer = balancer();
    balancer.changed(Change::Changed(service()));
    let all = [("10.0.0.1", "there"), ("10.0.0.2", "here"), ("10.0.0.3", "here")];
    balancer.changed(Change::Changed(slice(99, &all)));
    assert_eq!(waiting(balancer.notices()), [""; 0], "not all was seen");
    balancer.set_synced();
    let words = |target| {
        format!(
            "endpoint 10.0.0.2 of slice shop/web-1 has SCTP port {target}, which differs from the \
             frontend's 80"
        )
    };
    assert_eq!(waiting(balancer.notices()), [words(99)]);
    balancer.changed(Change::Changed(slice(99, &all[..2])));
    balancer.changed(Change::Changed(slice(80, &all)));
    balancer.changed(Change::Changed(slice(99, &all)));
    assert_eq!(waiting(balancer.notices()), [""; 0], "it was told");
    balancer.changed(Change::Changed(slice(98, &all)));
    assert_eq!(waiting(balancer.notices()), [words(98)]);
    balancer.changed(Change::Changed(slice(97, &all[..1])));
    assert_eq!(waiting(balancer.notices()), [""; 0], "others tell it");
}

#[test]
fn a_pod_is_told_about_each_of_its_host_ports() {
    let port = |port| HostPort {
        address: "127.0.0.1".parse().ok(),
        port: number(port),
        target: number(80),
        protocol: Protocol::Tcp,
    };
    let ports = HostPorts {
        pod: ObjectName::new("shop", "web"),
        created: 1,
        node: "here".into(),
        addresses: Addresses { v4: Some([10, 0, 0, 1].into()), v6: None },
        ports: vec![port(80), port(81)],
    };
    let mut services = Services::default();
    let name = ports.name();
    let _: Changes = services.apply([Edit::PutHostPorts(ports)]);
    let told = notices(&services, &name);
    let about = About::Pod(ObjectName::new("shop", "web"));
    assert!(told.iter().all(|notice| notice.about == about), "{told:?}");
    let texts: Vec<_> = told.iter().map(|notice| notice.text.as_str()).collect();
    let expected =
        [80, 81].map(|port| format!("host port 127.0.0.1:{port}/TCP is a loopback address"));
    assert_eq!(texts, expected);
}

#[test]
fn only_so_many_notices_wait() {
    let queue = Queue::default();
    for number in 0..1000 {
        let about = About::Service(ObjectName::new("shop", "web"));
        let cause = number.to_string();
        queue.put(Notice { about, reason: "ServiceTest", text: cause.clone(), cause });
    }
    assert_eq!(waiting(&queue).len(), 256);
}

#[test]
fn a_full_map_is_told_once_for_each_node() {
    let mut services =
        Services::new(Site { place: Place { node: "here".into(), zone: None }, ..Site::default() });
    let _: Changes = services.apply([Edit::PutService(service())]);
    let (first, _) = services.frontends().next().expect("a frontend");
    let failure = |number, partly| {
        let source = std::io::Error::from_raw_os_error(number);
        let source = MapError { act: "write to", map: "list_v4", source };
        ServiceError { count: 3, first: *first, partly, source }
    };
    let refused_with =
        |number, partly| refused(&services, &failure(number, partly)).expect("it is told");
    let notice = refused_with(libc::E2BIG, false);
    assert_eq!(notice.about, About::Service(ObjectName::new("shop", "web")));
    assert_eq!(
        notice.text,
        "10.96.0.1:80/SCTP is not balanced on node here: map list_v4 is full; the agent's setting \
         backend-entries gives it more room"
    );
    assert!(notice.cause.starts_with("here: "), "each node has an Event of its own");
    let other = refused_with(libc::EPERM, true);
    let lacks = "10.96.0.1:80/SCTP lacks backends on node here: map list_v4 refuses it";
    assert!(other.text.starts_with(lacks), "{}", other.text);
    assert_eq!(
        failure(libc::EPERM, true).to_string(),
        "frontend 10.96.0.1:80/SCTP is written with some of its backends only, and 2 more are behind"
    );
    assert!(failure(libc::EPERM, false).to_string().contains("is not written"));
}
