//! NP1xxx: what is wrong with an object by itself.

use std::collections::HashMap;

use super::super::{
    context::Context,
    cover::subject_covers,
    finding::{Finding, Safety},
    tree::{Item, RuleNode, is_cilium},
};
use crate::policy::{
    parse::{Problem, ProblemCode},
    rule::{Action, Peers, Policy, Ports, Rule},
    text::{Entry, Node, Value},
};

pub(in super::super) fn check(context: &Context<'_>) {
    for object in &context.corpus.objects {
        let root = &object.document.root;
        for problem in &object.parsed.problems {
            context.report(finding(problem, root, &object.parsed.reference));
        }
        names(context, object);
    }
    for (_, rule) in context.rules() {
        for port in rule.ports() {
            port_numbers(context, rule, &port);
        }
    }
    conflicts(context);
}

fn finding(
    problem: &Problem,
    root: &Node,
    object: &std::sync::Arc<crate::policy::rule::PolicyRef>,
) -> Finding {
    let field = problem.message.split('"').nth(1).unwrap_or_default();
    let is_peer_field = matches!(field, "toPorts" | "icmps" | "ports" | "rules");
    let in_labels = problem.path.contains("matchLabels.toPorts");
    let in_peer = ["fromEndpoints[", "toEndpoints[", "from[", "to["]
        .iter()
        .any(|list| problem.path.contains(list));
    let is_indent =
        in_labels || (problem.code == ProblemCode::UnknownField && is_peer_field && in_peer);
    let id = if is_indent { "NP1003" } else { problem.code.code() };
    let at = (root, problem.path.as_str());
    let mut finding = Finding::new(id, object, at, problem.message.clone()).at(problem.span);
    finding.severity = problem.code.severity();
    if is_indent {
        finding = finding.note(
            "it is indented too far: move it two columns to the left, beside the list of peers",
        );
    } else if let Some(name) = &problem.rename {
        finding = finding.fix(Safety::Safe, problem.span, name.clone());
    }
    match problem.code {
        ProblemCode::YamlBoolean => {
            // What was written is not kept, so the text itself is put in quotes.
            finding.fix = Some(super::super::finding::Fix {
                safety: Safety::Safe,
                edits: quotes(problem.span),
            });
        }
        ProblemCode::NoRules => {
            finding = finding.note("to isolate without allowing anything, write `ingress: [{}]`");
        }
        _ => {}
    }
    finding
}

/// Puts a span in quotes.
pub(super) fn quotes(span: crate::policy::text::Span) -> Vec<super::super::finding::Edit> {
    use super::super::finding::Edit;
    use crate::policy::text::Span;
    let at = |mark| Edit { span: Span { start: mark, end: mark }, text: "\"".to_owned() };
    vec![at(span.start), at(span.end)]
}

/// NP1007 in metadata, which the rest of skep does not look at.
fn names(context: &Context<'_>, object: &super::super::corpus::Object) {
    let Some(metadata) = object.document.root.get("metadata") else { return };
    let is_text = |entry: &&Entry| matches!(entry.key.as_str(), "namespace");
    let own = metadata.entries().iter().filter(is_text);
    let maps = ["labels", "annotations"].into_iter().filter_map(|key| metadata.get(key));
    for entry in own.chain(maps.flat_map(Node::entries)) {
        let Value::Bool(is) = entry.node.value else { continue };
        let known = object.parsed.problems.iter().any(|problem| problem.span == entry.node.span);
        if known {
            continue;
        }
        let path = format!("metadata.{}", entry.key);
        let message = format!("must be a string, but YAML reads it as {is}: put it in quotes");
        let reference = &object.parsed.reference;
        let mut finding = Finding::new("NP1007", reference, (&entry.node, &path), message);
        let edits = quotes(entry.node.span);
        finding.fix = Some(super::super::finding::Fix { safety: Safety::Safe, edits });
        context.report(finding);
    }
}

