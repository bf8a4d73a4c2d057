//! What a proxy must see to: HTTP, DNS, TLS, listeners.

use regex::Regex;

use super::spec::Scope;
use crate::policy::{
    parse::{
        cursor::{Cursor, Fields},
        domain,
        port::PortItem,
        problem::ProblemCode,
    },
    rule::{Direction, PolicyKind, PortMatch, Protocol, Proxy, ProxyKind},
};

// Which proxy is asked if rules disagree; lower wins.
const HTTP: u8 = 101;
const TLS: u8 = 116;
const DNS: u8 = 121;
const LISTENER: u8 = 126;

/// Reads everything beside the ports of a `toPorts` item.
pub(super) fn read(
    scope: &Scope<'_>,
    fields: &Fields<'_>,
    ports: &[PortItem<'_>],
) -> Option<Proxy> {
    let rules = rules(scope, fields, ports);
    let terminates = tls(fields, "terminatingTLS");
    let originates = tls(fields, "originatingTLS");
    let names = domain::server_names(fields);
    if names && rules.is_some() && !terminates {
        fields.cursor.refuse("serverNames beside rules need terminatingTLS");
    }
    if let Some(listener) = listener(scope, fields) {
        if rules.is_some() {
            fields.cursor.refuse("takes either rules or listener");
        }
        return Some(listener);
    }
    let needs_tls = names || terminates || originates;
    match rules {
        Some(proxy) => Some(proxy),
        None if needs_tls => Some(Proxy { kind: ProxyKind::Tls, priority: TLS }),
        None => None,
    }
}

fn rules(scope: &Scope<'_>, fields: &Fields<'_>, ports: &[PortItem<'_>]) -> Option<Proxy> {
    let rules = fields.get("rules")?;
    for gone in ["kafka", "l7", "l7proto"] {
        if rules.node.get(gone).is_some() {
            let message = format!("{gone} rules are gone, and without them more would be allowed");
            rules.note(ProblemCode::RemovedLayer7, message);
        }
    }
    let kinds = rules.fields(&["http", "dns", "kafka", "l7", "l7proto"])?;
    let items = |key| kinds.list(key).filter(|items: &Vec<Cursor<'_>>| !items.is_empty());
    match (items("http"), items("dns")) {
        (Some(_), Some(_)) => {
            rules.refuse("takes either http or dns");
            None
        }
        (Some(http), None) => {
            http.iter().for_each(http_rule);
            check_http(scope, &rules, ports);
            Some(Proxy { kind: ProxyKind::Http, priority: HTTP })
        }
        (None, Some(dns)) => {
            for item in &dns {
                domain::names(item);
            }
            check_dns(scope, &rules, ports);
            Some(Proxy { kind: ProxyKind::Dns, priority: DNS })
        }
        (None, None) => None,
    }
}

fn check_http(scope: &Scope<'_>, rules: &Cursor<'_>, ports: &[PortItem<'_>]) {
    if scope.is_host() {
        rules.refuse("http rules cannot apply to hosts");
    }
    for item in ports {
        if item.protocol != Some(Protocol::Tcp) {
            item.cursor.refuse("http rules need protocol TCP");
        }
        check_port_given(item);
    }
}

fn check_dns(scope: &Scope<'_>, rules: &Cursor<'_>, ports: &[PortItem<'_>]) {
    if scope.direction == Direction::Ingress {
        rules.refuse("dns rules are for egress");
    }
    if ports.is_empty() {
        rules.refuse("dns rules need a port");
    }
    for item in ports {
        if item.protocol == Some(Protocol::Sctp) {
            item.cursor.refuse("dns rules need protocol TCP, UDP or ANY");
        }
        if matches!(item.ports, PortMatch::Range(range) if range.first != range.last) {
            item.cursor.refuse("dns rules need a port of their own, not a range");
        }
        check_port_given(item);
    }
}

fn check_port_given(item: &PortItem<'_>) {
    if item.ports == PortMatch::Any {
        item.cursor.refuse("layer 7 rules need a port other than 0");
    }
}

fn http_rule(item: &Cursor<'_>) {
    let known = ["path", "method", "host", "headers", "headerMatches"];
    let Some(fields) = item.fields(&known) else { return };
    for key in ["path", "method"] {
        let Some(cursor) = fields.get(key) else { continue };
        if let Some(Err(error)) = cursor.text().map(Regex::new) {
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ");
            cursor.refuse(format!("is no regular expression: {reason}"));
        }
    }
    let _ = fields.text("host");
    for header in fields.list("headers").unwrap_or_default() {
        let _ = header.text();
    }
    fields.list("headerMatches").unwrap_or_default().iter().for_each(header_match);
}

fn header_match(item: &Cursor<'_>) {
    let Some(fields) = item.fields(&["name", "value", "secret", "mismatch"]) else { return };
    if fields.text("name").is_none_or(str::is_empty) {
        item.refuse("name must be given");
    }
    if let Some(mismatch) = fields.get("mismatch")
        && let Some(text) = mismatch.text()
        && !matches!(text, "" | "LOG" | "ADD" | "DELETE" | "REPLACE")
    {
        mismatch.refuse(format!("{text:?} is none of LOG, ADD, DELETE, REPLACE"));
    }
    secret(&fields);
}

fn secret(fields: &Fields<'_>) {
    let Some(secret) = fields.get("secret").and_then(|s| s.fields(&["name", "namespace"])) else {
        return;
    };
    if secret.text("name").is_none_or(str::is_empty) {
        secret.cursor.refuse("name must be given");
    }
}

fn tls(fields: &Fields<'_>, key: &str) -> bool {
    let known = ["secret", "trustedCA", "certificate", "privateKey"];
    let Some(context) = fields.get(key).and_then(|tls| tls.fields(&known)) else { return false };
    if context.get("secret").is_none() {
        context.cursor.refuse("secret must be given");
    }
    secret(&context);
    true
}

fn listener(scope: &Scope<'_>, fields: &Fields<'_>) -> Option<Proxy> {
    let cursor = fields.get("listener")?;
    let listener = cursor.fields(&["envoyConfig", "name", "priority"])?;
    if scope.direction == Direction::Ingress {
        cursor.refuse("listeners are for egress");
    }
    let name = listener.text("name").unwrap_or_default();
    if name.is_empty() {
        cursor.refuse("name must be given");
    }
    let config = listener.get("envoyConfig").and_then(|c| c.fields(&["kind", "name"]));
    match config {
        Some(config) if config.text("name").is_none_or(str::is_empty) => {
            config.cursor.refuse("name must be given");
        }
        Some(config) => {
            let is_cluster =
                scope.object.reference.kind == PolicyKind::CiliumClusterwideNetworkPolicy;
            if is_cluster && config.text("kind") == Some("CiliumEnvoyConfig") {
                config
                    .cursor
                    .refuse("a policy of the cluster needs a CiliumClusterwideEnvoyConfig");
            }
        }
        None => cursor.refuse("envoyConfig must be given"),
    }
    let priority = match listener.get("priority") {
        Some(priority) => u8::try_from(priority.number(1, 100)?).ok()?,
        None => LISTENER,
    };
    Some(Proxy { kind: ProxyKind::Listener(name.to_owned()), priority })
}
