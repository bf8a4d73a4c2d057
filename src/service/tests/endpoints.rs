//! Which endpoints are behind a port, and which of them take connections.

use super::make::*;
use crate::{
    model::Family,
    service::{
        Protocol, State, WhenEmpty,
        input::{Conditions, Endpoint, Service, TrafficPolicy},
    },
};

const VIP: &str = "10.96.0.1";

#[test]
fn conditions_have_the_defaults_of_the_api() {
    let read = Conditions::from_api;
    assert_eq!(
        read(None, None, None),
        Conditions { ready: true, serving: true, terminating: false }
    );
    assert_eq!(read(Some(false), None, Some(true)), ENDING);
    assert!(!read(Some(false), None, None).is_last_resort(), "it does not end");
}

/// Endpoints, then candidates and draining ones by policy `Cluster`, then by `Local`.
#[test]
fn who_takes_connections() {
    let table: &[(&str, Vec<Endpoint>, &str, &str)] = &[
        ("ready ones", vec![local("10.0.0.1"), endpoint("10.0.0.2")], "1:8080 2:8080", "1:8080"),
        (
            "not those that are not ready",
            vec![local("10.0.0.1"), is(UNREADY, local("10.0.0.2"))],
            "1:8080",
            "1:8080",
        ),
        (
            "ending ones drain while somebody is ready",
            vec![is(ENDING, local("10.0.0.1")), local("10.0.0.2"), is(ENDED, local("10.0.0.3"))],
            "2:8080 | 1:8080 3:8080",
            "2:8080 | 1:8080 3:8080",
        ),
        (
            "ending ones are the last resort, those that answer",
            vec![
                is(ENDING, local("10.0.0.1")),
                is(UNREADY, local("10.0.0.2")),
                is(ENDED, local("10.0.0.3")),
            ],
            "1:8080 | 3:8080",
            "1:8080 | 3:8080",
        ),
        (
            "each policy falls back on its own",
            vec![is(ENDING, local("10.0.0.1")), endpoint("10.0.0.2")],
            "2:8080 | 1:8080",
            "1:8080",
        ),
        (
            "nobody is on no node",
            vec![Endpoint { node: None, ..endpoint("10.0.0.1") }],
            "1:8080",
            "",
        ),
        ("nobody at all", vec![], "", ""),
    ];
    for (sentence, endpoints, near, at_home) in table {
        for (policy, expected) in [(TrafficPolicy::Cluster, near), (TrafficPolicy::Local, at_home)]
        {
            let asked = Service { internal: policy, ..service("a", &[VIP]) };
            let services = store(&asked, &[slice("a-1", "a", endpoints)]);
            assert_eq!(backends(&services, inside(VIP, 80)), *expected, "{sentence}, {policy:?}");
        }
    }
}

#[test]
fn without_backends_it_is_rejected_unless_other_nodes_have_some() {
    let empty = |policy, endpoints: &[Endpoint]| {
        let asked = Service { internal: policy, ..service("a", &[VIP]) };
        let services = store(&asked, &[slice("a-1", "a", endpoints)]);
        services.frontend(&inside(VIP, 80)).expect("a frontend").backends.when_empty
    };
    let (near, home) = (TrafficPolicy::Cluster, TrafficPolicy::Local);
    assert_eq!(empty(near, &[]), WhenEmpty::Reject);
    assert_eq!(empty(home, &[]), WhenEmpty::Reject);
    assert_eq!(empty(home, &[is(UNREADY, endpoint("10.0.0.1"))]), WhenEmpty::Reject);
    assert_eq!(empty(home, &[endpoint("10.0.0.1")]), WhenEmpty::Drop);
    assert_eq!(empty(home, &[is(ENDING, endpoint("10.0.0.1"))]), WhenEmpty::Drop);
}

#[test]
fn who_publishes_unready_addresses_has_none() {
    let asked = Service { publish_not_ready: true, ..service("a", &[VIP]) };
    let all = [is(UNREADY, endpoint("10.0.0.1")), is(ENDED, endpoint("10.0.0.2"))];
    let services = store(&asked, &[slice("a-1", "a", &all)]);
    let frontend = services.frontend(&inside(VIP, 80)).expect("a frontend");
    assert_eq!(words(frontend), "1:8080 2:8080");
    assert!(frontend.backends.list.iter().all(|backend| backend.state == State::Active));
}

