//! Hints (KEP-2433, KEP-4444, KEP-3015).

use super::make::*;
use crate::service::{
    choose::{NoHints, Topology},
    explain::{Client, explain},
    input::{Endpoint, Place, Service, TrafficPolicy},
};

const VIP: &str = "10.96.0.1";

struct Case {
    sentence: &'static str,
    endpoints: Vec<Endpoint>,
    expected: &'static str,
    topology: Topology,
}

fn cases() -> Vec<Case> {
    let case = |sentence, endpoints: &[Endpoint], expected, topology| Case {
        sentence,
        endpoints: endpoints.to_vec(),
        expected,
        topology,
    };
    let [a, b, c] = ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map(endpoint);
    let zone = |zone, one: &Endpoint| meant_for(&[zone], &[], one.clone());
    let both = |zone, node, one: &Endpoint| meant_for(&[zone], &[node], one.clone());
    vec![
        case("all have zones", &[zone("z1", &a), zone("z2", &b)], "1:8080", Topology::SameZone),
        case(
            "one has none: hints are being handed out",
            &[zone("z1", &a), b.clone()],
            "1:8080 2:8080",
            Topology::Everywhere(NoHints::Incomplete),
        ),
        case(
            "one has none, but it is not ready",
            &[zone("z1", &a), zone("z2", &b), is(UNREADY, c.clone())],
            "1:8080",
            Topology::SameZone,
        ),
        case(
            "nobody is meant for the zone",
            &[zone("z2", &a), zone("z3", &b)],
            "1:8080 2:8080",
            Topology::Everywhere(NoHints::NobodyMeant),
        ),
        case(
            "only one that is not ready is meant for the zone",
            &[is(UNREADY, zone("z1", &a)), zone("z2", &b)],
            "2:8080",
            Topology::Everywhere(NoHints::NobodyMeant),
        ),
        case(
            "nodes go before zones",
            &[both("z1", "there", &a), both("z1", "here", &b), both("z2", "far", &c)],
            "2:8080",
            Topology::SameNode,
        ),
        case(
            "zones, if nobody is meant for the node",
            &[both("z1", "there", &a), both("z2", "far", &b)],
            "1:8080",
            Topology::SameZone,
        ),
        case(
            "zones, if one is meant for no node",
            &[both("z1", "here", &a), zone("z1", &b), zone("z2", &c)],
            "1:8080 2:8080",
            Topology::SameZone,
        ),
        case(
            "the last resort has no topology",
            &[is(ENDING, zone("z2", &a)), is(ENDING, zone("z1", &b))],
            "1:8080 2:8080",
            Topology::Everywhere(NoHints::NobodyReady),
        ),
        case(
            "an ending one in the zone does not go before ready ones elsewhere",
            &[is(ENDING, zone("z1", &a)), zone("z2", &b)],
            "2:8080 | 1:8080",
            Topology::Everywhere(NoHints::NobodyMeant),
        ),
    ]
}

#[test]
fn hints_choose_among_ready_endpoints() {
    let client = Client::Inside { address: ip("10.0.0.99"), place: site().place };
    for Case { sentence, endpoints, expected, topology } in cases() {
        let services = store(&service("a", &[VIP]), &[slice("a-1", "a", &endpoints)]);
        assert_eq!(backends(&services, inside(VIP, 80)), expected, "{sentence}");
        let told = explain(&services, vip(VIP, 80), &client).expect("a frontend");
        assert_eq!(told.topology, topology, "{sentence}");
    }
}

#[test]
fn a_node_without_a_zone_uses_all() {
    let endpoints = [meant_for(&["z1"], &[], endpoint("10.0.0.1"))];
    let services = store(&service("a", &[VIP]), &[slice("a-1", "a", &endpoints)]);
    let place = Place { node: "new".into(), zone: None };
    let client = Client::Inside { address: ip("10.0.0.99"), place };
    let told = explain(&services, vip(VIP, 80), &client).expect("a frontend");
    assert_eq!(told.topology, Topology::Everywhere(NoHints::NoZone));
    assert_eq!(told.candidates().count(), 1);
}

#[test]
fn the_policy_local_asks_for_no_hints() {
    let endpoints = [
        meant_for(&["z2"], &["there"], local("10.0.0.1")),
        meant_for(&["z1"], &["here"], endpoint("10.0.0.2")),
    ];
    let asked = Service { internal: TrafficPolicy::Local, ..service("a", &[VIP]) };
    let services = store(&asked, &[slice("a-1", "a", &endpoints)]);
    assert_eq!(backends(&services, inside(VIP, 80)), "1:8080");
}
