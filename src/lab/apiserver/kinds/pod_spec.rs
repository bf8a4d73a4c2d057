//! The rules of pods, in pods and in templates.

use std::collections::HashSet;

use serde_json::Value;

use super::checks::{self, items, text};
use super::volumes;
use crate::lab::apiserver::refusal::Cause;

const CONTAINERS: &[&str] = &["initContainers", "containers"];

/// Returns what is wrong with the spec of a pod or of a template; `claims` are the volumes that a controller will add.
pub(super) fn causes(spec: &Value, path: &str, claims: &[&str]) -> Vec<Cause> {
    let mut causes = Vec::new();
    let mut volumes = volumes::check(&mut causes, spec, path);
    volumes.extend(claims);
    if spec["containers"].as_array().is_none_or(Vec::is_empty) {
        causes.push(Cause::required(format!("{path}.containers"), ""));
    }
    let mut names = HashSet::new();
    let mut host_ports = HashSet::new();
    for list in CONTAINERS {
        for (at, container) in items(spec, list, path) {
            let name = text(container, "name");
            checks::label(&mut causes, name, format!("{at}.name"));
            if !name.is_empty() && !names.insert(name) {
                causes.push(Cause::duplicate(format!("{at}.name"), &name.into()));
            }
            check_container(&mut causes, container, &at);
            check_ports(&mut causes, container, &at, spec, &mut host_ports);
            volumes::check_mounts(&mut causes, container, &at, &volumes);
        }
    }
    checks::word(&mut causes, spec, "restartPolicy", path, &["Always", "OnFailure", "Never"]);
    checks::word(
        &mut causes,
        spec,
        "dnsPolicy",
        path,
        &["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"],
    );
    checks::not_negative(&mut causes, spec, "terminationGracePeriodSeconds", path);
    checks::positive(&mut causes, spec, "activeDeadlineSeconds", path);
    if spec["dnsPolicy"] == "None"
        && spec["dnsConfig"]["nameservers"].as_array().is_none_or(Vec::is_empty)
    {
        let detail = "must provide at least one DNS nameserver when `dnsPolicy` is None";
        causes.push(Cause::required(format!("{path}.dnsConfig.nameservers"), detail));
    }
    checks::labels(&mut causes, &spec["nodeSelector"], &format!("{path}.nodeSelector"));
    for member in ["hostname", "subdomain"] {
        if !text(spec, member).is_empty() {
            checks::label(&mut causes, text(spec, member), format!("{path}.{member}"));
        }
    }
    if !text(spec, "serviceAccountName").is_empty() {
        let field = format!("{path}.serviceAccountName");
        checks::subdomain(&mut causes, text(spec, "serviceAccountName"), field);
    }
    check_tolerations(&mut causes, spec, path);
    check_affinity(&mut causes, &spec["affinity"], &format!("{path}.affinity"));
    causes
}

fn check_container(causes: &mut Vec<Cause>, container: &Value, at: &str) {
    if text(container, "image").is_empty() {
        causes.push(Cause::required(format!("{at}.image"), ""));
    } else if text(container, "image").trim() != text(container, "image") {
        let detail = "must not have leading or trailing whitespace";
        causes.push(Cause::invalid(format!("{at}.image"), &container["image"], detail));
    }
    checks::word(causes, container, "imagePullPolicy", at, &["Always", "IfNotPresent", "Never"]);
    for (at, variable) in items(container, "env", at) {
        let name = text(variable, "name");
        if name.is_empty() {
            causes.push(Cause::required(format!("{at}.name"), ""));
        } else if name.contains('=') || !name.bytes().all(|b| (0x20..0x7f).contains(&b)) {
            let detail = "a valid environment variable name must consist only of printable ASCII characters other than '='";
            causes.push(Cause::invalid(format!("{at}.name"), &variable["name"], detail));
        }
        if !text(variable, "value").is_empty() && variable["valueFrom"].is_object() {
            let detail = "may not be specified when `value` is not empty";
            causes.push(Cause::invalid(format!("{at}.valueFrom"), &"".into(), detail));
        }
    }
    check_resources(causes, &container["resources"], &format!("{at}.resources"));
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if container[probe].is_object() {
            check_probe(causes, &container[probe], &format!("{at}.{probe}"), probe);
        }
    }
}

fn check_resources(causes: &mut Vec<Cause>, resources: &Value, path: &str) {
    for member in ["limits", "requests"] {
        for (name, value) in resources[member].as_object().into_iter().flatten() {
            let field = format!("{path}.{member}[{name}]");
            match checks::quantity(value) {
                None => {
                    let detail = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
                    causes.push(Cause::invalid(field, value, detail));
                }
                Some(number) if number < 0.0 => {
                    let detail = "must be greater than or equal to 0";
                    causes.push(Cause::invalid(field, value, detail));
                }
                Some(_) => {}
            }
        }
    }
    for (name, request) in resources["requests"].as_object().into_iter().flatten() {
        let limit = &resources["limits"][name];
        if let (Some(asked), Some(most)) = (checks::quantity(request), checks::quantity(limit))
            && asked > most
        {
            let limit = limit.as_str().map_or_else(|| limit.to_string(), str::to_owned);
            let detail = format!("must be less than or equal to {name} limit of {limit}");
            causes.push(Cause::invalid(format!("{path}.requests"), request, &detail));
        }
    }
}

