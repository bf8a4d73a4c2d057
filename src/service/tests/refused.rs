//! Addresses that no frontend and no backend may have.

use super::make::*;
use crate::{
    model::Family,
    service::{
        Changes, Services,
        input::{Endpoint, Service, ServiceKind},
    },
};

const VIP: &str = "10.96.0.1";

#[test]
fn backends_are_refused_with_place_and_reason() {
    let table = [
        ("0.0.0.0", "is unspecified"),
        ("127.0.0.1", "is a loopback address"),
        ("169.254.169.254", "is a link-local address"),
        ("224.0.0.9", "is a multicast address"),
        ("255.255.255.255", "is the broadcast address"),
        ("::", "is unspecified"),
        ("::1", "is a loopback address"),
        ("fe80::9", "is a link-local address"),
        ("ff02::1", "is a multicast address"),
        ("::ffff:10.0.0.9", "is an IPv4 address in IPv6 form"),
        (VIP, "is the cluster IP of service ns/a"),
        ("fd96::2", "is the cluster IP of service ns/b"),
        ("203.0.113.2", "is a frontend of service ns/b"),
        ("203.0.113.1", "is a frontend of service ns/a"),
    ];
    let other = Service {
        kind: ServiceKind::LoadBalancer,
        load_balancer_ips: vec![ip("203.0.113.2")],
        ..service("b", &["10.96.0.2", "fd96::2"])
    };
    let own = Service { external_ips: vec![ip("203.0.113.1")], ..service("a", &[VIP, "fd96::1"]) };
    for (address, reason) in table {
        let good = if ip(address).is_ipv4() { "10.0.0.1" } else { "fd00::1" };
        let mut services = store(&own, &[slice("a-1", "a", &[endpoint(good), endpoint(address)])]);
        let _: Changes = services.apply([put(&other)]);
        let vip = if ip(address).is_ipv4() { VIP } else { "fd96::1" };
        assert_eq!(backends(&services, inside(vip, 80)), "1:8080", "{address}");
        let told = format!("endpoint {address} of slice ns/a-1 {reason}");
        assert_eq!(findings(&services, "a"), [told]);
    }
}

#[test]
fn nodes_may_be_backends_and_others_of_an_endpoint_are_told() {
    let endpoints = [Endpoint { others: [ip("10.0.0.8")].into(), ..endpoint("192.168.0.2") }];
    let services = store(&service("a", &[VIP]), &[slice("a-1", "a", &endpoints)]);
    assert_eq!(backends(&services, inside(VIP, 80)), "2:8080");
    let told = "endpoint 10.0.0.8 of slice ns/a-1 is not the first address of its endpoint";
    assert_eq!(findings(&services, "a"), [told]);
}

#[test]
fn a_slice_of_a_family_has_no_endpoints_of_the_other() {
    let mut mixed = slice("a-1", "a", &[endpoint("fd00::1")]);
    mixed.family = Family::V4;
    let services = store(&service("a", &[VIP, "fd96::1"]), &[mixed]);
    assert_eq!(backends(&services, inside("fd96::1", 80)), "");
    let told = "endpoint fd00::1 of slice ns/a-1 is of another family";
    assert_eq!(findings(&services, "a"), [told]);
}

#[test]
fn external_addresses_are_refused_with_place_and_reason() {
    let table = [
        ("0.0.0.0", "is unspecified"),
        ("127.0.0.1", "is a loopback address"),
        ("169.254.169.254", "is a link-local address"),
        ("239.0.0.1", "is a multicast address"),
        ("2001:db8::9", "is of another family"),
        ("192.168.0.1", "is an address of a node"),
        ("192.168.0.2", "is an address of a node"),
        ("10.0.7.7", "is in a prefix of pods"),
        ("10.96.0.2", "is the cluster IP of service ns/b"),
    ];
    for (address, reason) in table {
        let asked = Service {
            kind: ServiceKind::LoadBalancer,
            external_ips: vec![ip(address)],
            load_balancer_ips: vec![ip(address)],
            ..service("a", &[VIP])
        };
        let mut services = Services::new(site());
        let _: Changes = services.apply([put(&asked), put(&service("b", &["10.96.0.2"]))]);
        assert_eq!(services.frontend(&outside(address, 80)), None, "{address}");
        let mut told = vec![format!("load balancer IP {address} {reason}")];
        if address != "10.96.0.2" {
            told.insert(0, format!("external IP {address} {reason}"));
        }
        assert_eq!(findings(&services, "a"), told);
    }
}

#[test]
fn a_node_address_answers_where_the_node_port_says_so() {
    let mut asked = Service {
        kind: ServiceKind::NodePort,
        external_ips: vec![ip("192.168.0.1"), ip("192.168.0.2")],
        ..service("a", &[VIP])
    };
    asked.ports[0].node_port = Some(number(80));
    let services = store(&asked, &[slice("a-1", "a", &[endpoint("10.0.0.1")])]);
    assert_eq!(backends(&services, outside("192.168.0.1", 80)), "1:8080");
    assert_eq!(backends(&services, outside("192.168.0.2", 80)), "none", "it is not this node's");
    assert_eq!(findings(&services, "a"), [""; 0]);
}

#[test]
fn an_external_ip_takes_no_backend_from_another_service() {
    let slices = [slice("a-1", "a", &[endpoint("198.51.100.5")])];
    let mut services = store(&service("a", &[VIP]), &slices);
    let thief = Service {
        created: 1,
        external_ips: vec![ip("198.51.100.5")],
        ..service("b", &["10.96.0.2"])
    };
    let _: Changes = services.apply([put(&thief)]);
    assert_eq!(backends(&services, inside(VIP, 80)), "5:8080");
}

#[test]
fn a_backend_comes_back_when_it_is_no_frontend_any_more() {
    let slices = [slice("a-1", "a", &[endpoint("198.51.100.5")])];
    let mut services = store(&service("a", &[VIP]), &slices);
    let other = service("b", &["198.51.100.5"]);
    let changes = services.apply([put(&other)]);
    assert_eq!(changes.changed, [inside(VIP, 80), inside("198.51.100.5", 80)]);
    assert_eq!(changes.findings, [name("a")]);
    assert_eq!(backends(&services, inside(VIP, 80)), "");
    let changes = services.apply([crate::service::Edit::RemoveService(name("b"))]);
    assert_eq!(changes.changed, [inside(VIP, 80)]);
    assert_eq!(backends(&services, inside(VIP, 80)), "5:8080");
    assert_eq!(findings(&services, "a"), [""; 0]);
}
