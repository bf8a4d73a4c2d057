//! The rules of Ingresses and NetworkPolicies.

use ipnet::IpNet;
use serde_json::Value;

use super::checks::{self, items, text};
use crate::lab::apiserver::refusal::Cause;

pub(super) fn ingress(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &value["spec"];
    let rules = spec["rules"].as_array().is_some_and(|rules| !rules.is_empty());
    if !rules && spec["defaultBackend"].is_null() {
        let detail = "either `defaultBackend` or `rules` must be specified";
        causes.push(Cause::invalid("spec", &"".into(), detail));
    }
    if spec["defaultBackend"].is_object() {
        backend(&mut causes, &spec["defaultBackend"], "spec.defaultBackend");
    }
    for (at, rule) in items(spec, "rules", "spec") {
        let host = text(rule, "host");
        if host.parse::<std::net::IpAddr>().is_ok() {
            let detail = "must be a DNS name, not an IP address";
            causes.push(Cause::invalid(format!("{at}.host"), &rule["host"], detail));
        } else if !host.is_empty() {
            let name = host.strip_prefix("*.").unwrap_or(host);
            checks::subdomain(&mut causes, name, format!("{at}.host"));
        }
        if !rule["http"].is_null() && rule["http"]["paths"].as_array().is_none_or(Vec::is_empty) {
            causes.push(Cause::required(format!("{at}.http.paths"), ""));
        }
        for (at, path) in items(&rule["http"], "paths", &format!("{at}.http")) {
            if path["pathType"].is_null() {
                causes
                    .push(Cause::required(format!("{at}.pathType"), "pathType must be specified"));
            }
            let known = ["Exact", "ImplementationSpecific", "Prefix"];
            checks::word(&mut causes, path, "pathType", &at, &known);
            if matches!(text(path, "pathType"), "Exact" | "Prefix")
                && !text(path, "path").starts_with('/')
            {
                let detail = "must be an absolute path";
                let field = format!("{at}.path");
                causes.push(Cause::invalid(field, &text(path, "path").into(), detail));
            }
            backend(&mut causes, &path["backend"], &format!("{at}.backend"));
        }
    }
    causes
}

fn backend(causes: &mut Vec<Cause>, backend: &Value, at: &str) {
    let service = &backend["service"];
    match (service.is_object(), backend["resource"].is_object()) {
        (false, false) => {
            causes.push(Cause::required(at, "cannot have an empty backend"));
        }
        (true, true) => {
            let detail = "cannot set both resource and service backends";
            causes.push(Cause::invalid(at, &"".into(), detail));
        }
        (true, false) => {
            checks::label(causes, text(service, "name"), format!("{at}.service.name"));
            let port = &service["port"];
            let field = format!("{at}.service.port");
            match (text(port, "name"), port["number"].as_i64()) {
                ("", None) => {
                    causes.push(Cause::required(field, "port name or number is required"));
                }
                ("", Some(_)) => checks::port(causes, &port["number"], format!("{field}.number")),
                (name, _) => checks::port_name(causes, name, format!("{field}.name")),
            }
        }
        (false, true) => {}
    }
}

pub(super) fn policy(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &value["spec"];
    checks::selector(&mut causes, &spec["podSelector"], "spec.podSelector");
    for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
        for (at, rule) in items(spec, direction, "spec") {
            for (at, port) in items(rule, "ports", &at) {
                policy_port(&mut causes, port, &at);
            }
            for (at, peer) in items(rule, peers, &at) {
                policy_peer(&mut causes, peer, &at);
            }
        }
    }
    for (index, kind) in spec["policyTypes"].as_array().into_iter().flatten().enumerate() {
        if !matches!(kind.as_str(), Some("Ingress" | "Egress")) {
            let field = format!("spec.policyTypes[{index}]");
            causes.push(Cause::unsupported(field, kind, &["Egress", "Ingress"]));
        }
    }
    if spec["policyTypes"].as_array().is_some_and(|types| types.len() > 2) {
        let detail = "may not specify more than two policyTypes";
        causes.push(Cause::invalid("spec.policyTypes", &spec["policyTypes"], detail));
    }
    causes
}

fn policy_port(causes: &mut Vec<Cause>, port: &Value, at: &str) {
    checks::word(causes, port, "protocol", at, &["SCTP", "TCP", "UDP"]);
    checks::port_or_name(causes, &port["port"], format!("{at}.port"));
    let Some(end) = port["endPort"].as_i64() else { return };
    let field = format!("{at}.endPort");
    match &port["port"] {
        Value::Null => {
            causes.push(Cause::required(format!("{at}.port"), "must be specified when endPort is"));
        }
        Value::String(_) => {
            let detail = "may not be specified when `port` is non-numeric";
            causes.push(Cause::invalid(field, &port["endPort"], detail));
        }
        first if first.as_i64().is_some_and(|first| end < first) => {
            let detail = "must be greater than or equal to `port`";
            causes.push(Cause::invalid(field, &port["endPort"], detail));
        }
        _ => checks::port(causes, &port["endPort"], field),
    }
}

fn policy_peer(causes: &mut Vec<Cause>, peer: &Value, at: &str) {
    let selects = peer["podSelector"].is_object() || peer["namespaceSelector"].is_object();
    let block = &peer["ipBlock"];
    if !selects && !block.is_object() {
        causes.push(Cause::required(at, "must specify a peer"));
    }
    if selects && block.is_object() {
        let detail = "may not specify both ipBlock and another peer";
        causes.push(Cause::forbidden(at, detail));
    }
    for member in ["podSelector", "namespaceSelector"] {
        checks::selector(causes, &peer[member], &format!("{at}.{member}"));
    }
    if !block.is_object() {
        return;
    }
    let field = format!("{at}.ipBlock.cidr");
    let detail = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
    let Ok(network) = text(block, "cidr").parse::<IpNet>() else {
        causes.push(match text(block, "cidr") {
            "" => Cause::required(field, ""),
            _ => Cause::invalid(field, &block["cidr"], detail),
        });
        return;
    };
    for (index, except) in block["except"].as_array().into_iter().flatten().enumerate() {
        let field = format!("{at}.ipBlock.except[{index}]");
        match except.as_str().unwrap_or_default().parse::<IpNet>() {
            Err(_) => causes.push(Cause::invalid(field, except, detail)),
            Ok(inner) if !network.contains(&inner) || inner == network => {
                let detail = "must be a strict subset of `cidr`";
                causes.push(Cause::invalid(field, except, detail));
            }
            Ok(_) => {}
        }
    }
}