/// NP1005 and NP1006.
fn port_numbers(context: &Context<'_>, rule: &RuleNode<'_>, port: &Item<'_>) {
    let reference = &rule.object.parsed.reference;
    let (Some(first), last) = (port.node.get("port"), port.node.get("endPort")) else { return };
    if is_cilium(rule.object)
        && let Some(text) = first.text()
    {
        let lower = text.to_ascii_lowercase();
        if let Some(digits) = lower.strip_prefix('0').filter(|rest| !rest.is_empty()) {
            if let Ok(number) = u16::from_str_radix(digits, 8) {
                let message = format!("{text:?} is read as octal: it means port {number}");
                let quoted = format!("\"{number}\"");
                context.report(
                    Finding::new("NP1006", reference, (first, &port.path), message).fix(
                        Safety::Safe,
                        first.span,
                        quoted,
                    ),
                );
            } else if let Some(Ok(number)) =
                lower.strip_prefix("0x").map(|hex| u16::from_str_radix(hex, 16))
            {
                let message = format!("{text:?} is read as the name of a port, not as {number}");
                let quoted = format!("\"{number}\"");
                context.report(
                    Finding::new("NP1006", reference, (first, &port.path), message).fix(
                        Safety::Unsafe,
                        first.span,
                        quoted,
                    ),
                );
            }
        }
    }
    let number = |node: &Node| match &node.value {
        Value::Int(number) => Some(*number),
        Value::Text(text) => text.parse().ok(),
        _ => None,
    };
    if let Some(last) = last
        && let (Some(low), Some(high)) = (number(first), number(last))
        && 0 < high
        && high < low
    {
        let message = format!("endPort {high} is below port {low}: no port is in this range");
        context.report(Finding::new("NP1005", reference, (last, &port.path), message));
    }
}

/// NP1008: rules for the same subjects, peers and ports that a proxy cannot serve both.
fn conflicts(context: &Context<'_>) {
    let mut groups: HashMap<String, Vec<(&Policy, &Rule, String)>> = HashMap::new();
    for (_, node) in context.rules() {
        let (Some(rule), Some(policy)) = (node.rule, node.object.parsed.policy.as_ref()) else {
            continue;
        };
        for (key, means) in demands(rule) {
            groups.entry(key).or_default().push((policy, rule, means));
        }
    }
    let mut found: Vec<(&Policy, &Rule, &Rule, String)> = Vec::new();
    for group in groups.values() {
        for (n, (policy, rule, means)) in group.iter().enumerate() {
            let clash = group[..n].iter().find(|(_, other, others)| {
                others != means
                    && (subject_covers(&rule.subject, &other.subject)
                        || subject_covers(&other.subject, &rule.subject))
            });
            if let Some((_, other, others)) = clash
                && !found.iter().any(|(_, known, ..)| std::ptr::eq(*known, *rule))
            {
                found.push((policy, rule, other, format!("{means} here, {others} there")));
            }
        }
    }
    for (policy, rule, other, how) in found {
        let root = Node::default();
        let message = format!(
            "conflicts with {}: {how}; the whole policy of these endpoints cannot be computed",
            other.place
        );
        let at = crate::policy::text::Span { start: rule.place.at, end: rule.place.at };
        let finding = Finding::new("NP1008", &policy.reference, (&root, &rule.place.path), message);
        context.report(finding.at(at));
    }
}

/// What a rule asks for at each of its peers and ports, apart from letting packets pass.
fn demands(rule: &Rule) -> Vec<(String, String)> {
    let Ports::Of(ports) = &rule.ports else { return Vec::new() };
    let peers = match &rule.peers {
        Peers::Any => vec!["anybody".to_owned()],
        Peers::Of(list) => list.iter().map(|peer| format!("{peer:?}")).collect(),
    };
    let mut demands = Vec::new();
    for port in ports {
        for peer in &peers {
            let key = format!("{:?} {peer} {} {:?}", rule.direction, port.protocol, port.ports);
            if let Some(proxy) = &port.proxy {
                demands.push((
                    format!("{key} proxy {}", parser_group(proxy)),
                    format!("{:?}", proxy.kind),
                ));
            }
            if let Action::Allow(Some(auth)) = rule.action {
                demands.push((format!("{key} auth"), format!("authentication {auth:?}")));
            }
        }
    }
    demands
}

/// Parsers exclude each other; listeners do if neither comes first.
fn parser_group(proxy: &crate::policy::rule::Proxy) -> String {
    use crate::policy::rule::ProxyKind;
    match proxy.kind {
        ProxyKind::Http | ProxyKind::Dns => "parser".to_owned(),
        ProxyKind::Tls => "tls".to_owned(),
        ProxyKind::Listener(_) => format!("listener {}", proxy.priority),
    }
}
