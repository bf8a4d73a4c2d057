//! Tracked and translated connections, and forgetting them.

use insta::assert_snapshot;
use jiff::{SignedDuration, Timestamp};
use skep::api::{Connection, End, Traffic, Zone};

use crate::{
    agent::{Agent, Facts},
    run::Home,
};

fn end(text: &str, port: u16) -> End {
    End { address: text.parse().expect("an address"), port }
}

/// A connection of a pod with the world, which sees the node.
fn world() -> Connection {
    // As old that a slow machine makes no difference.
    let then = Timestamp::now() - SignedDuration::from_hours(1);
    Connection {
        zone: Zone::Pod,
        protocol: "TCP".into(),
        source: end("10.244.1.9", 41_000),
        destination: end("203.0.113.9", 443),
        source_xlated: Some(end("172.31.0.11", 32_768)),
        service: None,
        service_name: None,
        backend: None,
        egress: None,
        ingress: None,
        sent: Traffic { packets: 2, bytes: 100 },
        received: Traffic::default(),
        sent_flags: 0,
        received_flags: 0,
        created: then,
        last_seen: then,
    }
}

/// A pod's connection with a service, and one that came from outside.
fn served() -> [Connection; 2] {
    let inside = Connection {
        protocol: "UDP".into(),
        destination: end("10.244.1.2", 5353),
        source_xlated: None,
        service: Some(end("10.96.0.1", 53)),
        service_name: Some("kube-system/dns".into()),
        backend: Some(end("10.244.1.2", 5353)),
        ..world()
    };
    let outside = Connection {
        zone: Zone::Service,
        source: end("fd00:9::9", 41_000),
        destination: end("fd00:1::11", 30_053),
        source_xlated: Some(end("fd00:1::11", 32_769)),
        service: Some(end("fd00:1::11", 30_053)),
        backend: Some(end("fd00:10:244:2::2", 5353)),
        ..inside.clone()
    };
    [inside, outside]
}

fn agent() -> Agent {
    let connections = [world()].into_iter().chain(served()).collect();
    Agent::start(Facts { connections, ..Facts::default() })
}

#[test]
fn connections_show_the_service_that_the_opener_speaks_with() {
    let agent = agent();
    assert_snapshot!(agent.home.run(&["bpf", "ct", "list"]), @r"
code: 0
--- stdout
PROTOCOL  SOURCE             DESTINATION         TRANSLATED          SERVICE             SENT  RECEIVED  AGE  IDLE
TCP       10.244.1.9:41000   203.0.113.9:443     172.31.0.11:32768   -                   100   0         60m  60m
UDP       10.244.1.9:41000   10.244.1.2:5353     -                   10.96.0.1:53        100   0         60m  60m
UDP       [fd00:9::9]:41000  [fd00:1::11]:30053  [fd00:1::11]:32769  [fd00:1::11]:30053  100   0         60m  60m
--- stderr
");
    let wide = agent.home.run(&["bpf", "ct", "list", "-o", "wide"]).stdout;
    assert!(wide.contains("  kube-system/dns  [fd00:10:244:2::2]:5353  service"), "{wide}");
    for (flags, count) in [
        (&["--service", "kube-system/dns"][..], 2),
        (&["--service", "kube-system/other"], 0),
        (&["--port", "53"], 1),
        (&["--port", "443/tcp"], 1),
        (&["--port", "443/udp"], 0),
        (&["--address", "172.31.0.11"], 1),
        (&["--address", "10.244.1.9", "--port", "53"], 1),
    ] {
        let args = [&["bpf", "ct", "list", "-o", "json"], flags].concat();
        let items = agent.home.run(&args).json()["items"].as_array().map(Vec::len);
        assert_eq!(items, Some(count), "{flags:?}");
    }
}

#[test]
fn translated_connections_show_what_the_other_end_sees() {
    let agent = agent();
    assert_snapshot!(agent.home.run(&["bpf", "nat", "list"]), @r"
code: 0
--- stdout
PROTOCOL  SOURCE             TRANSLATED          DESTINATION         SERVICE          BACKEND                  AGE  IDLE
TCP       10.244.1.9:41000   172.31.0.11:32768   203.0.113.9:443     -                -                        60m  60m
UDP       [fd00:9::9]:41000  [fd00:1::11]:32769  [fd00:1::11]:30053  kube-system/dns  [fd00:10:244:2::2]:5353  60m  60m
--- stderr
");
    let json = agent.home.run(&["bpf", "nat", "list", "-o", "json"]).json();
    assert_eq!(json["items"][1]["translated"]["port"], 32_769);
    assert_eq!(json["items"][1]["backend"]["address"], "fd00:10:244:2::2");
    assert_eq!(json["items"][0].get("backend"), None);
}

#[test]
fn nothing_is_forgotten_without_a_yes() {
    let agent = agent();
    assert_snapshot!(agent.home.run(&["bpf", "ct", "flush"]), @r"
code: 2
--- stdout
--- stderr
error: nothing is removed without a yes, and there is no terminal to ask for it

hint: give --yes in scripts
");
    let outcome = agent.home.run(&["bpf", "nat", "flush", "--port", "443"]);
    assert_eq!(outcome.code, Some(2), "{outcome}");
}

#[test]
fn how_many_connections_are_forgotten_is_told() {
    let agent = agent();
    assert_snapshot!(agent.home.run(&["bpf", "ct", "flush", "--yes"]), @r"
code: 0
--- stdout
REMOVED  OTHER TUPLES
3        2
--- stderr
");
    for (args, connections, aliases) in [
        (&["bpf", "ct", "flush", "--service", "kube-system/dns"][..], 2, 1),
        (&["bpf", "ct", "flush", "--port", "53/udp"], 1, 0),
        (&["bpf", "nat", "flush"], 2, 2),
        (&["bpf", "nat", "flush", "--address", "203.0.113.9"], 1, 1),
        (&["bpf", "nat", "flush", "--service", "kube-system/dns", "--port", "443"], 0, 0),
    ] {
        let outcome = agent.home.run(&[args, &["--yes", "-o", "json"]].concat());
        assert_eq!(outcome.code, Some(0), "{outcome}");
        let json = outcome.json();
        assert_eq!(json["kind"], "FlushedList");
        let item = &json["items"][0];
        assert_eq!(
            (&item["connections"], &item["aliases"]),
            (&connections.into(), &aliases.into())
        );
    }
}

#[test]
fn what_cannot_be_meant_is_refused_and_without_an_agent_nothing_is_done() {
    let home = Home::new();
    for args in [
        &["bpf", "ct", "flush", "--yes", "--service", "dns"][..],
        &["bpf", "ct", "list", "--address", "web"],
        &["bpf", "nat", "flush", "--yes", "--port", "0"],
        &["bpf", "nat", "list", "--service", "shop/web"],
    ] {
        let outcome = home.run(args);
        assert_eq!(outcome.code, Some(2), "{args:?} {outcome}");
    }
    for args in [
        &["bpf", "ct", "flush", "--yes"][..],
        &["bpf", "nat", "flush", "--yes"],
        &["bpf", "nat", "list"],
    ] {
        let outcome = home.run(args);
        assert_eq!(outcome.code, Some(3), "{args:?} {outcome}");
        assert!(outcome.stderr.contains("\nhint: "), "{args:?} {outcome}");
    }
}
