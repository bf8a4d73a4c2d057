//! Which frontends a service has, and what they say.

use super::make::*;
use crate::service::{
    Changes, Frontend, FrontendKey, FrontendKind, ObjectName, Scope, Services,
    input::{Affinity, Service, ServiceKind, Site, TrafficPolicy},
};

/// Lists the frontends of a service: address, port, scope.
fn list(services: &Services) -> Vec<String> {
    let word = |(key, frontend): (&FrontendKey, &Frontend)| {
        let scope = if key.scope == Scope::Internal { "in" } else { "out" };
        format!("{} {scope} {:?}", key.vip, frontend.kind)
    };
    services.frontends_of(&name("a")).map(word).collect()
}

fn full(kind: ServiceKind) -> Service {
    Service {
        kind,
        external_ips: vec![ip("203.0.113.1")],
        load_balancer_ips: vec![ip("203.0.113.2")],
        ..service("a", &["10.96.0.1"])
    }
}

#[test]
fn each_type_has_the_frontends_of_those_before_it() {
    let none: &[&str] = &[];
    let cluster_ip = ["10.96.0.1:80/TCP in ClusterIp"];
    let anywhere = ["0.0.0.0:30080/TCP in NodePort"];
    let node = ["192.168.0.1:30080/TCP out NodePort"];
    let external = ["203.0.113.1:80/TCP in ExternalIp", "203.0.113.1:80/TCP out ExternalIp"];
    let balanced = ["203.0.113.2:80/TCP in LoadBalancer", "203.0.113.2:80/TCP out LoadBalancer"];
    let table = [
        (ServiceKind::ExternalName, none.to_vec()),
        (ServiceKind::ClusterIp, [&cluster_ip[..], &external].concat()),
        (ServiceKind::NodePort, [&anywhere[..], &cluster_ip, &node, &external].concat()),
        (
            ServiceKind::LoadBalancer,
            [&anywhere[..], &cluster_ip, &node, &external, &balanced].concat(),
        ),
    ];
    for (kind, expected) in table {
        assert_eq!(list(&store(&full(kind), &[])), expected, "{kind:?}");
    }
}

#[test]
fn a_headless_service_has_none() {
    let headless = Service { cluster_ips: cluster_ips(&[]), ..full(ServiceKind::ClusterIp) };
    let services = store(&headless, &[slice("a-1", "a", &[endpoint("10.0.0.1")])]);
    assert_eq!(services.frontends().count(), 0);
    assert_eq!(findings(&services, "a"), [""; 0]);
}

#[test]
fn node_ports_are_everywhere_inside_and_on_own_addresses_outside() {
    let both = Service { kind: ServiceKind::NodePort, ..service("a", &["10.96.0.1", "fd96::1"]) };
    let expected = [
        "0.0.0.0:30080/TCP in NodePort",
        "10.96.0.1:80/TCP in ClusterIp",
        "192.168.0.1:30080/TCP out NodePort",
        "[::]:30080/TCP in NodePort",
        "[2001:db8::1]:30080/TCP out NodePort",
        "[fd96::1]:80/TCP in ClusterIp",
    ];
    assert_eq!(
        list(&store(&both, &[])),
        expected,
        "neither on loopback nor on link-local addresses"
    );
    let single = Service { kind: ServiceKind::NodePort, ..service("a", &["fd96::1"]) };
    assert_eq!(list(&store(&single, &[])), expected[3..]);
}

#[test]
fn a_load_balancer_may_do_without_node_ports() {
    let mut asked = full(ServiceKind::LoadBalancer);
    asked.ports[0].node_port = None;
    assert!(list(&store(&asked, &[])).iter().all(|word| !word.contains("NodePort")));
}

#[test]
fn the_external_policy_is_for_clients_from_outside_only() {
    let asked = Service { external: TrafficPolicy::Local, ..full(ServiceKind::LoadBalancer) };
    let slices = [slice("a-1", "a", &[local("10.0.0.1"), endpoint("10.0.0.2")])];
    let services = store(&asked, &slices);
    for (address, port) in [("192.168.0.1", 30_080), ("203.0.113.1", 80), ("203.0.113.2", 80)] {
        assert_eq!(backends(&services, outside(address, port)), "1:8080", "{address}");
    }
    for (address, port) in [("0.0.0.0", 30_080), ("203.0.113.1", 80), ("203.0.113.2", 80)] {
        assert_eq!(backends(&services, inside(address, port)), "1:8080 2:8080", "{address}");
    }
    assert_eq!(backends(&services, inside("10.96.0.1", 80)), "1:8080 2:8080");
}

