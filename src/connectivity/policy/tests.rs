use std::collections::BTreeSet;

use super::{
    case::{Case, Form, Kind},
    manifest::manifests,
    plan,
};
use crate::{
    connectivity::{Expectation, Profile, Scenario, Topology, topology::FAMILIES},
    model::Family,
};

fn each(mut with: impl FnMut(&Scenario, &'static Case, Form)) {
    for scenario in Scenario::ALL {
        if let Some((case, form)) = scenario.policies() {
            with(scenario, case, form);
        }
    }
}

fn topology(families: &[Family]) -> Topology {
    Topology::example(Profile::Standard, 2, families)
}

#[test]
fn every_scenario_shows_that_its_policies_are_in_force_and_that_not_all_is_lost() {
    for families in [&FAMILIES[..], &[Family::V4], &[Family::V6]] {
        let topology = topology(families);
        each(|scenario, case, form| {
            let planned = plan(case, form, &topology);
            let is_drop =
                |expectation: &Expectation| matches!(expectation, Expectation::Dropped(_));
            for family in families {
                let mut own = planned.checks.iter().filter(|check| check.family == Some(*family));
                assert!(own.any(|check| is_drop(&check.expectation)), "{scenario}");
                assert!(own.any(|check| !is_drop(&check.expectation)), "{scenario}");
            }
            assert_eq!(planned.gaps, Vec::<String>::new(), "{scenario}");
        });
    }
}

#[test]
fn policies_to_blame_are_among_those_that_are_applied() {
    let topology = topology(&FAMILIES);
    each(|scenario, case, form| {
        let applied: BTreeSet<(String, String)> = manifests(case, form, &topology)
            .into_iter()
            .map(|manifest| {
                let name = manifest.object.metadata.name.expect("a name");
                (manifest.resource.kind, name)
            })
            .collect();
        assert_eq!(applied.len(), case.objects.len(), "{scenario}: names are unique");
        for check in plan(case, form, &topology).checks {
            let Expectation::Dropped(blame) = check.expectation else { continue };
            assert!(!blame.policies.is_empty(), "{scenario}: {blame}");
            for policy in blame.policies {
                let own = (policy.kind.clone(), policy.name.clone());
                assert!(applied.contains(&own), "{scenario}: {policy}");
            }
        }
    });
}

#[test]
fn every_word_of_an_object_is_replaced() {
    let topology = topology(&FAMILIES);
    each(|scenario, case, form| {
        for manifest in manifests(case, form, &topology) {
            let text = serde_json::to_string(&manifest.object).expect("it is written");
            assert!(!text.contains('$'), "{scenario}: {text}");
        }
    });
}

/// A selector that forgets its namespace would isolate pods of others.
#[test]
fn policies_of_the_cluster_select_pods_of_the_test_only() {
    let topology = topology(&FAMILIES);
    each(|scenario, case, form| {
        for (object, manifest) in case.objects.iter().zip(manifests(case, form, &topology)) {
            let metadata = &manifest.object.metadata;
            assert_eq!(
                metadata.namespace.is_some(),
                object.kind == Kind::NetworkPolicy
                    || (object.kind == Kind::Cilium && form == Form::Namespaced),
                "{scenario}"
            );
            if metadata.namespace.is_some() || object.kind == Kind::CidrGroup {
                continue;
            }
            let spec = &manifest.object.data["spec"];
            if case.is_for_nodes() {
                // Nodes are everybody's: no packet but the test's may be denied.
                let nobody = serde_json::json!({ "ingress": false, "egress": false });
                assert_eq!(spec["enableDefaultDeny"], nobody, "{scenario}");
                continue;
            }
            let subject = match object.kind {
                Kind::Cilium => &spec["endpointSelector"],
                _ => &spec["subject"],
            };
            assert!(subject.to_string().contains(":\"skep-test\""), "{scenario}: {subject}");
            let name = metadata.name.as_deref().unwrap_or_default();
            assert!(name.starts_with("skep-test-"), "{scenario}: {name}");
            assert_eq!(metadata.labels.as_ref().map(std::collections::BTreeMap::len), Some(2));
        }
    });
}
