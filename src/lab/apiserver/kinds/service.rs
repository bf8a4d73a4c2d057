//! Services, and small defaults of other core kinds.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{default, items_mut};
use crate::lab::apiserver::refusal::Cause;

pub(super) fn defaults(value: &mut Value) {
    default(value, "spec", json!({}));
    default(value, "status", json!({"loadBalancer": {}}));
    let spec = &mut value["spec"];
    default(spec, "type", "ClusterIP");
    default(spec, "sessionAffinity", "None");
    if spec["type"] != "ExternalName" {
        default(spec, "internalTrafficPolicy", "Cluster");
    }
    if spec["clusterIP"] == "None" {
        default(spec, "clusterIPs", json!(["None"]));
    }
    if matches!(spec["type"].as_str(), Some("NodePort" | "LoadBalancer")) {
        default(spec, "externalTrafficPolicy", "Cluster");
    }
    if spec["type"] == "LoadBalancer" {
        default(spec, "allocateLoadBalancerNodePorts", true);
    }
    for port in items_mut(spec, "ports") {
        default(port, "protocol", "TCP");
        let number = port["port"].clone();
        default(port, "targetPort", number);
    }
}

pub(super) fn validate(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &value["spec"];
    let ports = spec["ports"].as_array().map_or(&[][..], Vec::as_slice);
    if ports.is_empty() && spec["type"] != "ExternalName" && spec["clusterIP"] != "None" {
        causes.push(Cause::required("spec.ports", ""));
    }
    let (mut names, mut numbers) = (Vec::new(), Vec::new());
    for (index, port) in ports.iter().enumerate() {
        let field = |member: &str| format!("spec.ports[{index}].{member}");
        let name = port["name"].as_str().unwrap_or_default();
        if name.is_empty() && ports.len() > 1 {
            causes.push(Cause::required(field("name"), ""));
        } else if names.contains(&name) {
            let message = format!("Duplicate value: {name:?}");
            causes.push(Cause { reason: "FieldValueDuplicate", message, field: field("name") });
        }
        names.push(name);
        let number = port["port"].as_i64().unwrap_or_default();
        if !(1..=65535).contains(&number) {
            let detail = "must be between 1 and 65535, inclusive";
            causes.push(Cause::invalid(field("port"), &port["port"], detail));
        }
        let key = (number, port["protocol"].as_str());
        if numbers.contains(&key) {
            let message = format!("Duplicate value: {port}");
            let field = format!("spec.ports[{index}]");
            causes.push(Cause { reason: "FieldValueDuplicate", message, field });
        }
        numbers.push(key);
    }
    causes
}

/// Turns `stringData` into `data`.
pub(super) fn secret_defaults(value: &mut Value) {
    default(value, "type", "Opaque");
    let Some(members) = value.as_object_mut() else { return };
    let Some(Value::Object(plain)) = members.shift_remove("stringData") else { return };
    for (key, text) in plain {
        let encoded = STANDARD.encode(text.as_str().unwrap_or_default());
        value["data"][key.as_str()] = encoded.into();
    }
}

/// A policy without types is about ingress, and about egress if it has egress rules.
pub(super) fn network_policy_defaults(value: &mut Value) {
    let spec = &mut value["spec"];
    let types = if spec["egress"].as_array().is_some_and(|rules| !rules.is_empty()) {
        json!(["Ingress", "Egress"])
    } else {
        json!(["Ingress"])
    };
    default(spec, "policyTypes", types);
    for direction in ["ingress", "egress"] {
        for rule in items_mut(spec, direction) {
            for port in items_mut(rule, "ports") {
                default(port, "protocol", "TCP");
            }
        }
    }
}

pub(super) fn status_balancer(value: &mut Value) {
    default(value, "status", json!({"loadBalancer": {}}));
}
