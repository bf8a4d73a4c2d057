//! NP3004, NP3009 and NP4005: whom a policy isolates, and from what.

use super::super::{
    context::Context,
    edit::{Snippet, add_entry, add_item},
    finding::{Edit, Finding, Safety},
    tree::Spec,
};
use crate::policy::{
    explain,
    parse::Severity,
    rule::{
        Action, Direction, LabelKey, Peers, PolicyKind, Ports, Protocol, Rule, Selector, Subject,
        Test,
    },
};

/// Returns a rule by which a spec isolates in a direction.
pub(super) fn isolating<'a>(spec: &Spec<'a>, direction: Direction) -> Option<&'a Rule> {
    if !spec.path.starts_with("specs") {
        // A direction without rules has a rule about nobody, which stands at the spec.
        let rules = &spec.object.parsed.policy.as_ref()?.rules;
        let is_own = |rule: &&Rule| {
            let path = &rule.place.path;
            rule.direction == direction
                && rule.isolates
                && (path.starts_with("spec.") || path == "spec")
        };
        return rules.iter().find(is_own);
    }
    let mut own = spec.rules.iter().filter_map(|node| node.rule);
    own.find(|rule| rule.direction == direction && rule.isolates)
}

pub(in super::super) fn check(context: &Context<'_>) {
    for spec in &context.specs {
        if let Some(rule) = spec.rules.iter().find_map(|node| node.rule) {
            system(context, spec, rule);
        }
        for direction in [Direction::Ingress, Direction::Egress] {
            if let Some(rule) = isolating(spec, direction) {
                surprise(context, spec, rule);
                icmp(context, spec, rule);
            }
        }
    }
}

/// Tells whether a selector means all pods, or all nodes.
fn is_everybody(selector: &Selector) -> bool {
    selector.requirements().all(|own| {
        own.test == Test::Exists
            && (own.key.means_kubernetes(LabelKey::NAMESPACE) || own.key.is_of("reserved"))
    })
}

/// Tells whether a selector means all pods of its namespace.
fn is_namespace(selector: &Selector) -> bool {
    selector.requirements().all(|own| own.key.means_kubernetes(LabelKey::NAMESPACE))
}

/// NP3004: what it means if this is the first policy for these subjects.
fn surprise(context: &Context<'_>, spec: &Spec<'_>, rule: &Rule) {
    let mut others = context.index.covering(&rule.subject, rule.direction);
    let is_other = |other: &Rule| other.isolates && other.place.policy != rule.place.policy;
    if others.any(|(_, other)| is_other(other)) {
        return;
    }
    let own = rule.subject.selector();
    let direction = rule.direction.name();
    let (who, is_node) = match &rule.subject {
        Subject::Nodes(_) if is_everybody(own) => ("every node".to_owned(), true),
        Subject::Nodes(selector) => (format!("the nodes {selector}"), true),
        _ if is_everybody(own) => ("every pod of the cluster".to_owned(), false),
        _ => (explain::selector(own), false),
    };
    let allows = spec.rules.iter().any(|node| !node.denies && node.direction == rule.direction);
    let cut = cut_off(context, rule, is_node);
    let mut message = format!("applied alone, this isolates {who} for {direction}");
    if !allows {
        message.push_str(", though it only denies");
    }
    if !cut.is_empty() {
        let what = match rule.direction {
            Direction::Ingress => "shut out are",
            Direction::Egress => "out of reach are",
        };
        message.push_str(&format!("; {what} {}", cut.join(", ")));
    }
    let is_broad = is_everybody(own) || (!allows && spec.is_cilium());
    let severity = if is_broad { Severity::Warn } else { Severity::Info };
    let list = match rule.direction {
        Direction::Ingress => "ingress",
        Direction::Egress => "egress",
    };
    let place = spec.node.get(list).unwrap_or(spec.node);
    let span = super::dns::first_line(place, spec.node, list);
    let path = format!("{}.{list}", spec.path);
    let mut finding =
        Finding::new("NP3004", &spec.object.parsed.reference, (place, &path), message)
            .at(span)
            .severity(severity);
    let pods: Vec<&str> = context.selected(own).map(|pod| pod.name.as_str()).collect();
    if !pods.is_empty() && !is_node {
        let some: Vec<&str> = pods.iter().copied().take(5).collect();
        let more = if pods.len() > some.len() { ", …" } else { "" };
        let word = if pods.len() == 1 { "pod" } else { "pods" };
        let some = some.join(", ");
        finding = finding.note(format!("isolates {} {word}: {some}{more}", pods.len()));
    }
    if spec.is_cilium() {
        let switch = format!("`enableDefaultDeny: {{{direction}: false}}`");
        finding = finding
            .note(format!(
                "to allow without isolating, add {switch}; otherwise add companion rules"
            ))
            .edits(Safety::Display, switched_off(spec, direction));
        if cut.contains(&API_SERVER) {
            finding = finding
                .note("pods that need the API server get it by `toEntities: [kube-apiserver]`");
        }
    }
    context.report(finding);
}

