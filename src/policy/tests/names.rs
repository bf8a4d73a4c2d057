//! Rules that let DNS names through, before anybody has learned one.

use super::{input, tables::everybody};
use crate::policy::{
    compile::{CellVerdict, KnownIdentity, Roster, RuleIndex, Subject, compile},
    judge::{Mode, Packet, PeerMatcher},
    parse::Compat,
    rule::{Direction, Protocol},
};

/// Lets pods of namespace x through to a name, and to a prefix of the world.
const NAMES: &str = r#"
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: { name: names, namespace: x }
spec:
  endpointSelector: {}
  egress:
    - toFQDNs: [{ matchPattern: "*.example.com" }]
      toPorts: [{ ports: [{ port: "443", protocol: TCP }] }]
    - toCIDR: [10.9.0.0/16]
"#;

/// Takes one port of all the world away again.
const DENIES: &str = r#"
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: { name: denies, namespace: x }
spec:
  endpointSelector: {}
  egressDeny:
    - toEntities: [world]
      toPorts: [{ ports: [{ port: "443", protocol: TCP }] }]
"#;

/// Returns what `x/a` may send to everybody at a port, by their names and addresses.
fn verdicts(texts: &[&str], port: u16) -> Vec<(String, CellVerdict)> {
    let policies = input(Compat::Kubernetes, texts).policies();
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
    for (texts, port) in [(&[NAMES][..], 80), (&[NAMES, DENIES], 443)] {
        let told = verdicts(texts, port);
        assert!(told.iter().all(|(_, verdict)| *verdict != CellVerdict::Unlearned), "{told:?}");
    }
}
