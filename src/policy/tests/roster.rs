//! Whom the roster finds, against asking everybody.

use std::{collections::BTreeMap, sync::Arc};

use proptest::prelude::*;

use super::tables::{everybody, groups, policies, services};
use crate::{
    model::Identity,
    policy::{
        cluster::{Actor, NamedPort, Role},
        compile::{KnownIdentity, Roster, RuleIndex, Subject as Compiled, compile},
        judge::{Mode, PeerMatcher, is_subject},
        parse::Compat,
        rule::{Direction, LabelKey, Policy, Protocol, RuleRef, Selector, Subject, Test},
    },
};

fn known() -> Vec<KnownIdentity> {
    let mut known: BTreeMap<Identity, KnownIdentity> = BTreeMap::new();
    for (number, mut actor) in everybody() {
        actor.nets.clear();
        known.entry(number).or_insert(KnownIdentity { number, actor });
    }
    known.into_values().collect()
}

/// Somebody of every kind, a host with labels included.
fn subjects() -> Vec<Actor> {
    let of_node = [("node:app", "a"), ("node:ns", "x"), ("reserved:host", "")];
    let node = Actor::new("host", Role::Host, of_node.into_iter().collect());
    everybody().into_iter().map(|(_, actor)| actor).chain([node]).collect()
}

/// Gives the rules subjects of all kinds.
fn with_subjects(policies: &mut [Arc<Policy>], start: usize) {
    let is = |key: &str, value: &str| Selector::default().and_is(LabelKey::parse(key), value);
    let namespace = format!("k8s:{}", LabelKey::NAMESPACE);
    let selectors = [
        Selector::default(),
        is("app", "a"),
        is(&namespace, "x"),
        is(&namespace, "y").and_is(LabelKey::parse("k8s:app"), "c"),
        is("node:app", "a").and_is(LabelKey::parse("node:ns"), "x"),
        Selector::default().and(LabelKey::parse("app"), Test::Absent),
        is(LabelKey::NAMESPACE, "x").and_is(LabelKey::parse("ns"), "x"),
    ];
    let kinds = [Subject::Endpoints, Subject::Nodes, Subject::Pods];
    let subjects: Vec<Subject> =
        kinds.iter().flat_map(|kind| selectors.iter().cloned().map(kind)).collect();
    let rules = policies.iter_mut().flat_map(|policy| &mut Arc::make_mut(policy).rules);
    for (rule, subject) in rules.zip(subjects.iter().cycle().skip(start)) {
        rule.subject = subject.clone();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn an_index_after_changes_says_what_a_new_one_says(
        policies in policies(),
        gone in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        port in 1..4_u16,
    ) {
        let (all, services, groups) = (known(), services(), groups());
        let matcher = PeerMatcher { services: &services, groups: &groups, cluster: "default" };
        let grounds = (&matcher, Compat::Kubernetes);
        let mut roster: Roster = all.iter().cloned().collect();
        for which in &gone {
            roster.remove(which.get(&all).number);
        }
        for which in &gone {
            roster.insert(which.get(&all).clone());
        }
        let ports = vec![NamedPort { name: "http".into(), protocol: Protocol::Tcp, port }];
        let mut now = all.clone();
        for own in now.iter_mut().rev().take(3) {
            own.actor.ports.clone_from(&ports);
            roster.set_ports(own.number, &ports);
        }
        let fresh: Roster = now.iter().cloned().collect();
        let actor = &now.last().expect("somebody").actor;
        for direction in [Direction::Ingress, Direction::Egress] {
            let index = RuleIndex::new(&policies);
            let subject = Compiled::of(&index, Mode::Default, actor, direction);
            let changed = compile(grounds, &subject, &roster).expect("few classes");
            let new = compile(grounds, &subject, &fresh).expect("few classes");
            prop_assert_eq!(changed.identities(), new.identities());
            prop_assert_eq!(changed.cells(), new.cells());
        }
    }

    #[test]
    fn rules_found_by_subject_are_those_that_apply(
        mut policies in policies(),
        start in 0..21_usize,
        gone in prop::collection::vec(any::<prop::sample::Index>(), 0..3),
    ) {
        with_subjects(&mut policies, start);
        let mut index = RuleIndex::new(&policies);
        // Some were gone for a while, and one never comes back.
        for which in gone.iter().filter(|_| !policies.is_empty()) {
            let policy = Arc::clone(&policies[which.index(policies.len())]);
            index.remove(&policy);
            index.remove(&policy);
            index.insert(&policy);
        }
        if let Some(policy) = policies.pop_if(|_| start.is_multiple_of(2)) {
            index.remove(&policy);
        }
        for actor in subjects() {
            for direction in [Direction::Ingress, Direction::Egress] {
                let mut wanted: Vec<RuleRef> = policies
                    .iter()
                    .flat_map(RuleRef::all)
                    .filter(|rule| rule.direction == direction && is_subject(&rule.subject, &actor))
                    .collect();
                wanted.sort_by_key(|rule| rule.turn);
                prop_assert!(index.of(&actor, direction) == wanted);
            }
        }
    }
}
