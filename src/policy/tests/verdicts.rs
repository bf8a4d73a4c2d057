//! What becomes of packets.

use std::collections::HashMap;

use serde_json::Value;

use super::input;
use crate::policy::{
    Input,
    cluster::Role,
    judge::{Mode, Packet, Verdict},
    matrix::Matrix,
    parse::Compat,
    rule::Protocol,
    text,
};

const SCENARIOS: &str = include_str!("../../../tests/fixtures/policy/verdicts.json");

fn letter(verdict: Verdict) -> char {
    match verdict {
        Verdict::None => '-',
        Verdict::Allow => 'a',
        Verdict::Deny => 'd',
        Verdict::Redirect => 'r',
        Verdict::Auth => 'u',
        Verdict::Audit => 'A',
    }
}

pub(super) type Cell = (String, String, String, u16);

/// Judges everything, by cell.
pub(super) fn verdicts(
    input: &Input,
    peers: &[&str],
    mode: Mode,
    packets: &[Packet],
) -> HashMap<Cell, [char; 2]> {
    let settings = &input.settings;
    let mut actors = input.inventory.pods(settings);
    let peer = |spec: &&str| input.inventory.actor(spec, settings).expect("a known peer");
    actors.extend(peers.iter().map(peer));
    let grounds = input.grounds();
    let judge = grounds.judge(mode);
    let mut cells = HashMap::new();
    Matrix::new(judge, &actors).for_each(packets, |item| {
        let key = (item.from.to_owned(), item.to.to_owned(), item.protocol, item.port);
        cells.insert(key, [letter(item.egress), letter(item.ingress)]);
    });
    cells
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().expect("a list").iter().map(|t| t.as_str().expect("a text")).collect()
}

#[test]
fn addresses_of_the_cluster_are_those_who_have_them() {
    let objects = serde_json::json!({ "kind": "List", "items": [
        {
            "apiVersion": "v1", "kind": "Node",
            "metadata": { "name": "n", "labels": { "role": "gpu" } },
            "status": { "addresses": [
                { "type": "Hostname", "address": "n" }, { "type": "InternalIP", "address": "192.0.2.1" },
                { "type": "InternalIP", "address": "2001:db8::1" },
            ]},
        },
        {
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p", "namespace": "shop" },
            "spec": {}, "status": { "podIPs": [{ "ip": "10.244.0.7" }] },
        },
    ]});
    let mut input = Input::default();
    for document in text::parse("objects.yaml", &objects.to_string()).expect("it is YAML") {
        input.add(&document).expect("no two of a name");
    }
    for (spec, role, label) in [
        ("ip:192.0.2.1", Role::Peer, "reserved:remote-node"),
        ("ip:2001:db8::1", Role::Peer, "node:role"),
        ("ip:10.244.0.7", Role::Pod, "k8s:io.kubernetes.pod.namespace"),
        ("ip:192.0.2.2", Role::World, "reserved:world-ipv4"),
        ("ip:192.0.2.1+reserved:x", Role::World, "reserved:world-ipv4"),
    ] {
        let actor = input.inventory.actor(spec, &input.settings).expect("an address");
        assert_eq!((actor.role, actor.name.as_str()), (role, spec));
        assert!(actor.labels.0.contains_key(label), "{spec}: {:?}", actor.labels);
    }
}

#[test]
fn judges_as_cilium_does() {
    let all: Value = serde_json::from_str(SCENARIOS).expect("the fixture is JSON");
    let cluster = serde_json::json!({"kind": "List", "items": all["cluster"]}).to_string();
    let order = all["order"].as_array().expect("a list");
    let packet = |cell: &Value| Packet {
        protocol: Protocol::from_name(cell[2].as_str().expect("a name")).expect("known"),
        port: cell[3].as_u64().expect("a number") as u16,
    };
    let packets: std::collections::HashSet<Packet> = order.iter().map(packet).collect();
    let packets: Vec<Packet> = packets.into_iter().collect();
    let scenarios = all["scenarios"].as_array().expect("a list");
    assert!(scenarios.len() >= 33);
    let mut wrong = Vec::new();
    for scenario in scenarios {
        let mode = match scenario["mode"].as_str() {
            Some("never") => Mode::Never,
            Some("always") => Mode::Always,
            _ => Mode::Default,
        };
        let mut given = texts(&scenario["policies"]);
        given.push(&cluster);
        let input = input(Compat::Cilium, &given);
        let problems: Vec<String> = input.problems().map(ToString::to_string).collect();
        assert!(problems.is_empty(), "{}: {problems:?}", scenario["name"]);
        let cells = verdicts(&input, &texts(&all["peers"]), mode, &packets);
        let expected = |side: &str| scenario[side].as_str().expect("letters").chars();
        for (cell, expected) in order.iter().zip(expected("egress").zip(expected("ingress"))) {
            let text = |n: usize| cell[n].as_str().expect("a text").to_owned();
            let key = (text(0), text(1), text(2), packet(cell).port);
            let [egress, ingress] = cells[&key];
            if (egress, ingress) != expected {
                wrong.push(format!(
                    "{} {key:?}: {egress}{ingress}, not {expected:?}",
                    scenario["name"]
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{} cells differ: {:#?}", wrong.len(), &wrong[..wrong.len().min(20)]);
}
