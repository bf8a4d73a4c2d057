//! Services, and small defaults of other core kinds.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{default, items_mut};

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
