//! Whom the roster finds, against asking everybody.

use std::{collections::BTreeMap, sync::Arc};

use proptest::prelude::*;

use super::tables::{everybody, groups, policies, services};
use crate::{
    model::Identity,
    policy::{
        cluster::NamedPort,
        compile::{KnownIdentity, Roster, RuleIndex, Subject as Compiled, compile},
        judge::{Judge, Mode, PeerMatcher, is_subject},
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

/// Gives the rules subjects of all kinds.
fn with_subjects(policies: &mut [Arc<Policy>]) {
    let is = |key: &str, value: &str| Selector::default().and_is(LabelKey::parse(key), value);
    let namespace = format!("k8s:{}", LabelKey::NAMESPACE);
    let selectors = [
        Selector::default(),
        is("app", "a"),
        is(&namespace, "x"),
        is(&namespace, "y").and_is(LabelKey::parse("k8s:app"), "c"),
        Selector::default().and(LabelKey::parse("app"), Test::Absent),
        is(LabelKey::NAMESPACE, "x").and_is(LabelKey::parse("ns"), "x"),
    ];
    let rules = policies.iter_mut().flat_map(|policy| &mut Arc::make_mut(policy).rules);
    for (rule, selector) in rules.zip(selectors.iter().cycle()) {
        rule.subject = Subject::Endpoints(selector.clone());
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
        let judge = Judge { policies: &policies, peers: matcher, mode: Mode::Default, compat: Compat::Kubernetes };
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
            let changed = compile(&judge, &subject, &roster).expect("few classes");
            let new = compile(&judge, &subject, &fresh).expect("few classes");
            prop_assert_eq!(changed.identities(), new.identities());
            prop_assert_eq!(changed.cells(), new.cells());
        }
    }

    #[test]
    fn rules_found_by_subject_are_those_that_apply(
        mut policies in policies(),
        mut others in policies(),
    ) {
        with_subjects(&mut policies);
        with_subjects(&mut others);
        // An index that knew other policies, one of which is still there.
        others.extend(policies.first().cloned());
        let mut index = RuleIndex::new(&others);
        index.update(policies.clone());
        for (_, actor) in everybody() {
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
