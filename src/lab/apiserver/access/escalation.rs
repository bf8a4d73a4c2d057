//! Roles and bindings: nobody grants what they do not have, and aggregated roles are the sum of others.

use serde_json::Value;

use super::attributes::{Attributes, Subject, Wanted};
use super::index::rules_of;
use super::rules::Rule;
use crate::lab::apiserver::call::Call;
use crate::lab::apiserver::cluster::Cluster;
use crate::lab::apiserver::metadata;
use crate::lab::apiserver::refusal::Refusal;
use crate::lab::apiserver::selector::{LabelSelector, query_form};
use crate::lab::apiserver::store::{At, Key, Query};

const GROUP: &str = "rbac.authorization.k8s.io";
const CLUSTER_ROLES: &str = "clusterroles.rbac.authorization.k8s.io";

/// Checks that the caller holds what a role or binding grants, or may `escalate` or `bind`.
pub(in crate::lab::apiserver) fn check_grant(
    cluster: &Cluster,
    call: &Call,
    value: &Value,
) -> Result<(), Refusal> {
    let (verb, subject, granted) = match call.resource.kind.as_str() {
        "Role" | "ClusterRole" => {
            let name = metadata::text(value, "name");
            ("escalate", (call.resource.plural.as_str(), name), rules_of(value))
        }
        _ => {
            let reference = &value["roleRef"];
            let name = reference["name"].as_str().unwrap_or_default();
            let (plural, namespace) = match reference["kind"].as_str() {
                Some("Role") => ("roles", call.namespace()),
                _ => ("clusterroles", ""),
            };
            let role = cluster.store.get(&format!("{plural}.{GROUP}"), &Key::new(namespace, name));
            let rules = role.map(|role| rules_of(&role.value())).unwrap_or_default();
            ("bind", (plural, name), rules)
        }
    };
    let (resource, name) = subject;
    let wanted =
        Wanted { group: GROUP, resource, subresource: "", namespace: call.namespace(), name };
    let wanted = Attributes { verb, subject: Subject::Resource(wanted) };
    if super::allows(cluster, &call.user, &wanted).is_some() {
        return Ok(());
    }
    let held = super::rules(cluster, &call.user, call.namespace());
    let missing: Vec<String> = granted
        .iter()
        .flat_map(Rule::atoms)
        .filter(|atom| !held.iter().any(|rule| rule.covers(atom)))
        .map(|atom| atom.shown())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Refusal::Forbidden {
        target: call.resource.target(metadata::text(value, "name")),
        detail: format!(
            "user {:?} (groups={:?}) is attempting to grant RBAC permissions not currently held:\n{}",
            call.user.name,
            call.user.groups,
            missing.join("\n")
        ),
    })
}

/// Writes the rules of every ClusterRole that is the sum of others, which may be sums themselves.
pub(in crate::lab::apiserver) fn aggregate(cluster: &Cluster) {
    const LEVELS: usize = 8;
    for _ in 0..LEVELS {
        if !add_up(cluster) {
            break;
        }
    }
}

/// Returns whether a sum has changed.
fn add_up(cluster: &Cluster) -> bool {
    let query =
        Query { namespace: None, at: At::Latest, after: None, limit: None, matches: &|_| true };
    let roles = cluster.store.list(CLUSTER_ROLES, &query).map(|page| page.objects);
    let roles = roles.unwrap_or_default();
    let mut changed = false;
    for role in &roles {
        let value = role.value();
        if value["aggregationRule"].is_null() {
            continue;
        }
        let selectors: Vec<LabelSelector> = value["aggregationRule"]["clusterRoleSelectors"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|selector| LabelSelector::parse(&query_form(selector)).ok())
            .filter(|selector| !selector.is_empty())
            .collect();
        let mut sum: Vec<Rule> = Vec::new();
        let parts = roles.iter().filter(|other| {
            other.key != role.key && selectors.iter().any(|s| s.matches_object(other))
        });
        for rule in parts.flat_map(|part| rules_of(&part.value())) {
            if !sum.contains(&rule) {
                sum.push(rule);
            }
        }
        if sum != rules_of(&value) {
            let sum = serde_json::to_value(&sum).expect("rules serialise");
            cluster.change(CLUSTER_ROLES, &role.key, |value| value["rules"] = sum.clone());
            changed = true;
        }
    }
    changed
}
