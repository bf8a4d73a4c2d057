//! Two services that want the same.

use super::make::*;
use crate::service::{
    Changes, Edit, Services,
    input::{Service, ServiceKind},
};

const SHARED: &str = "203.0.113.1";

fn external(text: &str, address: &str, created: i64) -> Service {
    Service { created, external_ips: vec![ip(SHARED)], ..service(text, &[address]) }
}

fn owner(services: &Services) -> Option<String> {
    services.frontend(&outside(SHARED, 80)).map(|frontend| frontend.service.name.to_string())
}

#[test]
fn the_older_has_it_in_whatever_order_they_come() {
    let old = external("old", "10.96.0.1", 1);
    let young = external("a-young", "10.96.0.2", 2);
    for edits in [[put(&old), put(&young)], [put(&young), put(&old)]] {
        let mut services = Services::new(site());
        for edit in edits {
            let _: Changes = services.apply([edit]);
        }
        assert_eq!(owner(&services).as_deref(), Some("old"));
        assert_eq!(findings(&services, "old"), [""; 0]);
        let told = "external IP 203.0.113.1 is taken at port 80/TCP by service ns/old";
        assert_eq!(findings(&services, "a-young"), [told]);
    }
}

#[test]
fn of_two_of_an_age_the_name_decides() {
    let mut services = Services::new(site());
    let both = [external("b", "10.96.0.1", 1), external("a", "10.96.0.2", 1)];
    let _: Changes = services.apply(both.iter().map(put));
    assert_eq!(owner(&services).as_deref(), Some("a"));
}

#[test]
fn other_ports_of_an_address_are_free() {
    let mut other = external("b", "10.96.0.2", 2);
    other.ports[0].port = number(443);
    let mut services = Services::new(site());
    let _: Changes = services.apply([put(&external("a", "10.96.0.1", 1)), put(&other)]);
    assert!(services.frontend(&outside(SHARED, 443)).is_some());
    assert_eq!(findings(&services, "b"), [""; 0]);
}

#[test]
fn what_one_gives_up_the_next_gets() {
    let mut services = Services::new(site());
    let (old, young) = (external("old", "10.96.0.1", 1), external("young", "10.96.0.2", 2));
    let _: Changes = services.apply([put(&old), put(&young)]);
    let changes = services.apply([Edit::RemoveService(name("old"))]);
    assert_eq!(changes.changed, [inside(SHARED, 80), outside(SHARED, 80)]);
    assert_eq!(changes.removed, [inside("10.96.0.1", 80)]);
    assert_eq!(changes.findings, [name("young")]);
    assert_eq!(owner(&services).as_deref(), Some("young"));
    let changes = services.apply([put(&old)]);
    let back = [inside("10.96.0.1", 80), inside(SHARED, 80), outside(SHARED, 80)];
    assert_eq!((changes.changed, changes.removed), (back.to_vec(), vec![]));
    assert_eq!(owner(&services).as_deref(), Some("old"));
}

#[test]
fn a_cluster_ip_wins_at_all_ports_whatever_its_age() {
    let mut services = Services::new(site());
    let mut old = external("old", "10.96.0.1", 1);
    old.ports.push(port("tls", crate::service::Protocol::Tcp, 443, None));
    let _: Changes = services.apply([put(&old)]);
    assert_eq!(owner(&services).as_deref(), Some("old"));
    let changes = services.apply([put(&service("young", &[SHARED]))]);
    assert_eq!(owner(&services), None, "cluster IPs are not for clients outside");
    assert_eq!(services.frontend(&outside(SHARED, 443)), None);
    let inner = services.frontend(&inside(SHARED, 80)).expect("a frontend");
    assert_eq!(inner.service, name("young"));
    let gone = [outside(SHARED, 80), inside(SHARED, 443), outside(SHARED, 443)];
    assert_eq!(changes.removed, gone);
    let told = "external IP 203.0.113.1 is the cluster IP of service ns/young";
    assert_eq!(findings(&services, "old"), [told]);
}

#[test]
fn two_services_with_one_node_port_do_not_share_it() {
    let node = |text, address, created| Service {
        kind: ServiceKind::NodePort,
        created,
        ..service(text, &[address])
    };
    let mut services = Services::new(site());
    let (old, young) = (node("old", "10.96.0.1", 1), node("young", "10.96.0.2", 2));
    let _: Changes = services.apply([put(&young), put(&old)]);
    let frontend = services.frontend(&outside("192.168.0.1", 30_080)).expect("a frontend");
    assert_eq!(frontend.service, name("old"));
    let told = ["0.0.0.0", "192.168.0.1"].map(|address| {
        format!("node port at {address} is taken at port 30080/TCP by service ns/old")
    });
    assert_eq!(findings(&services, "young"), told);
}

#[test]
fn a_cluster_ip_wins_where_it_has_no_port_and_gives_back_when_it_goes() {
    let mut services = Services::new(site());
    let mut other = external("other", "10.96.0.1", 1);
    other.ports[0].port = number(443);
    let _: Changes = services.apply([put(&other)]);
    let changes = services.apply([put(&service("b", &[SHARED]))]);
    assert_eq!(changes.removed, [inside(SHARED, 443), outside(SHARED, 443)]);
    let changes = services.apply([Edit::RemoveService(name("b"))]);
    assert_eq!(changes.changed, [inside(SHARED, 443), outside(SHARED, 443)]);
}
