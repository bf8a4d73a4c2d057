//! Why a backend is or is not used.

use super::make::*;
use crate::service::{
    choose::Fate,
    explain::{Client, Explanation, NoFrontend, Verdict, explain},
    input::{Place, Service, ServiceKind, TrafficPolicy},
};

fn pod_on(node: &str, zone: &str) -> Client {
    let place = Place { node: node.into(), zone: Some(zone.into()) };
    Client::Inside { address: ip("10.0.0.99"), place }
}

fn from(address: &str) -> Client {
    Client::Outside { address: ip(address) }
}

fn fates(told: &Explanation) -> Vec<&'static str> {
    told.endpoints.iter().map(|endpoint| endpoint.fate.name()).collect()
}

fn balanced() -> Service {
    Service {
        kind: ServiceKind::LoadBalancer,
        external: TrafficPolicy::Local,
        load_balancer_ips: vec![ip("203.0.113.2")],
        source_ranges: Some(
            ["198.51.100.0/24", "10.0.0.0/16"].map(|text| text.parse().expect("a prefix")).into(),
        ),
        ..service("a", &["10.96.0.1"])
    }
}

#[test]
fn each_place_has_candidates_of_its_own() {
    let endpoints = [
        meant_for(&["z1"], &[], local("10.0.0.1")),
        meant_for(&["z2"], &[], endpoint("10.0.0.2")),
        is(UNREADY, meant_for(&["z1"], &[], endpoint("10.0.0.3"))),
        is(ENDING, endpoint("10.0.0.4")),
        endpoint("127.0.0.1"),
    ];
    let services = store(&balanced(), &[slice("a-1", "a", &endpoints)]);
    let fates_for = |client| {
        let told = explain(&services, vip("10.96.0.1", 80), &client).expect("a frontend");
        assert_eq!(told.verdict, Verdict::Balanced);
        assert_eq!(told.findings.len(), 1, "loopback");
        fates(&told)
    };
    assert_eq!(fates_for(pod_on("here", "z1")), ["chosen", "other-zone", "not-ready", "draining"]);
    assert_eq!(fates_for(pod_on("there", "z2")), ["other-zone", "chosen", "not-ready", "draining"]);
    assert_eq!(fates_for(pod_on("far", "z3")), ["chosen", "chosen", "not-ready", "draining"]);
}

#[test]
fn clients_outside_get_local_backends_only() {
    let endpoints = [local("10.0.0.1"), endpoint("10.0.0.2")];
    let services = store(&balanced(), &[slice("a-1", "a", &endpoints)]);
    let told = explain(&services, vip("203.0.113.2", 80), &from("198.51.100.1")).expect("one");
    assert_eq!((told.verdict, fates(&told)), (Verdict::Balanced, vec!["chosen", "not-local"]));
    let told = explain(&services, vip("203.0.113.2", 80), &from("192.0.2.1")).expect("one");
    assert_eq!(told.verdict, Verdict::SourceRefused);
    let told = explain(&services, vip("203.0.113.2", 80), &pod_on("here", "z1")).expect("one");
    assert_eq!((told.verdict, fates(&told)), (Verdict::Balanced, vec!["chosen", "chosen"]));
}

#[test]
fn without_backends_it_is_told_what_becomes_of_the_client() {
    let client = from("198.51.100.1");
    for (endpoints, expected) in [
        (vec![], Verdict::NoBackend),
        (vec![endpoint("10.0.0.2")], Verdict::NoLocalBackend),
        (vec![is(ENDING, local("10.0.0.2"))], Verdict::Balanced),
    ] {
        let services = store(&balanced(), &[slice("a-1", "a", &endpoints)]);
        let told = explain(&services, vip("203.0.113.2", 80), &client).expect("a frontend");
        assert_eq!(told.verdict, expected);
        let last = told.candidates().next().map(|endpoint| endpoint.fate);
        assert_eq!(last, (expected == Verdict::Balanced).then_some(Fate::LastResort));
    }
}

#[test]
fn a_cluster_ip_is_not_for_clients_outside() {
    let services = store(&balanced(), &[]);
    let asked = vip("10.96.0.1", 80);
    let told = explain(&services, asked, &from("198.51.100.1")).expect_err("not exposed");
    assert_eq!(told, NoFrontend::NotExposed { vip: asked, service: name("a") });
    let asked = vip("10.96.0.1", 81);
    let told = explain(&services, asked, &pod_on("here", "z1")).expect_err("no such port");
    assert_eq!(told.to_string(), "no service has 10.96.0.1:81/TCP");
}
