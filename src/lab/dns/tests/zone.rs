//! Answers of the cluster's zone, by name.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::{Value, from_value, json};

use crate::lab::dns::{
    Data, Kind, Outcome,
    cluster::{ClusterZone, Index, Knowledge},
};

fn all<K: DeserializeOwned>(objects: Vec<Value>) -> Vec<Arc<K>> {
    objects.into_iter().map(|one| Arc::new(from_value(one).unwrap())).collect()
}

fn slice(service: &str, family: &str, endpoints: Value, ports: Value) -> Value {
    json!({
        "metadata": {
            "name": format!("{service}-{family}"), "namespace": "shop",
            "labels": { "kubernetes.io/service-name": service },
        },
        "addressType": family,
        "endpoints": endpoints,
        "ports": ports,
    })
}

fn zone() -> ClusterZone {
    let service = |name: &str, spec: Value| json!({ "metadata": { "name": name, "namespace": "shop" }, "spec": spec });
    let ports = json!([
        { "name": "http", "port": 80, "protocol": "TCP" },
        { "name": "dns", "port": 53, "protocol": "UDP" },
    ]);
    let kube_dns = json!({
        "metadata": { "name": "kube-dns", "namespace": "kube-system" },
        "spec": { "clusterIP": "10.96.0.10", "clusterIPs": ["10.96.0.10", "fd00:10:96::a"] },
    });
    let services = vec![
        kube_dns,
        service(
            "web",
            json!({ "clusterIP": "10.96.0.20", "clusterIPs": ["10.96.0.20", "fd00:10:96::20"], "ports": ports }),
        ),
        service("single", json!({ "clusterIP": "10.96.0.21", "ports": [{ "port": 80 }] })),
        service("db", json!({ "clusterIP": "None", "ports": [{ "name": "sql", "port": 5432 }] })),
        service("idle", json!({ "clusterIP": "None", "ports": [{ "name": "sql", "port": 5432 }] })),
        service("fresh", json!({ "ports": [{ "port": 80 }] })),
        service("out", json!({ "type": "ExternalName", "externalName": "Example.COM." })),
        service(
            "in",
            json!({ "type": "ExternalName", "externalName": "web.shop.svc.cluster.local" }),
        ),
        service(
            "loop",
            json!({ "type": "ExternalName", "externalName": "loop.shop.svc.cluster.local" }),
        ),
    ];
    let sql = json!([{ "name": "sql", "port": 5432, "protocol": "TCP" }]);
    let ready = json!({ "ready": true });
    let slices = vec![
        slice(
            "db",
            "IPv4",
            json!([
                { "addresses": ["10.244.1.5"], "hostname": "db-0", "conditions": ready },
                { "addresses": ["10.244.2.6"], "conditions": {} },
                { "addresses": ["10.244.2.7"], "hostname": "db-2", "conditions": { "ready": false } },
            ]),
            sql.clone(),
        ),
        slice(
            "db",
            "IPv6",
            json!([
                { "addresses": ["fd00:10:244:1::5"], "hostname": "db-0", "conditions": ready },
            ]),
            sql.clone(),
        ),
        slice(
            "idle",
            "IPv4",
            json!([{ "addresses": ["10.244.2.8"], "conditions": { "ready": false } }]),
            sql,
        ),
        slice(
            "web",
            "IPv4",
            json!([{ "addresses": ["10.244.1.9"], "conditions": ready }]),
            json!([]),
        ),
    ];
    let namespaces =
        ["default", "kube-system", "shop"].map(|name| json!({ "metadata": { "name": name } }));
    ClusterZone::new(
        "cluster.local",
        7,
        Index::of(&all(namespaces.into()), &all(services), &all(slices)),
    )
}

/// Writes records the way the table below does.
fn text(data: &Data) -> String {
    match data {
        Data::A(address) => address.to_string(),
        Data::Aaaa(address) => address.to_string(),
        Data::Srv(port, target) => format!("{port} {target}"),
        Data::Cname(name) | Data::Ns(name) | Data::Ptr(name) | Data::Txt(name) => name.clone(),
        Data::Soa(start) => format!("{} {}", start.primary, start.serial),
    }
}

const NONE: &[&str] = &[];