fn check_probe(causes: &mut Vec<Cause>, probe: &Value, path: &str, kind: &str) {
    let handlers = ["exec", "httpGet", "tcpSocket", "grpc"];
    let found: Vec<&str> = handlers.into_iter().filter(|name| probe[*name].is_object()).collect();
    match found.as_slice() {
        [] => causes.push(Cause::required(path, "must specify a handler type")),
        [handler] => {
            let at = format!("{path}.{handler}");
            let handler_value = &probe[*handler];
            match *handler {
                "exec" if handler_value["command"].as_array().is_none_or(Vec::is_empty) => {
                    causes.push(Cause::required(format!("{at}.command"), ""));
                }
                "httpGet" | "tcpSocket" if handler_value["port"].is_null() => {
                    causes.push(Cause::required(format!("{at}.port"), ""));
                }
                "httpGet" | "tcpSocket" | "grpc" => {
                    checks::port_or_name(causes, &handler_value["port"], format!("{at}.port"));
                }
                _ => {}
            }
        }
        [_, more, ..] => causes.push(Cause::forbidden(
            format!("{path}.{more}"),
            "may not specify more than 1 handler type",
        )),
    }
    for member in ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "failureThreshold"] {
        checks::not_negative(causes, probe, member, path);
    }
    if kind != "readinessProbe" && probe["successThreshold"].as_i64().is_some_and(|n| n != 1) {
        let field = format!("{path}.successThreshold");
        causes.push(Cause::invalid(field, &probe["successThreshold"], "must be 1"));
    }
}

fn check_ports<'a>(
    causes: &mut Vec<Cause>,
    container: &'a Value,
    at: &str,
    spec: &Value,
    host_ports: &mut HashSet<(i64, &'a str, &'a str)>,
) {
    let mut names = HashSet::new();
    for (at, port) in items(container, "ports", at) {
        let name = text(port, "name");
        if !name.is_empty() {
            checks::port_name(causes, name, format!("{at}.name"));
            if !names.insert(name) {
                causes.push(Cause::duplicate(format!("{at}.name"), &name.into()));
            }
        }
        if port["containerPort"].as_i64().unwrap_or_default() == 0 {
            causes.push(Cause::required(format!("{at}.containerPort"), ""));
        } else {
            checks::port(causes, &port["containerPort"], format!("{at}.containerPort"));
        }
        checks::word(causes, port, "protocol", &at, &["SCTP", "TCP", "UDP"]);
        let Some(host) = port["hostPort"].as_i64().filter(|number| *number != 0) else { continue };
        checks::port(causes, &port["hostPort"], format!("{at}.hostPort"));
        if spec["hostNetwork"] == true && port["containerPort"] != host {
            let detail = "must match `hostPort` when `hostNetwork` is true";
            let field = format!("{at}.containerPort");
            causes.push(Cause::invalid(field, &port["containerPort"], detail));
        }
        let key = (host, text(port, "protocol"), text(port, "hostIP"));
        if !host_ports.insert(key) {
            causes.push(Cause::duplicate(format!("{at}.hostPort"), &port["hostPort"]));
        }
    }
}

fn check_tolerations(causes: &mut Vec<Cause>, spec: &Value, path: &str) {
    for (at, toleration) in items(spec, "tolerations", path) {
        checks::word(
            causes,
            toleration,
            "effect",
            &at,
            &["", "NoSchedule", "PreferNoSchedule", "NoExecute"],
        );
        let key = text(toleration, "key");
        let operator = text(toleration, "operator");
        if key.is_empty() && operator != "Exists" {
            let detail = "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
            causes.push(Cause::invalid(format!("{at}.operator"), &operator.into(), detail));
        }
        if operator == "Exists" && !text(toleration, "value").is_empty() {
            let detail = "value must be empty when `operator` is 'Exists'";
            causes.push(Cause::invalid(format!("{at}.operator"), &toleration["value"], detail));
        }
        if !matches!(operator, "" | "Exists" | "Equal" | "Lt" | "Gt") {
            let known = ["Equal", "Exists"];
            causes.push(Cause::unsupported(format!("{at}.operator"), &operator.into(), &known));
        }
    }
}

fn check_affinity(causes: &mut Vec<Cause>, affinity: &Value, path: &str) {
    for kind in ["podAffinity", "podAntiAffinity"] {
        let (wanted, at) = (&affinity[kind], format!("{path}.{kind}"));
        let hard = "requiredDuringSchedulingIgnoredDuringExecution";
        let soft = "preferredDuringSchedulingIgnoredDuringExecution";
        let hard = items(wanted, hard, &at);
        let soft = items(wanted, soft, &at)
            .map(|(at, item)| (format!("{at}.podAffinityTerm"), &item["podAffinityTerm"]));
        for (at, term) in hard.chain(soft) {
            if text(term, "topologyKey").is_empty() {
                causes.push(Cause::required(format!("{at}.topologyKey"), "can not be empty"));
            }
            checks::selector(causes, &term["labelSelector"], &format!("{at}.labelSelector"));
        }
    }
    let required = &affinity["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    if required.is_object() && required["nodeSelectorTerms"].as_array().is_none_or(Vec::is_empty) {
        let field = format!(
            "{path}.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"
        );
        causes.push(Cause::required(field, "must have at least one node selector term"));
    }
}
