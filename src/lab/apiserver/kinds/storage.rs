//! The rules of smaller kinds: claims, budgets, autoscalers, quotas, priorities.

use serde_json::{Value, json};

use super::checks::{self, text};
use super::default;
use crate::lab::apiserver::refusal::Cause;
use crate::lab::apiserver::resource::Resource;

const MODES: &[&str] = &["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];

pub(super) fn defaults(resource: &Resource, value: &mut Value) {
    if resource.kind == "StorageClass" {
        default(value, "reclaimPolicy", "Delete");
        default(value, "volumeBindingMode", "Immediate");
    } else {
        default(value, "spec", json!({}));
        default(&mut value["spec"], "volumeMode", "Filesystem");
        default(value, "status", json!({"phase": "Pending"}));
    }
}

pub(super) fn claim(old: Option<&Value>, value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &value["spec"];
    let modes = spec["accessModes"].as_array();
    if modes.is_none_or(Vec::is_empty) {
        causes.push(Cause::required("spec.accessModes", "at least 1 access mode is required"));
    }
    for mode in modes.into_iter().flatten() {
        if !mode.as_str().is_some_and(|mode| MODES.contains(&mode)) {
            causes.push(Cause::unsupported("spec.accessModes", mode, MODES));
        }
    }
    match checks::quantity(&spec["resources"]["requests"]["storage"]) {
        None => causes.push(Cause::required("spec.resources[storage]", "")),
        Some(size) if size <= 0.0 => {
            let found = &spec["resources"]["requests"]["storage"];
            causes.push(Cause::invalid(
                "spec.resources[storage]",
                found,
                "must be greater than zero",
            ));
        }
        Some(_) => {}
    }
    if let Some(old) = old {
        let fixed = |spec: &Value| {
            let mut spec = spec.clone();
            if let Some(members) = spec.as_object_mut() {
                members.retain(|name, _| {
                    !matches!(
                        name.as_str(),
                        "resources" | "volumeName" | "volumeAttributesClassName"
                    )
                });
            }
            spec
        };
        if fixed(&old["spec"]) != fixed(spec) {
            let detail = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
            causes.push(Cause::forbidden("spec", detail));
        }
    }
    causes
}

pub(super) fn budget(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &value["spec"];
    if !spec["minAvailable"].is_null() && !spec["maxUnavailable"].is_null() {
        let detail = "minAvailable and maxUnavailable cannot be both set";
        causes.push(Cause::invalid("spec", &"".into(), detail));
    }
    checks::share(&mut causes, spec, "minAvailable", "spec");
    checks::share(&mut causes, spec, "maxUnavailable", "spec");
    checks::selector(&mut causes, &spec["selector"], "spec.selector");
    causes
}

pub(super) fn autoscaler(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &value["spec"];
    let (least, most) = (spec["minReplicas"].as_i64(), spec["maxReplicas"].as_i64());
    if most.is_none_or(|most| most < 1) {
        let detail = "must be greater than 0";
        causes.push(Cause::invalid("spec.maxReplicas", &spec["maxReplicas"], detail));
    }
    if least.is_some_and(|least| least < 1) {
        let detail = "must be greater than or equal to 1";
        causes.push(Cause::invalid("spec.minReplicas", &spec["minReplicas"], detail));
    }
    if let (Some(least), Some(most)) = (least, most)
        && most < least
    {
        let detail = "must be greater than or equal to `minReplicas`";
        causes.push(Cause::invalid("spec.maxReplicas", &spec["maxReplicas"], detail));
    }
    for member in ["kind", "name"] {
        checks::require(&mut causes, &spec["scaleTargetRef"], member, "spec.scaleTargetRef");
    }
    causes
}

pub(super) fn quota(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (name, found) in value["spec"]["hard"].as_object().into_iter().flatten() {
        if checks::quantity(found).is_none_or(|amount| amount < 0.0) {
            let detail = "must be greater than or equal to 0";
            causes.push(Cause::invalid(format!("spec.hard[{name}]"), found, detail));
        }
    }
    causes
}

pub(super) fn priority(old: Option<&Value>, value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let number = value["value"].as_i64().unwrap_or_default();
    let system = text(&value["metadata"], "name").starts_with("system-");
    if number > 1_000_000_000 && !system {
        let detail = "maximum allowed value of a user defined priority is 1000000000";
        causes.push(Cause::forbidden("value", detail));
    }
    if let Some(old) = old {
        for member in ["value", "preemptionPolicy"] {
            if old[member] != value[member] {
                causes.push(Cause::invalid(member, &value[member], "field is immutable"));
            }
        }
    }
    causes
}