#[test]
fn names_answer_as_the_specification_says() {
    let zone = zone();
    let (found, no_name) = (Outcome::Found, Outcome::NoName);
    let table: &[(&str, Kind, Outcome, &[&str])] = &[
        // Services.
        ("web.shop.svc.cluster.local", Kind::A, found, &["10.96.0.20"]),
        ("web.shop.svc.cluster.local", Kind::Aaaa, found, &["fd00:10:96::20"]),
        ("web.shop.svc.cluster.local", Kind::Txt, found, NONE),
        ("single.shop.svc.cluster.local", Kind::A, found, &["10.96.0.21"]),
        ("single.shop.svc.cluster.local", Kind::Aaaa, found, NONE),
        ("fresh.shop.svc.cluster.local", Kind::A, no_name, NONE),
        ("absent.shop.svc.cluster.local", Kind::A, no_name, NONE),
        ("web.absent.svc.cluster.local", Kind::A, no_name, NONE),
        ("web.shop.cluster.local", Kind::A, no_name, NONE),
        // Headless services: endpoints that are ready, by host name or address.
        ("db.shop.svc.cluster.local", Kind::A, found, &["10.244.1.5", "10.244.2.6"]),
        ("db.shop.svc.cluster.local", Kind::Aaaa, found, &["fd00:10:244:1::5"]),
        ("idle.shop.svc.cluster.local", Kind::A, no_name, NONE),
        ("db-0.db.shop.svc.cluster.local", Kind::A, found, &["10.244.1.5"]),
        ("db-0.db.shop.svc.cluster.local", Kind::Aaaa, found, &["fd00:10:244:1::5"]),
        ("10-244-2-6.db.shop.svc.cluster.local", Kind::A, found, &["10.244.2.6"]),
        ("10-244-2-6.db.shop.svc.cluster.local", Kind::Aaaa, found, NONE),
        ("db-2.db.shop.svc.cluster.local", Kind::A, no_name, NONE),
        ("x.db-0.db.shop.svc.cluster.local", Kind::A, no_name, NONE),
        // Ports.
        (
            "_http._tcp.web.shop.svc.cluster.local",
            Kind::Srv,
            found,
            &["80 web.shop.svc.cluster.local"],
        ),
        (
            "_dns._udp.web.shop.svc.cluster.local",
            Kind::Srv,
            found,
            &["53 web.shop.svc.cluster.local"],
        ),
        ("_http._udp.web.shop.svc.cluster.local", Kind::Srv, no_name, NONE),
        ("_http._tcp.web.shop.svc.cluster.local", Kind::A, found, NONE),
        ("_tcp.web.shop.svc.cluster.local", Kind::Srv, found, NONE),
        ("_sctp.web.shop.svc.cluster.local", Kind::Srv, no_name, NONE),
        ("_._tcp.single.shop.svc.cluster.local", Kind::Srv, no_name, NONE),
        (
            "_sql._tcp.db.shop.svc.cluster.local",
            Kind::Srv,
            found,
            &["5432 db-0.db.shop.svc.cluster.local", "5432 10-244-2-6.db.shop.svc.cluster.local"],
        ),
        (
            "web.shop.svc.cluster.local",
            Kind::Srv,
            found,
            &["80 web.shop.svc.cluster.local", "53 web.shop.svc.cluster.local"],
        ),
        // Pods, by address.
        ("10-244-1-5.shop.pod.cluster.local", Kind::A, found, &["10.244.1.5"]),
        ("10-244-1-5.shop.pod.cluster.local", Kind::Aaaa, found, NONE),
        ("fd00-10-244-1--5.shop.pod.cluster.local", Kind::Aaaa, found, &["fd00:10:244:1::5"]),
        ("10-244-1-5.absent.pod.cluster.local", Kind::A, no_name, NONE),
        ("10-244-1.shop.pod.cluster.local", Kind::A, no_name, NONE),
        // Addresses: services first, endpoints otherwise.
        ("20.0.96.10.in-addr.arpa", Kind::Ptr, found, &["web.shop.svc.cluster.local"]),
        ("20.0.96.10.in-addr.arpa", Kind::A, found, NONE),
        ("5.1.244.10.in-addr.arpa", Kind::Ptr, found, &["db-0.db.shop.svc.cluster.local"]),
        ("9.1.244.10.in-addr.arpa", Kind::Ptr, found, &["10-244-1-9.web.shop.svc.cluster.local"]),
        (
            "5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.4.4.2.0.0.1.0.0.0.0.d.f.ip6.arpa",
            Kind::Ptr,
            found,
            &["db-0.db.shop.svc.cluster.local"],
        ),
        // Aliases inside the cluster.
        (
            "in.shop.svc.cluster.local",
            Kind::A,
            found,
            &["web.shop.svc.cluster.local", "10.96.0.20"],
        ),
        ("in.shop.svc.cluster.local", Kind::Cname, found, &["web.shop.svc.cluster.local"]),
        ("in.shop.svc.cluster.local", Kind::Txt, found, NONE),
        ("loop.shop.svc.cluster.local", Kind::A, found, &["loop.shop.svc.cluster.local"]),
        ("out.shop.svc.cluster.local", Kind::Cname, found, &["example.com"]),
        ("x.out.shop.svc.cluster.local", Kind::A, no_name, NONE),
        // The zone itself, and what is between names.
        ("cluster.local", Kind::Soa, found, &["ns.dns.cluster.local 7"]),
        ("cluster.local", Kind::Ns, found, &["ns.dns.cluster.local"]),
        ("cluster.local", Kind::A, found, NONE),
        ("ns.dns.cluster.local", Kind::A, found, &["10.96.0.10"]),
        ("ns.dns.cluster.local", Kind::Aaaa, found, &["fd00:10:96::a"]),
        ("dns-version.cluster.local", Kind::Txt, found, &["1.1.0"]),
        ("svc.cluster.local", Kind::A, found, NONE),
        ("pod.cluster.local", Kind::A, found, NONE),
        ("shop.svc.cluster.local", Kind::A, found, NONE),
        ("shop.pod.cluster.local", Kind::A, found, NONE),
        ("absent.svc.cluster.local", Kind::A, no_name, NONE),
        ("absent.cluster.local", Kind::A, no_name, NONE),
    ];
    for (name, kind, outcome, expected) in table {
        let Knowledge::Answer(answer) = zone.look_up(name, *kind) else {
            panic!("{name}: not the cluster's")
        };
        let records: Vec<String> = answer.records.iter().map(|one| text(&one.data)).collect();
        assert_eq!(records, *expected, "{name} {kind:?}");
        assert_eq!(answer.outcome, *outcome, "{name} {kind:?}");
        assert!(answer.authoritative, "{name}");
        // RFC 2308: who says no, and for how long.
        let negative = answer.authority.iter().filter(|one| one.data.kind() == Kind::Soa).count();
        assert_eq!(negative, usize::from(records.is_empty()), "{name} {kind:?}");
    }
}

