//! Order, suppression and size.

use super::{cnp, findings, ids};
use crate::policy::lint::Whole;

#[test]
fn findings_are_in_the_order_of_the_text_each_time() {
    let text: String = (0..20)
        .map(|n| cnp(&format!("p{n}"), "endpointSelector: {}, egress: [{toEntities: [world]}]"))
        .collect();
    let first = findings(&text, Whole::Part);
    assert!(first.len() > 40 && first.is_sorted_by_key(|finding| finding.span.start));
    for _ in 0..3 {
        assert_eq!(findings(&text, Whole::Part), first);
    }
}

#[test]
fn an_annotation_names_what_is_not_told() {
    let text = cnp("p", "endpointSelector: {}, egress: [{toEntities: [world]}]");
    assert!(ids(&text, Whole::Part).contains(&"NP4004"));
    let quiet = text.replace(
        "{name: p,",
        "{name: p, annotations: {skep.io/lint-ignore: 'NP4004, no-dns-egress'},",
    );
    let left = ids(&quiet, Whole::Part);
    assert!(!left.contains(&"NP4004") && !left.contains(&"NP3002") && left.contains(&"NP3004"));
}

#[test]
fn an_object_of_thousands_of_rules_is_linted() {
    let rules: Vec<String> =
        (0..3000).map(|n| format!("{{fromEndpoints: [{{matchLabels: {{app: a{n}}}}}]}}")).collect();
    let text = cnp("p", &format!("endpointSelector: {{}}, ingress: [{}]", rules.join(", ")));
    assert!(ids(&text, Whole::Part).contains(&"NP3004"));
}
