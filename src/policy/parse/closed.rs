//! What counts instead of a policy that is rejected: whoever it selects is isolated, because what it
//! would have denied is not known.

use std::sync::Arc;

use super::{
    cilium,
    cursor::{Cursor, Fields, Reading},
    network_policy,
    object::{Object, Settings, specs},
    problem::Severity,
};
use crate::policy::{
    rule::{
        Action, Direction, Peers, Policy, PolicyKind, PolicyRef, Ports, Rule, RulePlace, Subject,
        Turn,
    },
    text::{Document, Node},
};

/// Returns the policy that isolates whom a rejected one selects, in the directions in which it would
/// have; `None` if that is nobody, or nobody can tell.
///
/// Hosts are never closed: a typing error must not lock a node out. Policies of cluster administrators
/// isolate nobody, accepted or not.
pub(super) fn close(
    document: &Document,
    settings: &Settings,
    (reference, audit): (Arc<PolicyRef>, bool),
) -> Option<Arc<Policy>> {
    let rules: Vec<Rule> = specs(&document.root)
        .flat_map(|spec| isolations(spec, &reference, settings).unwrap_or_default())
        .collect();
    (!rules.is_empty()).then(|| Arc::new(Policy { reference, rules, audit }))
}

/// Reads whom one `spec` selects, apart from everything else.
fn isolations(
    (path, node): (String, &Node),
    reference: &Arc<PolicyRef>,
    settings: &Settings,
) -> Option<Vec<Rule>> {
    let reading = Reading::new(Arc::clone(&reference.file));
    let cursor = Cursor::root(node, &reading);
    let fields = cursor.any_fields()?;
    let object = Object { reference: Arc::clone(reference), fields: fields.clone(), settings };
    let subject = match reference.kind {
        PolicyKind::NetworkPolicy => Some(network_policy::subject(&object, &fields)),
        PolicyKind::CiliumNetworkPolicy | PolicyKind::CiliumClusterwideNetworkPolicy => {
            cilium::subject(&object, &fields)
        }
        PolicyKind::ClusterNetworkPolicy
        | PolicyKind::AdminNetworkPolicy
        | PolicyKind::BaselineAdminNetworkPolicy => None,
    };
    drop((object, fields, cursor));
    let is_wrong = reading.finish().iter().any(|p| p.code.severity() == Severity::Error);
    let subject = subject.filter(|s| !is_wrong && !matches!(s, Subject::Nodes(_)))?;
    let directions = directions(node, reference.kind);
    let place = RulePlace { policy: Arc::clone(reference), path, at: node.span.start };
    Some(directions.into_iter().map(|way| isolation(&place, &subject, way)).collect())
}

fn isolation(place: &RulePlace, subject: &Subject, direction: Direction) -> Rule {
    Rule {
        place: place.clone(),
        subject: subject.clone(),
        direction,
        turn: Turn::NORMAL,
        peers: Peers::Of(Vec::new()),
        ports: Ports::All,
        action: Action::Allow(None),
        isolates: true,
    }
}

/// Returns the directions in which a `spec` isolates; both where that cannot be read.
fn directions(node: &Node, kind: PolicyKind) -> Vec<Direction> {
    let reading = Reading::default();
    let cursor = Cursor::root(node, &reading);
    let isolates = match kind {
        PolicyKind::NetworkPolicy => network_policy::isolated,
        _ => cilium::isolated,
    };
    let found = cursor.any_fields().map(|fields: Fields<'_>| isolates(&fields)).unwrap_or_default();
    drop(cursor);
    if reading.finish().is_empty() { found } else { vec![Direction::Ingress, Direction::Egress] }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::policy::parse::{Parsed, parse};

    fn read(kind: &str, spec: Value) -> Parsed {
        let version = if kind == "NetworkPolicy" { "networking.k8s.io/v1" } else { "cilium.io/v2" };
        let metadata = json!({ "name": "p", "namespace": "shop" });
        let item = json!({ "metadata": metadata, "spec": spec });
        let document = Document::of_item(version, kind, item);
        parse(&document, &Settings::default()).expect("a policy")
    }

    fn closed(kind: &str, spec: Value) -> Vec<&'static str> {
        let parsed = read(kind, spec);
        assert!(parsed.policy.is_none(), "it is rejected");
        let rules = parsed.closed.map(|policy| policy.rules.clone()).unwrap_or_default();
        rules.iter().map(|rule| rule.direction.name()).collect()
    }

    #[test]
    fn the_subject_of_a_network_policy_is_isolated_as_it_would_have_been() {
        let bad = json!([{ "ports": [{ "port": -1 }] }]);
        for (spec, expected) in [
            (json!({ "podSelector": {}, "ingress": bad }), vec!["ingress"]),
            (json!({ "podSelector": {}, "egress": bad }), vec!["ingress", "egress"]),
            (
                json!({ "podSelector": {}, "policyTypes": ["Egress"], "egress": bad }),
                vec!["egress"],
            ),
            (json!({ "podSelector": {}, "policyTypes": ["Engress"] }), vec!["ingress", "egress"]),
            (json!({ "podSelector": {}, "ingres": [] }), vec!["ingress", "egress"]),
            (json!({ "podSelector": { "matchLabel": {} }, "ingress": bad }), vec![]),
        ] {
            assert_eq!(closed("NetworkPolicy", spec.clone()), expected, "{spec}");
        }
    }

    #[test]
    fn the_subject_of_a_cilium_policy_is_isolated_as_it_would_have_been() {
        let bad = json!([{ "fromEntities": ["nobody"] }]);
        let web = json!({ "matchLabels": { "app": "web" } });
        for (spec, expected) in [
            (json!({ "endpointSelector": web, "ingress": bad }), vec!["ingress"]),
            (json!({ "endpointSelector": web, "egressDeny": bad }), vec!["egress"]),
            (json!({ "endpointSelector": web, "ingress": {} }), vec!["ingress", "egress"]),
            (json!({ "endpointSelector": web, "ingres": bad }), vec!["ingress", "egress"]),
            (json!({ "endpointSelector": web }), vec![]),
            (
                json!({
                    "endpointSelector": web, "ingressDeny": bad,
                    "enableDefaultDeny": { "ingress": false },
                }),
                vec![],
            ),
            (json!({ "endpointSelector": 1, "ingress": bad }), vec![]),
        ] {
            assert_eq!(closed("CiliumNetworkPolicy", spec.clone()), expected, "{spec}");
        }
    }

    #[test]
    fn hosts_are_never_closed() {
        let spec = json!({
            "nodeSelector": {}, "ingress": [{ "fromEntities": ["nobody"] }],
        });
        assert!(closed("CiliumClusterwideNetworkPolicy", spec).is_empty());
    }

    #[test]
    fn an_accepted_policy_needs_no_substitute() {
        let parsed = read("NetworkPolicy", json!({ "podSelector": {} }));
        assert!(parsed.policy.is_some() && parsed.closed.is_none());
    }
}