/// Takes isolation away in a direction.
pub(super) fn switched_off(spec: &Spec<'_>, direction: &str) -> Option<Edit> {
    match spec.node.get("enableDefaultDeny") {
        Some(switches) if switches.get(direction).is_none() => {
            add_entry(switches, direction, "false")
        }
        Some(_) => None,
        None => add_entry(spec.node, "enableDefaultDeny", &format!("{{{direction}: false}}")),
    }
}

const API_SERVER: &str = "the API server";

/// Names what a cluster needs and no rule allows.
fn cut_off(context: &Context<'_>, rule: &Rule, is_node: bool) -> Vec<&'static str> {
    let mut cut = Vec::new();
    match (rule.direction, is_node) {
        (Direction::Egress, false) => {
            if !super::dns::reaches_dns(context, &rule.subject) {
                cut.push("the cluster's DNS");
            }
            if !super::dns::reaches_apiserver(context, &rule.subject) {
                cut.push(API_SERVER);
            }
        }
        (Direction::Ingress, true) => cut.extend(super::host::missing(context, rule)),
        _ => {}
    }
    cut
}

/// NP3009: rules for ports only, which leave ICMP out.
fn icmp(context: &Context<'_>, spec: &Spec<'_>, rule: &Rule) {
    let passes = |other: &Rule| match &other.ports {
        Ports::All => !matches!(&other.peers, Peers::Of(list) if list.is_empty()),
        Ports::Of(list) => {
            list.iter().any(|port| matches!(port.protocol, Protocol::Icmp | Protocol::Icmpv6))
        }
    };
    let has_rules = spec.rules.iter().any(|node| node.direction == rule.direction && !node.denies);
    let question = match rule.direction {
        Direction::Ingress => "lets ICMP in",
        Direction::Egress => "lets ICMP out",
    };
    let is_open = || {
        let mut covering = context.index.covering(&rule.subject, rule.direction);
        covering.any(|(_, other)| matches!(other.action, Action::Allow(_)) && passes(other))
    };
    if !has_rules || context.ask(question, &rule.subject, is_open) {
        return;
    }
    let list = rule.direction.name();
    let place = spec.node.get(list).unwrap_or(spec.node);
    let span = super::dns::first_line(place, spec.node, list);
    let message = format!("allows ports only, so ping and path MTU discovery fail for {list}");
    let path = format!("{}.{list}", spec.path);
    let mut finding =
        Finding::new("NP3009", &spec.object.parsed.reference, (place, &path), message).at(span);
    if spec.is_cilium() {
        let icmps = "icmps: [{fields: [{type: 8, family: IPv4}, {type: 128, family: IPv6}]}]";
        let item = Snippet { flow: format!("{{{icmps}}}"), block: icmps.to_owned() };
        finding =
            finding.note(format!("add `{icmps}`")).edits(Safety::Display, add_item(place, &item));
    }
    context.report(finding);
}

/// NP4005: a policy of the cluster for everybody, system pods included.
fn system(context: &Context<'_>, spec: &Spec<'_>, rule: &Rule) {
    let kind = spec.object.parsed.reference.kind;
    let Subject::Endpoints(own) = &rule.subject else { return };
    let is_all = is_everybody(own) || (is_namespace(own) && own.requirements().next().is_none());
    if kind != PolicyKind::CiliumClusterwideNetworkPolicy || !is_all {
        return;
    }
    let Some((key, node)) = spec.selector() else { return };
    let span = super::dns::first_line(node, spec.node, key);
    let path = format!("{}.{key}", spec.path);
    let message =
        "selects every endpoint: kube-system, health checks and the ingress proxy included";
    let others = "[{key: k8s:io.kubernetes.pod.namespace, operator: NotIn, values: [kube-system]}, {key: reserved:health, operator: DoesNotExist}]";
    context.report(
        Finding::new("NP4005", &spec.object.parsed.reference, (node, &path), message)
            .at(span)
            .note(format!("leave them out: matchExpressions: {others}"))
            .edits(Safety::Display, add_entry(node, "matchExpressions", others)),
    );
}
