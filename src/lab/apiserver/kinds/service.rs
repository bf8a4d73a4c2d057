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

fn remove(object: &mut Value, member: &str) {
    if let Some(members) = object.as_object_mut() {
        members.shift_remove(member);
    }
}

/// What only some types have goes with the type, unless the update says something new about it.
fn drop_dependent(old: &Value, spec: &mut Value) {
    let outside = |spec: &Value| matches!(spec["type"].as_str(), Some("NodePort" | "LoadBalancer"));
    if outside(old) && !outside(spec) {
        for member in
            ["externalTrafficPolicy", "allocateLoadBalancerNodePorts", "healthCheckNodePort"]
        {
            if spec[member] == old[member] {
                remove(spec, member);
            }
        }
        let before = old["ports"].as_array().into_iter().flatten();
        let before: Vec<&Value> = before.map(|port| &port["nodePort"]).collect();
        for port in items_mut(spec, "ports").filter(|port| before.contains(&&port["nodePort"])) {
            remove(port, "nodePort");
        }
    }
    if spec["type"] == "ExternalName" && old["type"] != "ExternalName" {
        for member in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
            if spec[member] == old[member] {
                remove(spec, member);
            }
        }
    }
}

/// An update that leaves out what was allocated keeps it, as `kubectl replace` of a manifest does.
pub(super) fn keep_allocated(old: &Value, value: &mut Value) {
    let (old, spec) = (&old["spec"], &mut value["spec"]);
    drop_dependent(old, spec);
    if spec["type"] == "ExternalName" || old["type"] == "ExternalName" || !spec.is_object() {
        return;
    }
    if spec["clusterIP"].as_str().is_none_or(str::is_empty) {
        remove(spec, "clusterIP");
        for member in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
            if !old[member].is_null() {
                default(spec, member, old[member].clone());
            }
        }
    }
    if !matches!(spec["type"].as_str(), Some("NodePort" | "LoadBalancer")) {
        return;
    }
    for port in items_mut(spec, "ports") {
        let protocol = port["protocol"].as_str().unwrap_or("TCP").to_owned();
        let same =
            old["ports"].as_array().into_iter().flatten().find(|other| {
                other["port"] == port["port"] && other["protocol"] == protocol.as_str()
            });
        if let Some(node_port) = same.map(|other| &other["nodePort"]).filter(|p| p.is_number()) {
            default(port, "nodePort", node_port.clone());
        }
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