#[test]
fn an_address_in_two_slices_counts_once_and_ready_wins() {
    let unready = slice("a-1", "a", &[is(UNREADY, endpoint("10.0.0.1")), endpoint("10.0.0.2")]);
    let ready = slice("a-2", "a", &[endpoint("10.0.0.1"), is(ENDING, endpoint("10.0.0.2"))]);
    let services = store(&service("a", &[VIP]), &[unready, ready]);
    assert_eq!(backends(&services, inside(VIP, 80)), "1:8080 2:8080");
}

#[test]
fn ports_are_matched_by_name_and_protocol() {
    let mut asked = service("a", &[VIP]);
    asked.ports =
        vec![port("dns", Protocol::Udp, 53, None), port("dns-tcp", Protocol::Tcp, 53, None)];
    let mut own = slice("a-1", "a", &[endpoint("10.0.0.1")]);
    own.ports = vec![
        slice_port("dns", Protocol::Tcp, 1),
        slice_port("dns-tcp", Protocol::Tcp, 5353),
        slice_port("metrics", Protocol::Tcp, 9090),
    ];
    let services = store(&asked, &[own]);
    assert_eq!(backends(&services, inside(VIP, 53)), "1:5353");
    let mut udp = inside(VIP, 53);
    udp.vip.protocol = Protocol::Udp;
    assert_eq!(backends(&services, udp), "", "the slice has that name for another protocol");
    assert_eq!(services.frontends().count(), 2);
}

#[test]
fn a_port_may_have_no_name_and_another_target_in_each_slice() {
    let mut asked = service("a", &[VIP]);
    asked.ports = vec![port("", Protocol::Tcp, 80, None)];
    let slices = [("a-1", "10.0.0.1", 8080), ("a-2", "10.0.0.2", 9090), ("a-3", "10.0.0.1", 9090)];
    let slices = slices.map(|(text, address, target)| {
        let mut own = slice(text, "a", &[endpoint(address)]);
        own.ports = vec![slice_port("", Protocol::Tcp, target)];
        own
    });
    let services = store(&asked, &slices);
    assert_eq!(backends(&services, inside(VIP, 80)), "1:8080 1:9090 2:9090");
}

#[test]
fn each_family_has_the_slices_of_its_own() {
    let slices =
        [slice("a-4", "a", &[endpoint("10.0.0.1")]), slice("a-6", "a", &[endpoint("fd00::2")])];
    assert_eq!(slices[1].family, Family::V6);
    let both = store(&service("a", &[VIP, "fd96::1"]), &slices);
    assert_eq!(backends(&both, inside(VIP, 80)), "1:8080");
    assert_eq!(backends(&both, inside("fd96::1", 80)), "2:8080");
    let single = store(&service("a", &["fd96::1"]), &slices);
    assert_eq!(backends(&single, inside("fd96::1", 80)), "2:8080");
    assert_eq!(single.frontends().count(), 1);
}

#[test]
fn sctp_backends_have_the_port_of_the_frontend() {
    let mut asked = service("a", &[VIP]);
    asked.ports = vec![port("s", Protocol::Sctp, 3868, None)];
    let slices =
        [("a-1", "10.0.0.1", 3868), ("a-2", "10.0.0.2", 9)].map(|(text, address, port)| {
            let mut own = slice(text, "a", &[endpoint(address)]);
            own.ports = vec![slice_port("s", Protocol::Sctp, port)];
            own
        });
    let services = store(&asked, &slices);
    let mut key = inside(VIP, 3868);
    key.vip.protocol = Protocol::Sctp;
    assert_eq!(backends(&services, key), "1:3868");
    let told =
        "endpoint 10.0.0.2 of slice ns/a-2 has SCTP port 9, which differs from the frontend's 3868";
    assert_eq!(findings(&services, "a"), [told]);
}