#[test]
fn ports_come_with_the_addresses_of_their_hosts() {
    let name = "_sql._tcp.db.shop.svc.cluster.local";
    let Knowledge::Answer(answer) = zone().look_up(name, Kind::Srv) else { panic!("{name}") };
    let of_hosts: Vec<_> =
        answer.additional.iter().map(|one| (one.owner.as_str(), text(&one.data))).collect();
    assert_eq!(
        of_hosts,
        [
            ("db-0.db.shop.svc.cluster.local", "10.244.1.5".to_owned()),
            ("10-244-2-6.db.shop.svc.cluster.local", "10.244.2.6".to_owned()),
            ("db-0.db.shop.svc.cluster.local", "fd00:10:244:1::5".to_owned()),
        ]
    );
}

#[test]
fn what_is_not_the_clusters_is_asked_elsewhere() {
    let zone = zone();
    for name in
        ["example.com", "cluster.local.example.com", "xcluster.local", "", "1.1.1.1.in-addr.arpa"]
    {
        assert_eq!(zone.look_up(name, Kind::A), Knowledge::Elsewhere, "{name}");
    }
    let Knowledge::Alias(record, target) = zone.look_up("out.shop.svc.cluster.local", Kind::A)
    else {
        panic!("an alias leads outside")
    };
    assert_eq!((text(&record.data), target.as_str()), ("example.com".into(), "example.com"));
}
