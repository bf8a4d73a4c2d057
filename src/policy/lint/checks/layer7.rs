//! NP4007, NP5001, NP5003 and NP5005: what proxies are told.

use super::super::{
    context::Context,
    edit::{Snippet, add_item},
    finding::{Finding, Safety},
    release::may_be_old,
    tree::{Item, RuleNode, Spec, is_cilium, items},
};
use crate::policy::{
    parse::names_of,
    rule::Direction,
    text::{Node, Value},
};

pub(in super::super) fn check(context: &Context<'_>) {
    for (spec, rule) in context.rules().filter(|(_, rule)| is_cilium(rule.object)) {
        for group in rule.port_groups() {
            expressions(context, rule, &group);
            protocols(context, rule, &group);
            server_names(context, rule, &group);
            without_isolation(context, spec, rule, &group);
        }
    }
}

fn list<'a>(node: &'a Node, path: &[&str]) -> &'a [Node] {
    node.at(path).map(Node::items).unwrap_or_default()
}

/// NP4007: expressions that mean something else than they look like.
fn expressions(context: &Context<'_>, rule: &RuleNode<'_>, group: &Item<'_>) {
    let reference = &rule.object.parsed.reference;
    for (n, item) in list(group.node, &["rules", "http"]).iter().enumerate() {
        let path = format!("{}.rules.http[{n}]", group.path);
        if let Some(host) = item.get("host")
            && let Some(text) = host.text()
            && has_bare_dot(text)
        {
            let message =
                format!("host is a regular expression, and in {text:?} a dot means any character");
            let fixed = format!("'{}'", escape_dots(text));
            context.report(
                Finding::new("NP4007", reference, (host, &path), message)
                    .note(format!("write {fixed}"))
                    .fix(Safety::Unsafe, host.span, fixed.clone()),
            );
        }
        let Some(node) = item.get("path") else { continue };
        let Some(text) = node.text() else { continue };
        let message = if text.ends_with("/*") {
            format!(
                "path is a regular expression: {text:?} ends in any number of slashes, not in anything"
            )
        } else if text.len() > 1 && text.ends_with('/') {
            format!("path is matched as a whole: {text:?} is this path alone, not what is below it")
        } else {
            continue;
        };
        let fixed = format!("{}/.*", text.trim_end_matches('*').trim_end_matches('/'));
        context.report(
            Finding::new("NP4007", reference, (node, &path), message)
                .note(format!("for everything below it, write {fixed:?}")),
        );
    }
}

/// Tells whether a text has a dot that is no part of `\.`, `.*` and the like, nor of a class.
fn has_bare_dot(text: &str) -> bool {
    bare_dots(text).next().is_some()
}

fn bare_dots(text: &str) -> impl Iterator<Item = usize> {
    let bytes = text.as_bytes();
    (0..bytes.len()).filter(move |&n| {
        let escaped = n > 0 && bytes[n - 1] == b'\\';
        let repeated = matches!(bytes.get(n + 1), Some(b'*' | b'+' | b'?' | b'{'));
        let in_class = text[..n].rfind('[') > text[..n].rfind(']');
        bytes[n] == b'.' && !escaped && !repeated && !in_class
    })
}

fn escape_dots(text: &str) -> String {
    let dots: Vec<usize> = bare_dots(text).collect();
    let escape = |(n, c): (usize, char)| {
        if dots.contains(&n) { format!("\\{c}") } else { c.to_string() }
    };
    text.char_indices().map(escape).collect()
}

/// Ports that usually speak something else than HTTP.
const OTHERS: [(&str, &str); 14] = [
    ("443", "TLS"),
    ("6443", "TLS"),
    ("8443", "TLS"),
    ("https", "TLS"),
    ("3306", "MySQL"),
    ("mysql", "MySQL"),
    ("5432", "PostgreSQL"),
    ("postgres", "PostgreSQL"),
    ("6379", "Redis"),
    ("redis", "Redis"),
    ("9092", "Kafka"),
    ("27017", "MongoDB"),
    ("22", "SSH"),
    ("25", "SMTP"),
];

/// NP5001.
fn protocols(context: &Context<'_>, rule: &RuleNode<'_>, group: &Item<'_>) {
    let has_http = !list(group.node, &["rules", "http"]).is_empty();
    if !has_http || group.node.get("terminatingTLS").is_some() {
        return;
    }
    for item in list(group.node, &["ports"]) {
        let Some(port) = item.get("port") else { continue };
        let Some(text) = port.text() else { continue };
        let lower = text.to_ascii_lowercase();
        let Some((_, speaks)) = OTHERS.iter().find(|(own, _)| *own == lower) else { continue };
        let message =
            format!("port {text} usually speaks {speaks}, which no HTTP rule can look into");
        let mut finding =
            Finding::new("NP5001", &rule.object.parsed.reference, (port, &group.path), message);
        if *speaks == "TLS" {
            finding =
                finding.note("add terminatingTLS, or allow by serverNames instead of HTTP rules");
        }
        context.report(finding);
    }
}

/// NP5003.
fn without_isolation(
    context: &Context<'_>,
    spec: &Spec<'_>,
    rule: &RuleNode<'_>,
    group: &Item<'_>,
) {
    let direction = rule.direction.name();
    let switch = spec.node.at(&["enableDefaultDeny", direction]);
    let is_off = switch.is_some_and(|switch| switch.value == Value::Bool(false));
    let everything = [("http", "{}"), ("dns", "{matchPattern: \"*\"}")];
    let named = |(kind, all): (&str, &'static str)| {
        let list = group.node.at(&["rules", kind])?;
        (!list.items().is_empty()).then_some((list, all))
    };
    let is_old = may_be_old(context.corpus.release);
    if let (true, Some((list, all))) = (is_off && is_old, everything.into_iter().find_map(named)) {
        let message = "layer 7 rules without default deny: Cilium before 1.18 denies requests that they do not name";
        let place = group.node.get("rules").unwrap_or(group.node);
        context.report(
            Finding::new("NP5003", &rule.object.parsed.reference, (place, &group.path), message)
                .note("for those releases add a rule that admits everything: `http: [{}]`, or `dns: [{matchPattern: \"*\"}]`")
                .edits(Safety::Display, add_item(list, &Snippet::line(all))),
        );
    }
}

/// NP5005.
fn server_names(context: &Context<'_>, rule: &RuleNode<'_>, group: &Item<'_>) {
    let Some(fqdns) = rule.node.get("toFQDNs").filter(|_| rule.direction == Direction::Egress)
    else {
        return;
    };
    let known: Vec<_> =
        items("toFQDNs", fqdns, "").iter().filter_map(|item| names_of(item.node)).collect();
    for name in list(group.node, &["serverNames"]) {
        let Some(text) = name.text() else { continue };
        let example = text.replace("**", "x.y").replace('*', "x").to_ascii_lowercase();
        let admits = |names: &crate::policy::rule::Names| {
            names.matches(&example) || names.written == text.to_ascii_lowercase()
        };
        if !known.is_empty() && !known.iter().any(admits) {
            let message =
                format!("{text:?} is none of the names in toFQDNs, so no connection has both");
            context.report(
                Finding::new("NP5005", &rule.object.parsed.reference, (name, &group.path), message)
                    .note("use the same names in both lists"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots() {
        for (text, expected) in [
            ("example.com", "example\\.com"),
            ("example\\.com", "example\\.com"),
            (".*\\.example\\.com", ".*\\.example\\.com"),
            ("[a.b]x", "[a.b]x"),
        ] {
            assert_eq!(escape_dots(text), expected);
        }
    }
}
