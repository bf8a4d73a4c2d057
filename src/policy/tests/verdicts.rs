//! What becomes of packets.

use std::collections::HashMap;

use serde_json::Value;

use super::input;
use crate::policy::{
    Input,
    judge::{Mode, Packet, Verdict},
    matrix::Matrix,
    parse::Compat,
    rule::Protocol,
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
