//! Roles and bindings: defaults and rules.

use serde_json::Value;

use super::{default, items_mut};
use crate::lab::apiserver::refusal::Cause;
use crate::lab::apiserver::resource::Resource;

const GROUP: &str = "rbac.authorization.k8s.io";

pub(super) fn defaults(resource: &Resource, value: &mut Value) {
    if resource.kind.ends_with("Role") {
        return;
    }
    default(&mut value["roleRef"], "apiGroup", GROUP);
    for subject in items_mut(value, "subjects") {
        let group = if subject["kind"] == "ServiceAccount" { "" } else { GROUP };
        if !group.is_empty() {
            default(subject, "apiGroup", group);
        }
    }
}

/// The rules of a role that is the sum of others are the server's.
pub(super) fn keep_aggregate(old: &Value, value: &mut Value) {
    if value["aggregationRule"].is_object() && old["aggregationRule"].is_object() {
        value["rules"] = old["rules"].clone();
    }
}

/// Tells whether an update changes what is granted to whom.
pub(super) fn grants_differ(old: &Value, new: &Value) -> bool {
    ["rules", "aggregationRule", "subjects", "roleRef"]
        .iter()
        .any(|member| old.get(*member) != new.get(*member))
}

pub(super) fn validate(resource: &Resource, old: Option<&Value>, value: &Value) -> Vec<Cause> {
    if resource.kind.ends_with("Role") { role(resource, value) } else { binding(old, value) }
}

fn role(resource: &Resource, value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let is_empty = |v: &Value| v.as_array().is_none_or(Vec::is_empty);
    for (index, rule) in value["rules"].as_array().into_iter().flatten().enumerate() {
        let field = |member: &str| format!("rules[{index}].{member}");
        if is_empty(&rule["verbs"]) {
            causes.push(Cause::required(field("verbs"), "verbs must contain at least one value"));
        }
        if !is_empty(&rule["nonResourceURLs"]) {
            if resource.namespaced {
                let detail = "namespaced rules cannot apply to non-resource URLs";
                causes.push(Cause::invalid(
                    field("nonResourceURLs"),
                    &rule["nonResourceURLs"],
                    detail,
                ));
            }
            if !is_empty(&rule["apiGroups"]) || !is_empty(&rule["resources"]) {
                let detail = "rules cannot apply to both regular resources and non-resource URLs";
                causes.push(Cause::invalid(
                    field("nonResourceURLs"),
                    &rule["nonResourceURLs"],
                    detail,
                ));
            }
            continue;
        }
        if is_empty(&rule["apiGroups"]) {
            let detail = "resource rules must supply at least one api group";
            causes.push(Cause::required(field("apiGroups"), detail));
        }
        if is_empty(&rule["resources"]) {
            let detail = "resource rules must supply at least one resource";
            causes.push(Cause::required(field("resources"), detail));
        }
    }
    causes
}

fn binding(old: Option<&Value>, value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let reference = &value["roleRef"];
    if reference["apiGroup"] != GROUP {
        causes.push(unsupported("roleRef.apiGroup", &reference["apiGroup"], &[GROUP]));
    }
    if !matches!(reference["kind"].as_str(), Some("Role" | "ClusterRole")) {
        causes.push(unsupported("roleRef.kind", &reference["kind"], &["ClusterRole", "Role"]));
    }
    if reference["name"].as_str().is_none_or(str::is_empty) {
        causes.push(Cause::required("roleRef.name", ""));
    }
    if old.is_some_and(|old| old["roleRef"] != *reference) {
        causes.push(Cause::invalid("roleRef", reference, "cannot change roleRef"));
    }
    for (index, subject) in value["subjects"].as_array().into_iter().flatten().enumerate() {
        let field = |member: &str| format!("subjects[{index}].{member}");
        if subject["name"].as_str().is_none_or(str::is_empty) {
            causes.push(Cause::required(field("name"), ""));
        }
        match subject["kind"].as_str() {
            Some("User" | "Group") if subject["apiGroup"] != GROUP => {
                causes.push(unsupported(&field("apiGroup"), &subject["apiGroup"], &[GROUP]));
            }
            Some("User" | "Group") => {}
            Some("ServiceAccount") => {
                let no_namespace = subject["namespace"].as_str().is_none_or(str::is_empty);
                if no_namespace && value["metadata"]["namespace"].is_null() {
                    causes.push(Cause::required(field("namespace"), ""));
                }
            }
            _ => causes.push(unsupported(
                &field("kind"),
                &subject["kind"],
                &["Group", "ServiceAccount", "User"],
            )),
        }
    }
    causes
}

fn unsupported(field: &str, value: &Value, supported: &[&str]) -> Cause {
    let value = if value.is_null() { &Value::String(String::new()) } else { value };
    Cause::unsupported(field, value, supported)
}
