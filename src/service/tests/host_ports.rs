//! Ports of this node that lead to its pods.

use super::make::*;
use crate::service::{
    Changes, Edit, FrontendKind, ObjectName, Protocol, Scope, Services, Vip,
    explain::{Client, Verdict, explain},
    input::{HostPort, HostPorts, Place, Service, ServiceKind, Site},
};

const BOTH: [&str; 2] = ["10.0.0.1", "fd00::1"];

fn applied(edits: impl IntoIterator<Item = Edit>) -> Services {
    let mut services = Services::new(site());
    let _: Changes = services.apply(edits);
    services
}

/// Lists frontends in words: where, for whom, and who is behind.
fn list(services: &Services, record: &str) -> Vec<String> {
    let record = name(record);
    let pairs = services.frontends_of(&record);
    pairs
        .map(|(key, frontend)| {
            assert_eq!(frontend.kind, FrontendKind::HostPort);
            let scope = if key.scope == Scope::Internal { "in" } else { "out" };
            format!("{} {scope} {}", key.vip, words(frontend))
        })
        .collect()
}

#[test]
fn a_host_port_is_at_the_addresses_that_it_asks_for_and_the_pod_has_a_family_of() {
    let v4 = ["192.168.0.1:8080/TCP in 1:80", "192.168.0.1:8080/TCP out 1:80"];
    let v6 = ["[2001:db8::1]:8080/TCP in 1:80", "[2001:db8::1]:8080/TCP out 1:80"];
    let all = [v4, v6].concat();
    let no_address = ["is not at an address of this node"];
    let none: &[&str] = &[];
    let table = [
        (&BOTH[..], "", &all[..], none),
        (&BOTH[..1], "", &v4, none),
        (&BOTH[1..], "", &v6, none),
        (&BOTH, "0.0.0.0", &v4, none),
        (&BOTH, "::", &v6, none),
        (&BOTH, "192.168.0.1", &v4, none),
        (&BOTH, "2001:db8::1", &v6, none),
        (&BOTH[..1], "2001:db8::1", none, &["is of another family"]),
        (&BOTH[..1], "::", none, &["is of another family"]),
        (&BOTH, "127.0.0.1", none, &["is a loopback address"]),
        (&BOTH, "::1", none, &["is a loopback address"]),
        (&BOTH, "fe80::1", none, &["is a link-local address"]),
        (&BOTH, "::ffff:192.168.0.1", none, &["is an IPv4 address in IPv6 form"]),
        (&BOTH, "192.168.0.2", none, &no_address),
        (&BOTH, "10.0.0.1", none, &no_address),
    ];
    for (addresses, host_ip, expected, wrong) in table {
        let services = applied([put_pod(&pod("web", addresses, &[host_port(host_ip, 8080, 80)]))]);
        assert_eq!(list(&services, "pod/web"), expected, "{addresses:?} {host_ip}");
        let address = if host_ip == "::" { "2001:db8::1" } else { host_ip };
        let told = wrong.iter().map(|wrong| format!("host port {} {wrong}", vip(address, 8080)));
        assert_eq!(findings(&services, "pod/web"), told.collect::<Vec<_>>(), "{host_ip}");
    }
}

#[test]
fn protocols_are_told_apart_and_a_checksum_of_sctp_cannot_follow_another_port() {
    let of = |protocol, port, target| HostPort { protocol, ..host_port("", port, target) };
    let ports = [of(Protocol::Udp, 53, 5353), of(Protocol::Sctp, 9, 9), of(Protocol::Sctp, 8, 7)];
    let services = applied([put_pod(&pod("web", &BOTH[..1], &ports))]);
    let expected = [
        "192.168.0.1:9/SCTP in 1:9",
        "192.168.0.1:9/SCTP out 1:9",
        "192.168.0.1:53/UDP in 1:5353",
        "192.168.0.1:53/UDP out 1:5353",
    ];
    assert_eq!(list(&services, "pod/web"), expected);
    let told = "host port 192.168.0.1:8/SCTP has SCTP port 7, which differs from the frontend's 8";
    assert_eq!(findings(&services, "pod/web"), [told]);
}

#[test]
fn a_port_with_an_address_goes_before_one_without() {
    let ports = [host_port("", 80, 1), host_port("192.168.0.1", 80, 2), host_port("", 81, 1)];
    let services = applied([put_pod(&pod("web", &BOTH, &ports))]);
    for (address, port, target) in [("192.168.0.1", 80, "1:2"), ("2001:db8::1", 80, "1:1")] {
        assert_eq!(backends(&services, outside(address, port)), target);
    }
    assert_eq!(backends(&services, inside("192.168.0.1", 81)), "1:1", "two ports to one");
    assert_eq!(findings(&services, "pod/web"), [""; 0]);
}

#[test]
fn a_pod_that_is_gone_or_has_ended_leaves_nothing() {
    let web = pod("web", &BOTH[..1], &[host_port("", 80, 8080)]);
    let mut services = applied([put_pod(&web)]);
    let keys = [inside("192.168.0.1", 80), outside("192.168.0.1", 80)];
    assert_eq!(services.apply([put_pod(&web)]), Changes::default());
    let moved = HostPorts { addresses: cluster_ips(&["10.0.0.2"]), ..web.clone() };
    let changes = services.apply([put_pod(&moved)]);
    assert_eq!((changes.changed, changes.removed), (keys.to_vec(), vec![]));
    assert_eq!(backends(&services, keys[0]), "2:8080");
    let changes = services.apply([Edit::RemoveHostPorts(name("web"))]);
    assert_eq!((changes.changed, changes.removed), (vec![], keys.to_vec()));
    assert_eq!((services.frontends().count(), services.pods().count()), (0, 0));
    assert_eq!(services.apply([Edit::RemoveHostPorts(name("web"))]), Changes::default());
}

