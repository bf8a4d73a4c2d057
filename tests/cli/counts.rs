//! Counts of flows: by edge, workload and drop reason.

use insta::assert_snapshot;
use serde_json::json;

use crate::agent::{Agent, Facts, Packet};

/// Two connections and their replies, one of them to the outside, and two refused packets.
fn traffic() -> Agent {
    let agent = Agent::start(Facts::default());
    let reply = Packet {
        source: Packet::V4.destination,
        destination: Packet::V4.source,
        identities: (1002, 1001),
        reply: true,
        ..Packet::V4
    };
    let outside =
        Packet { destination: ("2001:db8:1::10", 443), identities: (1001, 10), ..Packet::V6 };
    let refused = Packet { reason: 133, ..Packet::V6 };
    agent.observer.push([Packet::V4, reply, outside, refused, refused].map(Packet::event));
    agent
}

/// Cuts the time off, which depends on when the machine was booted.
fn table(agent: &Agent, args: &[&str]) -> String {
    let outcome = agent.home.run(&[&["observe", "--group-by"], args].concat());
    assert_eq!(outcome.code, Some(0), "{outcome}");
    let time = regex::Regex::new(r"[-0-9]{10}T[:0-9]{8}Z").expect("a pattern");
    time.replace_all(&outcome.to_string(), "2026-11-24T12:00:00Z").into_owned()
}

#[test]
fn flows_are_counted_by_edge() {
    assert_snapshot!(table(&traffic(), &["edge"]), @r"
code: 0
--- stdout
SOURCE           DESTINATION  PORT      FLOWS  FORWARDED  DROPPED  LAST SEEN             POLICY
shop/frontend-x  shop/api-y   8080/TCP  6      2          2        2026-11-24T12:00:00Z  -
shop/frontend-x  world        443/TCP   1      1          0        2026-11-24T12:00:00Z  -
--- stderr
7 flows, 2 dropped, 0 lost
");
}

#[test]
fn flows_are_counted_by_workload() {
    assert_snapshot!(table(&traffic(), &["workload", "--top", "2"]), @r"
code: 0
--- stdout
WORKLOAD         KIND        AS CLIENT  AS SERVER  DROPPED  PEERS  LAST SEEN
shop/frontend-x  Deployment  7          0          2        2      2026-11-24T12:00:00Z
shop/api-y       Deployment  0          6          2        1      2026-11-24T12:00:00Z
--- stderr
and 1 more
7 flows, 2 dropped, 0 lost
");
}

#[test]
fn drops_are_counted_by_reason() {
    assert_snapshot!(table(&traffic(), &["reason"]), @r"
code: 0
--- stdout
REASON         DROPPED  EDGES  LAST SEEN             POLICY
POLICY_DENIED  2        1      2026-11-24T12:00:00Z  -
--- stderr
7 flows, 2 dropped, 0 lost
");
}

#[test]
fn counts_are_a_list_for_scripts() {
    let agent = traffic();
    let mut list = agent
        .home
        .run(&["observe", "--group-by", "edge", "--top", "1", "-o", "json", "--verdict", "DROPPED"])
        .json();
    assert!(list["items"][0]["lastSeen"].is_string());
    list["items"][0]["lastSeen"] = "...".into();
    let end = |name: &str| json!({"kind": "Deployment", "namespace": "shop", "name": name});
    assert_eq!(
        list,
        json!({
            "apiVersion": "cli.skep.io/v1",
            "kind": "FlowEdgeList",
            "items": [{
                "source": end("frontend-x"),
                "destination": end("api-y"),
                "port": 8080,
                "protocol": "TCP",
                "flows": 4,
                "forwarded": 0,
                "dropped": 2,
                "lastSeen": "...",
                "policies": [],
            }],
        })
    );
    for (group, kind) in [("workload", "FlowWorkloadList"), ("reason", "FlowReasonList")] {
        let list = agent.home.run(&["observe", "--group-by", group, "-o", "json"]).json();
        assert_eq!(list["kind"], kind);
    }
}

#[test]
fn counts_are_no_flows() {
    let agent = traffic();
    for args in [
        &["--group-by", "edge", "-o", "dict"][..],
        &["--group-by", "edge", "--follow"],
        &["--group-by", "node"],
        &["--top", "3"],
    ] {
        let outcome = agent.home.run(&[&["observe"], args].concat());
        assert_eq!(outcome.code, Some(2), "{args:?} {outcome}");
    }
    let empty = agent.home.run(&["observe", "--group-by", "edge", "--uuid", "none"]);
    assert_eq!(empty.code, Some(0), "{empty}");
    assert_eq!(empty.stderr, "No flows found.\n0 flows, 0 dropped, 0 lost\n");
}
