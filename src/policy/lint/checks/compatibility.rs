//! NP7001, NP7002 and NP8xxx: versions and style.

use super::super::{
    context::Context,
    corpus::Object,
    finding::{Finding, Safety},
    release::may_be_old,
    tree::{RuleNode, Spec, is_cilium, items, keys},
};
use crate::policy::{
    rule::PolicyKind,
    text::{Node, Span, Value},
};

pub(in super::super) fn check(context: &Context<'_>) {
    for object in &context.corpus.objects {
        ancestors(context, object);
        repeated(context, object);
    }
    for spec in &context.specs {
        if let Some((key, node)) = spec.selector() {
            syntax(context, spec.object, node, &format!("{}.{key}", spec.path));
        }
        undescribed(context, spec);
    }
    for (_, rule) in context.rules() {
        for peer in rule.peers() {
            let parts = [peer.node.get("podSelector"), peer.node.get("namespaceSelector")];
            for part in parts.into_iter().flatten().chain([peer.node]) {
                syntax(context, rule.object, part, &peer.path);
            }
        }
        if is_cilium(rule.object) {
            gone(context, rule);
            services(context, rule);
        }
        unsorted(context, rule);
    }
}

/// NP7001: keys with a dotted source, operators in lower case.
fn syntax(context: &Context<'_>, object: &Object, selector: &Node, path: &str) {
    let reference = &object.parsed.reference;
    for item in selector.get("matchExpressions").map(Node::items).unwrap_or_default() {
        let Some(operator) = item.get("operator") else { continue };
        let Some(text) = operator.text() else { continue };
        let known = ["In", "NotIn", "Exists", "DoesNotExist"];
        let meant = known.iter().find(|name| name.eq_ignore_ascii_case(text) && **name != text);
        if let Some(meant) = meant {
            let message = format!("operator {text:?} is refused nowadays: it is {meant:?}");
            context.report(Finding::new("NP7001", reference, (operator, path), message).fix(
                Safety::Safe,
                operator.span,
                *meant,
            ));
        }
    }
    if !is_cilium(object) {
        return;
    }
    for key in keys(selector) {
        let dotted = ["k8s.io.kubernetes.", "k8s.io.cilium.", "reserved.", "any.", "k8s.app"];
        if !key.key.contains(':') && dotted.iter().any(|prefix| key.key.starts_with(prefix)) {
            let (source, rest) = key.key.split_once('.').unwrap_or(("any", key.key));
            let fixed = format!("{source}:{rest}");
            let message = format!(
                "{:?} is read as a key of any source, and nobody has it; sources end with a colon",
                key.key
            );
            context.report(
                Finding::new("NP7001", reference, (key.node, path), message)
                    .at(key.span)
                    .note(format!("write {fixed}"))
                    .fix(Safety::Unsafe, key.span, fixed.clone()),
            );
        }
    }
}

/// NP7001: requirements beside peers, and addresses without a length.
fn gone(context: &Context<'_>, rule: &RuleNode<'_>) {
    let reference = &rule.object.parsed.reference;
    for entry in rule.node.entries() {
        if matches!(entry.key.as_str(), "fromRequires" | "toRequires") {
            let message = format!("{} is refused nowadays", entry.key);
            let path = format!("{}.{}", rule.path, entry.key);
            context.report(
                Finding::new("NP7001", reference, (&entry.node, &path), message)
                    .at(entry.key_span)
                    .note("write its labels into every peer of these subjects"),
            );
        }
    }
    for item in rule.peers() {
        let node = match item.field {
            "fromCIDR" | "toCIDR" => item.node,
            "fromCIDRSet" | "toCIDRSet" => match item.node.get("cidr") {
                Some(node) => node,
                None => continue,
            },
            _ => continue,
        };
        let Some(addr) = node.text().and_then(|text| text.parse::<std::net::IpAddr>().ok()) else {
            continue;
        };
        let fixed = ipnet::IpNet::from(addr).to_string();
        let message = format!("{addr} has no prefix length, which is refused nowadays");
        let quote = if fixed.contains(':') { "\"" } else { "" };
        context.report(
            Finding::new("NP7001", reference, (node, &item.path), message)
                .note(format!("write {fixed}"))
                .fix(Safety::Safe, node.span, format!("{quote}{fixed}{quote}")),
        );
    }
}

/// NP7001: kinds that others have taken the place of.
fn ancestors(context: &Context<'_>, object: &Object) {
    let reference = &object.parsed.reference;
    if matches!(
        reference.kind,
        PolicyKind::AdminNetworkPolicy | PolicyKind::BaselineAdminNetworkPolicy
    ) {
        let root = &object.document.root;
        let place = root.get("kind").unwrap_or(root);
        let message =
            format!("{} has given way to ClusterNetworkPolicy (v1alpha2)", reference.kind.name());
        context.report(
            Finding::new("NP7001", reference, (place, "kind"), message)
                .note("Allow is called Accept there, and ports are called protocols"),
        );
    }
}

/// NP7002.
fn services(context: &Context<'_>, rule: &RuleNode<'_>) {
    let has = |key: &str| rule.node.get(key).is_some_and(|node| !node.items().is_empty());
    if has("toServices") && has("toPorts") && may_be_old(context.corpus.release) {
        let place = rule.node.get("toServices").unwrap_or(rule.node);
        let path = format!("{}.toServices", rule.path);
        let message = "toServices beside toPorts is refused by Cilium up to 1.17";
        context.report(
            Finding::new("NP7002", &rule.object.parsed.reference, (place, &path), message)
                .note("for those releases select the pods: toEndpoints with toPorts"),
        );
    }
}

/// NP8001.
fn undescribed(context: &Context<'_>, spec: &Spec<'_>) {
    if spec.is_cilium() && spec.node.get("description").is_none() {
        let root = &spec.object.document.root;
        let place = root.at(&["metadata", "name"]).unwrap_or(root);
        let path = format!("{}.description", spec.path);
        let message = "says nowhere what it is for";
        let finding =
            Finding::new("NP8001", &spec.object.parsed.reference, (place, &path), message);
        context.report(finding.note("add a description to the spec"));
    }
}

/// NP8002.
fn repeated(context: &Context<'_>, object: &Object) {
    if object.is_repeated {
        let root = &object.document.root;
        let place = root.at(&["metadata", "name"]).unwrap_or(root);
        let reference = &object.parsed.reference;
        let message =
            format!("{reference} was given before: of the two, the one applied last is in force");
        context.report(Finding::new("NP8002", reference, (place, "metadata.name"), message));
    }
}

/// NP8003.
fn unsorted(context: &Context<'_>, rule: &RuleNode<'_>) {
    let lists = rule.port_groups();
    let lists = lists.iter().filter_map(|g| Some((g.node.get("ports")?, g.path.as_str())));
    for (list, path) in lists.chain(rule.node.get("ports").map(|node| (node, rule.path.as_str()))) {
        let number = |node: &Node| match &node.get("port")?.value {
            Value::Int(number) => Some(*number),
            Value::Text(text) => text.parse().ok(),
            _ => None,
        };
        let numbers: Vec<i64> =
            items("ports", list, path).iter().filter_map(|i| number(i.node)).collect();
        if !numbers.is_sorted() {
            let first = list.items().first().map_or(list.span, |node| node.span);
            let span = Span { start: first.start, end: first.end };
            let at = (list, path);
            let message = "ports are not in order";
            context.report(
                Finding::new("NP8003", &rule.object.parsed.reference, at, message).at(span),
            );
        }
    }
}