#[test]
fn pods_are_not_among_services_and_take_no_name_of_theirs() {
    let services = applied([
        put_pod(&pod("web", &BOTH, &[host_port("", 80, 80)])),
        put(&service("web", &["10.96.0.1"])),
    ]);
    assert_eq!(services.names().collect::<Vec<_>>(), [&name("web")]);
    assert_eq!(services.pods().map(|ports| &ports.pod).collect::<Vec<_>>(), [&name("web")]);
    assert_eq!(services.slices().count(), 0);
    assert_eq!(services.frontends_of(&name("web")).count(), 1);
    assert_eq!(services.health_check(&ObjectName::new("ns", "pod/web")), None);
}

#[test]
fn a_node_port_wins_inside_and_outside_whatever_its_age() {
    let old = HostPorts { created: 1, ..pod("web", &BOTH, &[host_port("", 30_080, 80)]) };
    let mut services = applied([put_pod(&old)]);
    let young = Service { kind: ServiceKind::NodePort, ..service("a", &["10.96.0.1"]) };
    let slices = put_slice(&slice("a-1", "a", &[endpoint("10.0.0.7")]));
    let _: Changes = services.apply([put(&young), slices]);
    assert_eq!(backends(&services, outside("192.168.0.1", 30_080)), "7:8080");
    assert_eq!(backends(&services, inside("192.168.0.1", 30_080)), "none", "it is looked up next");
    assert_eq!(backends(&services, inside("0.0.0.0", 30_080)), "7:8080");
    assert_eq!(backends(&services, inside("2001:db8::1", 30_080)), "1:80", "no such family");
    let told = "host port 192.168.0.1:30080/TCP is taken at port 30080/TCP by service ns/a";
    assert_eq!(findings(&services, "pod/web"), [told]);
    let changes = services.apply([Edit::RemoveService(name("a"))]);
    assert_eq!(changes.findings, [name("pod/web")]);
    assert_eq!(backends(&services, inside("192.168.0.1", 30_080)), "1:80");
}

#[test]
fn of_two_pods_the_older_has_the_port_until_it_is_gone() {
    let old = HostPorts { created: 1, ..pod("old", &["10.0.0.1"], &[host_port("", 80, 80)]) };
    let young = HostPorts { created: 2, ..pod("a", &["10.0.0.2"], &[host_port("", 80, 81)]) };
    for edits in [[put_pod(&old), put_pod(&young)], [put_pod(&young), put_pod(&old)]] {
        let mut services = applied(edits);
        assert_eq!(backends(&services, outside("192.168.0.1", 80)), "1:80");
        let told = "host port 192.168.0.1:80/TCP is taken at port 80/TCP by pod ns/old";
        assert_eq!(findings(&services, "pod/a"), [told]);
        let changes = services.apply([Edit::RemoveHostPorts(name("old"))]);
        let keys = [inside("192.168.0.1", 80), outside("192.168.0.1", 80)];
        assert_eq!((changes.changed, changes.removed), (keys.to_vec(), vec![]));
        assert_eq!(backends(&services, keys[1]), "2:81");
        assert_eq!(findings(&services, "pod/a"), [""; 0]);
    }
}

#[test]
fn a_cluster_ip_is_no_pods() {
    let web = pod("web", &["10.0.0.1"], &[host_port("", 81, 80)]);
    let mut services = applied([put_pod(&web), put(&service("a", &["192.168.0.1"]))]);
    assert_eq!(list(&services, "pod/web"), [""; 0]);
    let told = "host port 192.168.0.1:81/TCP is the cluster IP of service ns/a";
    assert_eq!(findings(&services, "pod/web"), [told]);
    let _: Changes = services.apply([put(&service("a", &["10.0.0.1"]))]);
    assert_eq!(backends(&services, outside("192.168.0.1", 81)), "");
    let told = "endpoint 10.0.0.1 of pod ns/web is the cluster IP of service ns/a";
    assert_eq!(findings(&services, "pod/web"), [told]);
    let _: Changes = services.apply([Edit::RemoveService(name("a"))]);
    assert_eq!(backends(&services, outside("192.168.0.1", 81)), "1:80");
}

#[test]
fn another_address_of_the_node_moves_host_ports() {
    let mut services = applied([put_pod(&pod("web", &BOTH, &[host_port("0.0.0.0", 80, 80)]))]);
    let changes = services.set_site(Site { node_ports: vec![ip("192.168.0.9")], ..site() });
    assert_eq!(changes.changed, [inside("192.168.0.9", 80), outside("192.168.0.9", 80)]);
    assert_eq!(changes.removed, [inside("192.168.0.1", 80), outside("192.168.0.1", 80)]);
}

#[test]
fn clients_everywhere_are_told_that_the_pod_takes_them() {
    let services = applied([put_pod(&pod("web", &BOTH, &[host_port("", 80, 8080)]))]);
    let place = Place { node: "here".into(), zone: None };
    let asked: Vip = vip("192.168.0.1", 80);
    for client in [
        Client::Inside { address: ip("10.0.0.9"), place },
        Client::Outside { address: ip("198.51.100.1") },
    ] {
        let told = explain(&services, asked, &client).expect("a frontend");
        assert_eq!((told.verdict, told.key.vip), (Verdict::Balanced, asked));
        assert_eq!(told.candidates().map(|one| one.port).collect::<Vec<_>>(), [8080]);
    }
}
