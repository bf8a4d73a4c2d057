//! Rules that let DNS names through, before anybody has learned one.

use super::{input, tables::everybody};
use crate::policy::{
    compile::{CellVerdict, KnownIdentity, Roster, RuleIndex, Subject, compile},
    judge::{Mode, Packet, PeerMatcher},
    parse::Compat,
    rule::{Direction, Protocol},
};

/// Lets through to a name, and to a prefix of the world.
const NAMES: &str = r#"
  egress:
    - toFQDNs: [{ matchPattern: "*.example.com" }]
      toPorts: [{ ports: [{ port: "443", protocol: TCP }] }]
    - toCIDR: [10.9.0.0/16]
"#;

/// Takes one port of all the world away.
const DENIES: &str = r#"
  egressDeny:
    - toEntities: [world]
      toPorts: [{ ports: [{ port: "443", protocol: TCP }] }]
"#;

/// Lets through to a name at a port that only pods name.
const NAMED_PORT: &str = r#"
  egress:
    - toFQDNs: [{ matchPattern: "*.example.com" }]
      toPorts: [{ ports: [{ port: http, protocol: TCP }] }]
"#;

/// Returns a policy of all pods of namespace x.
fn policy(name: usize, rules: &str) -> String {
    format!(
        "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\n\
         metadata: {{ name: p{name}, namespace: x }}\nspec:\n  endpointSelector: {{}}{rules}"
    )
}

/// Returns what `x/a` may send to everybody at a port, by their names and addresses.
fn verdicts(rules: &[&str], port: u16) -> Vec<(String, CellVerdict)> {
    let texts: Vec<String> = rules.iter().enumerate().map(|(n, own)| policy(n, own)).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let policies = input(Compat::Kubernetes, &texts).policies();
    assert_eq!(policies.len(), rules.len());
    let matcher = PeerMatcher { services: &[], groups: &[], cluster: "default" };
    let everybody = everybody();
    let subject = everybody.iter().find(|(_, actor)| actor.name == "x/a").expect("it is there");
    let rules = RuleIndex::new(&policies);
    let subject = Subject::of(&rules, Mode::Default, &subject.1, Direction::Egress);
    let known = everybody.iter().map(|(number, actor)| {
        let mut actor = actor.clone();
        actor.nets.clear();
        KnownIdentity { number: *number, actor }
    });
    let roster: Roster = known.collect();
    let table = compile((&matcher, Compat::Kubernetes), &subject, &roster).expect("few classes");
    let packet = Packet { protocol: Protocol::Tcp, port };
    let told = everybody.iter().map(|(number, actor)| {
        let scope = KnownIdentity { number: *number, actor: actor.clone() }.scope();
        let addr = actor.nets[0].addr();
        let cell = table.look_up((*number, scope), addr, packet).expect("a cell");
        (format!("{} {addr}", actor.name), cell.verdict)
    });
    told.collect()
}

#[test]
fn what_only_a_name_could_allow_has_a_verdict_of_its_own() {
    for (who, verdict) in verdicts(&[NAMES], 443) {
        let wanted = match who.as_str() {
            "world-ipv4 10.9.9.9" => CellVerdict::Allow,
            who if who.starts_with("world") => CellVerdict::Unlearned,
            _ => CellVerdict::Deny,
        };
        assert_eq!(verdict, wanted, "{who}");
    }
}

#[test]
fn names_change_nothing_at_other_ports_nor_what_a_rule_denies() {
    let cases: [(&[&str], u16); 3] =
        [(&[NAMES], 80), (&[NAMES, DENIES], 443), (&[NAMED_PORT], 8080)];
    for (rules, port) in cases {
        let told = verdicts(rules, port);
        assert!(told.iter().all(|(_, verdict)| *verdict != CellVerdict::Unlearned), "{told:?}");
    }
}
