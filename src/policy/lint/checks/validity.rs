//! NP1xxx: what is wrong with an object by itself.

use std::collections::{HashMap, HashSet};

use super::super::{
    context::Context,
    corpus::Object,
    cover::subject_covers,
    edit::{add_entry, dedent, is_flow, quote},
    finding::{Edit, Finding, Safety},
    tree::{Item, RuleNode, is_cilium, specs},
};
use crate::policy::{
    parse::{Problem, ProblemCode},
    rule::{Action, Peers, Policy, Ports, Rule},
    text::{Entry, Node, Span, Value},
};

pub(in super::super) fn check(context: &Context<'_>) {
    for object in &context.corpus.objects {
        for problem in &object.parsed.problems {
            context.report(finding(problem, object));
        }
        values(context, object);
        keys(context, object, &object.document.root);
    }
    for (_, rule) in context.rules() {
        for port in rule.ports() {
            port_numbers(context, rule, &port);
        }
    }
    conflicts(context);
}

fn finding(problem: &Problem, object: &Object) -> Finding {
    let id = if is_indent(problem) { "NP1003" } else { problem.code.code() };
    let at = (&object.document.root, problem.path.as_str());
    let mut finding =
        Finding::new(id, &object.parsed.reference, at, problem.message.clone()).at(problem.span);
    finding.severity = problem.code.severity();
    match problem.code {
        _ if is_indent(problem) => finding
            .note("it is indented too far: move it to the left, beside the list of peers")
            .edits(Safety::Safe, outdented(object, problem.span).unwrap_or_default()),
        // What was written is not kept, so the text itself is put in quotes.
        ProblemCode::YamlBoolean => finding.edits(Safety::Safe, quote(problem.span)),
        ProblemCode::NoRules => {
            let spec = specs(object).into_iter().find(|spec| spec.path == problem.path);
            finding
                .note("to isolate without allowing anything, write `ingress: [{}]`")
                .edits(Safety::Unsafe, spec.and_then(|s| add_entry(s.node, "ingress", "[{}]")))
        }
        _ => match &problem.rename {
            Some(name) => finding.fix(Safety::Safe, problem.span, name.clone()),
            None => finding,
        },
    }
}

/// Tells whether a field of rules stands inside of a peer.
fn is_indent(problem: &Problem) -> bool {
    let field = problem.message.split('"').nth(1).unwrap_or_default();
    let is_field = matches!(field, "toPorts" | "icmps" | "ports" | "rules");
    let in_peer = ["fromEndpoints[", "toEndpoints[", "from[", "to["]
        .iter()
        .any(|list| problem.path.contains(list));
    problem.path.contains("matchLabels.toPorts")
        || (problem.code == ProblemCode::UnknownField && is_field && in_peer)
}

/// Moves a field that stands at the end of the last peer to where the list of peers ends.
fn outdented(object: &Object, span: Span) -> Option<Vec<Edit>> {
    let rules: Vec<RuleNode<'_>> = specs(object).into_iter().flat_map(|spec| spec.rules).collect();
    rules.iter().find_map(|rule| {
        let column = rule.node.entries().first()?.key_span.start.column;
        rule.node.entries().iter().find_map(|list| {
            let mut map = list.node.items().last()?;
            if let Some(last) = map.entries().last().filter(|last| last.key == "matchLabels") {
                map = &last.node;
            }
            let (entry, others) = map.entries().split_last()?;
            let is_meant = entry.key_span == span || entry.node.span == span;
            let is_free = rule.node.get(&entry.key).is_none() && !others.is_empty();
            (is_meant && is_free && !is_flow(map)).then(|| dedent(entry, column)).flatten()
        })
    })
}

/// NP1007 in metadata, which the rest of skep does not look at.
fn values(context: &Context<'_>, object: &Object) {
    let Some(metadata) = object.document.root.get("metadata") else { return };
    let own = metadata.entries().iter().filter(|entry| entry.key == "namespace");
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
        context.report(
            Finding::new("NP1007", reference, (&entry.node, &path), message)
                .edits(Safety::Safe, quote(entry.node.span)),
        );
    }
}

/// NP1007 in keys, such as those of labels: they become `true` and `false`.
fn keys(context: &Context<'_>, object: &Object, node: &Node) {
    for Entry { key, key_span, node } in node.entries() {
        let width = key_span.end.column.saturating_sub(key_span.start.column);
        let is_plain = width as usize == key.len();
        if let (true, Some(is)) = (is_plain, boolean(key)) {
            let message = format!("the key {key} is {is} for YAML: put it in quotes");
            let reference = &object.parsed.reference;
            context.report(
                Finding::new("NP1007", reference, (node, key), message)
                    .at(*key_span)
                    .edits(Safety::Safe, quote(*key_span)),
            );
        }
        keys(context, object, node);
    }
    node.items().iter().for_each(|item| keys(context, object, item));
}

/// Returns what YAML 1.1 reads a word as.
fn boolean(word: &str) -> Option<bool> {
    let (first, rest) = word.split_at_checked(1)?;
    let is_word = rest == rest.to_ascii_lowercase() || word == word.to_ascii_uppercase();
    match first.to_ascii_lowercase() + &rest.to_ascii_lowercase() {
        word if ["y", "yes", "on", "true"].contains(&&*word) => Some(true),
        word if ["n", "no", "off", "false"].contains(&&*word) => Some(false),
        _ => None,
    }
    .filter(|_| is_word)
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
        let number = |node: &Node, number: i64| Edit {
            span: node.span,
            text: match node.value {
                Value::Text(_) => format!("\"{number}\""),
                _ => number.to_string(),
            },
        };
        context.report(
            Finding::new("NP1005", reference, (last, &port.path), message)
                .edits(Safety::Unsafe, [number(first, high), number(last, low)]),
        );
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
    let mut reported: HashSet<*const Rule> = HashSet::new();
    for group in groups.values().filter(|group| group.iter().any(|(.., m)| *m != group[0].2)) {
        for (n, (policy, rule, means)) in group.iter().enumerate() {
            let clash = group[..n].iter().find(|(_, other, others)| {
                others != means
                    && (subject_covers(&rule.subject, &other.subject)
                        || subject_covers(&other.subject, &rule.subject))
            });
            if let Some((_, other, others)) = clash
                && reported.insert(std::ptr::from_ref(*rule))
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
        let at = Span { start: rule.place.at, end: rule.place.at };
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