#[test]
fn the_internal_policy_is_for_the_cluster_ip_only() {
    let asked = Service { internal: TrafficPolicy::Local, ..full(ServiceKind::NodePort) };
    let slices = [slice("a-1", "a", &[local("10.0.0.1"), endpoint("10.0.0.2")])];
    let services = store(&asked, &slices);
    assert_eq!(backends(&services, inside("10.96.0.1", 80)), "1:8080");
    assert_eq!(backends(&services, inside("0.0.0.0", 30_080)), "1:8080 2:8080");
    assert_eq!(backends(&services, outside("192.168.0.1", 30_080)), "1:8080 2:8080");
}

#[test]
fn source_ranges_are_for_the_load_balancers_address() {
    let ranges = ["198.51.100.0/24".parse().expect("a prefix")];
    let asked = Service { source_ranges: Some(ranges.into()), ..full(ServiceKind::LoadBalancer) };
    let services = store(&asked, &[]);
    for (key, frontend) in services.frontends() {
        let restricted = frontend.kind == FrontendKind::LoadBalancer;
        assert_eq!(frontend.source_ranges.is_some(), restricted, "{key:?}");
        assert!(frontend.admits(ip("198.51.100.7")));
        assert_eq!(frontend.admits(ip("198.51.101.7")), !restricted, "{key:?}");
        assert_eq!(frontend.admits(ip("2001:db8::7")), !restricted, "no range of that family");
    }
}

#[test]
fn a_frontend_says_what_its_service_says() {
    let affinity = Some(Affinity::try_from(60).expect("allowed"));
    let services = store(&Service { affinity, ..full(ServiceKind::NodePort) }, &[]);
    for (key, frontend) in services.frontends() {
        assert_eq!(frontend.affinity, affinity);
        assert_eq!((frontend.service.clone(), &*frontend.port_name), (name("a"), "http"));
        assert_eq!(frontend.is_exposed(), key.vip.address != ip("10.96.0.1"));
    }
}

#[test]
fn an_address_that_is_both_is_the_load_balancers() {
    let asked =
        Service { external_ips: vec![ip("203.0.113.2")], ..full(ServiceKind::LoadBalancer) };
    let services = store(&asked, &[]);
    let frontend = services.frontend(&outside("203.0.113.2", 80)).expect("a frontend");
    assert_eq!(frontend.kind, FrontendKind::LoadBalancer);
    assert_eq!(findings(&services, "a"), [""; 0]);
}

#[test]
fn load_balancers_learn_how_many_ready_addresses_a_node_has() {
    let asked = Service {
        external: TrafficPolicy::Local,
        health_check_port: Some(number(31_000)),
        ..full(ServiceKind::LoadBalancer)
    };
    let slices = [
        slice(
            "a-1",
            "a",
            &[local("10.0.0.1"), endpoint("10.0.0.2"), is(ENDING, local("10.0.0.3"))],
        ),
        slice("a-2", "a", &[local("10.0.0.1")]),
        slice("a-3", "a", &[local("fd00::1"), endpoint("fd00::2")]),
    ];
    let check = store(&asked, &slices).health_check(&name("a")).expect("one");
    assert_eq!((check.port, check.ready), (number(31_000), 1), "a pod of both families is one");
    let near = Service { external: TrafficPolicy::Cluster, ..asked };
    assert_eq!(store(&near, &slices).health_check(&name("a")), None);
}

#[test]
fn another_site_moves_node_ports_and_what_is_local() {
    let asked = Service { internal: TrafficPolicy::Local, ..full(ServiceKind::NodePort) };
    let mut services = store(&asked, &[slice("a-1", "a", &[endpoint("10.0.0.1")])]);
    let mut other = Site { node_ports: vec![ip("192.168.0.2")], ..site() };
    other.place.node = "there".into();
    let changes: Changes = services.set_site(other.clone());
    assert_eq!(changes.removed, [outside("192.168.0.1", 30_080)]);
    assert_eq!(backends(&services, inside("10.96.0.1", 80)), "1:8080");
    assert_eq!(backends(&services, outside("192.168.0.2", 30_080)), "1:8080");
    assert_eq!(services.set_site(other), Changes::default());
    assert_eq!(services.service(&ObjectName::new("ns", "a")), Some(&asked));
}
