//! The rules of services.

use std::net::IpAddr;

use serde_json::Value;

use super::checks::{self, items, text};
use crate::lab::apiserver::refusal::Cause;

/// Returns what is wrong with a service.
pub(super) fn validate(old: Option<&Value>, value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &value["spec"];
    let kind = text(spec, "type");
    let headless = spec["clusterIP"] == "None";
    if spec["ports"].as_array().is_none_or(Vec::is_empty) && kind != "ExternalName" && !headless {
        causes.push(Cause::required("spec.ports", ""));
    }
    check_ports(&mut causes, spec);
    let types = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
    checks::word(&mut causes, spec, "type", "spec", &types);
    checks::word(&mut causes, spec, "sessionAffinity", "spec", &["ClientIP", "None"]);
    checks::word(&mut causes, spec, "internalTrafficPolicy", "spec", &["Cluster", "Local"]);
    let policies = ["SingleStack", "PreferDualStack", "RequireDualStack"];
    checks::word(&mut causes, spec, "ipFamilyPolicy", "spec", &policies);
    checks::labels(&mut causes, &spec["selector"], "spec.selector");
    let outside = matches!(kind, "NodePort" | "LoadBalancer");
    let known = ["Cluster", "Local"];
    checks::word(&mut causes, spec, "externalTrafficPolicy", "spec", &known);
    let has_external = spec["externalIPs"].as_array().is_some_and(|ips| !ips.is_empty());
    if !text(spec, "externalTrafficPolicy").is_empty() && !outside && !has_external {
        let detail = "may only be set for externally-accessible services";
        let found = &spec["externalTrafficPolicy"];
        causes.push(Cause::invalid("spec.externalTrafficPolicy", found, detail));
    }
    check_kind(&mut causes, spec, kind, headless);
    for (at, address) in items(spec, "externalIPs", "spec") {
        check_address(&mut causes, address, at);
    }
    for (index, range) in
        spec["loadBalancerSourceRanges"].as_array().into_iter().flatten().enumerate()
    {
        if range.as_str().unwrap_or_default().trim().parse::<ipnet::IpNet>().is_err() {
            let field = format!("spec.loadBalancerSourceRanges[{index}]");
            let detail = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
            causes.push(Cause::invalid(field, range, detail));
        }
    }
    if let Some(old) = old {
        check_changes(&mut causes, &old["spec"], spec);
    }
    causes
}

fn check_ports(causes: &mut Vec<Cause>, spec: &Value) {
    let several = spec["ports"].as_array().is_some_and(|ports| ports.len() > 1);
    let (mut names, mut numbers, mut node_ports) = (Vec::new(), Vec::new(), Vec::new());
    for (at, port) in items(spec, "ports", "spec") {
        let name = text(port, "name");
        if name.is_empty() && several {
            causes.push(Cause::required(format!("{at}.name"), ""));
        } else if !name.is_empty() {
            checks::label(causes, name, format!("{at}.name"));
            if names.contains(&name) {
                causes.push(Cause::duplicate(format!("{at}.name"), &name.into()));
            }
            names.push(name);
        }
        checks::port(causes, &port["port"], format!("{at}.port"));
        checks::word(causes, port, "protocol", &at, &["SCTP", "TCP", "UDP"]);
        checks::port_or_name(causes, &port["targetPort"], format!("{at}.targetPort"));
        let key = (&port["port"], &port["protocol"]);
        if numbers.contains(&key) {
            causes.push(Cause::duplicate(at.clone(), port));
        }
        numbers.push(key);
        let Some(node) = port["nodePort"].as_i64().filter(|number| *number != 0) else { continue };
        let field = format!("{at}.nodePort");
        if !matches!(text(spec, "type"), "NodePort" | "LoadBalancer") {
            let detail = "may not be used when `type` is 'ClusterIP'";
            causes.push(Cause::forbidden(field, detail));
        } else if !(30000..=32767).contains(&node) {
            let detail =
                "provided port is not in the valid range. The range of valid ports is 30000-32767";
            causes.push(Cause::invalid(field, &port["nodePort"], detail));
        } else if node_ports.contains(&(node, &port["protocol"])) {
            causes.push(Cause::duplicate(field, &port["nodePort"]));
        } else {
            node_ports.push((node, &port["protocol"]));
        }
    }
}

fn check_kind(causes: &mut Vec<Cause>, spec: &Value, kind: &str, headless: bool) {
    if kind == "ExternalName" {
        let name = text(spec, "externalName").trim_end_matches('.');
        checks::subdomain(causes, name, "spec.externalName".to_owned());
        if !text(spec, "clusterIP").is_empty() {
            let detail = "may not be set when `type` is 'ExternalName'";
            causes.push(Cause::forbidden("spec.clusterIPs", detail));
        }
        return;
    }
    if headless && matches!(kind, "NodePort" | "LoadBalancer") {
        let detail = format!("may not be set to 'None' for {kind} services");
        causes.push(Cause::invalid("spec.clusterIPs[0]", &spec["clusterIP"], &detail));
    }
    for (at, address) in items(spec, "clusterIPs", "spec") {
        if *address != "None" {
            check_address(causes, address, at);
        }
    }
    let address = text(spec, "clusterIP");
    if !matches!(address, "" | "None") && spec["clusterIPs"].is_null() {
        check_address(causes, &spec["clusterIP"], "spec.clusterIP".to_owned());
    }
}

fn check_address(causes: &mut Vec<Cause>, address: &Value, field: String) {
    if address.as_str().unwrap_or_default().parse::<IpAddr>().is_err() {
        let detail = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
        causes.push(Cause::invalid(field, address, detail));
    }
}

/// The primary address of a service stays while the service has one.
fn check_changes(causes: &mut Vec<Cause>, old: &Value, new: &Value) {
    let external = |spec: &Value| spec["type"] == "ExternalName";
    let before = text(old, "clusterIP");
    if !external(old) && !external(new) && !before.is_empty() && before != text(new, "clusterIP") {
        let list = serde_json::json!([new["clusterIP"]]);
        let found = if new["clusterIPs"].is_array() { &new["clusterIPs"] } else { &list };
        let detail = "may not change once set";
        causes.push(Cause::invalid("spec.clusterIPs[0]", found, detail));
    }
}
