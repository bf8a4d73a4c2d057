//! NP2009 and NP2010: ports that nobody listens on.

use std::collections::BTreeSet;

use super::super::{
    context::Context,
    facts::{ServiceFact, ServicePort},
    finding::{Finding, Safety},
    tree::RuleNode,
};
use crate::policy::{
    cluster::Actor,
    rule::{Direction, LabelKey, Peer, Peers, Ports, Protocol, Subject},
    text::{Node, Value},
};

pub(in super::super) fn check(context: &Context<'_>) {
    if context.pods.is_empty() {
        return;
    }
    for (_, rule) in context.rules() {
        let targets = targets(context, rule);
        if targets.is_empty() {
            continue;
        }
        for item in rule.ports() {
            let Some(node) = item.node.get("port") else { continue };
            let number = match &node.value {
                Value::Int(number) => u16::try_from(*number).ok(),
                Value::Text(text) => text.parse().ok(),
                _ => None,
            };
            match number {
                Some(number) if number > 0 => {
                    service_port(context, rule, (node, &item.path), number, &targets);
                }
                Some(_) => {}
                None => named(context, rule, (node, &item.path), item.node, &targets),
            }
        }
    }
}

/// Returns the pods whose ports a rule means; none if others are meant, too.
fn targets<'s>(context: &'s Context<'_>, rule: &'s RuleNode<'_>) -> Vec<&'s Actor> {
    let Some(read) = rule.rule.filter(|read| matches!(read.ports, Ports::Of(_))) else {
        return Vec::new();
    };
    match (rule.direction, &read.subject, &read.peers) {
        (Direction::Ingress, Subject::Endpoints(selector) | Subject::Pods(selector), _) => {
            context.selected(selector).collect()
        }
        (Direction::Egress, _, Peers::Of(list)) => {
            let mut pods = Vec::new();
            for peer in list {
                let Peer::Labels(selector) = peer else { return Vec::new() };
                pods.extend(context.selected(selector));
            }
            pods
        }
        _ => Vec::new(),
    }
}

/// NP2010.
fn named(
    context: &Context<'_>,
    rule: &RuleNode<'_>,
    at: (&Node, &str),
    item: &Node,
    targets: &[&Actor],
) {
    let Some(name) = at.0.text().map(str::to_ascii_lowercase).filter(|name| !name.is_empty())
    else {
        return;
    };
    let protocol = item
        .get("protocol")
        .and_then(Node::text)
        .unwrap_or_else(|| if rule.node.get("toPorts").is_some() { "ANY" } else { "TCP" });
    let is_any = protocol.eq_ignore_ascii_case("ANY");
    let wanted = Protocol::from_name(protocol);
    let ports = || targets.iter().flat_map(|pod| &pod.ports);
    let same_name = || ports().filter(|port| port.name == name);
    if same_name().any(|port| is_any || Some(port.protocol) == wanted) {
        return;
    }
    let message = match same_name().next() {
        Some(port) => format!("port {name:?} is {} in these pods, not {protocol}", port.protocol),
        None => format!("none of these pods has a port called {name:?}"),
    };
    let names: BTreeSet<&str> = ports().map(|port| port.name.as_str()).collect();
    let mut finding = Finding::new("NP2010", &rule.object.parsed.reference, at, message);
    if !names.is_empty() {
        let names: Vec<&str> = names.into_iter().take(8).collect();
        finding = finding.note(format!("their ports are called {}", names.join(", ")));
    }
    context.report(finding);
}

/// NP2009.
fn service_port(
    context: &Context<'_>,
    rule: &RuleNode<'_>,
    at: (&Node, &str),
    number: u16,
    targets: &[&Actor],
) {
    let facts = &context.corpus.facts;
    let is_behind = |service: &ServiceFact, pod: &Actor| {
        !service.selector.is_empty()
            && pod.name.starts_with(&format!("{}/", service.namespace))
            && service.selector.iter().all(|(key, value)| {
                LabelKey::kubernetes(key).values(&pod.labels).any(|own| own == value)
            })
    };
    let listens = |pod: &&Actor| {
        pod.ports.iter().any(|port| port.port == number)
            || facts.pods.get(&pod.name).is_some_and(|fact| fact.ports.contains(&number))
    };
    if targets.iter().any(listens) {
        return;
    }
    for service in &facts.services {
        let Some(pod) = targets.iter().find(|pod| is_behind(service, pod)) else { continue };
        let is_other = |port: &&ServicePort| port.port == number && port.target != Ok(number);
        let Some(port) = service.ports.iter().find(is_other) else { continue };
        let target = match &port.target {
            Ok(target) => target.to_string(),
            Err(name) => name.clone(),
        };
        let message = format!(
            "{number} is the port of Service {}/{}; its pods listen on {target}, and policy sees those",
            service.namespace, service.name
        );
        context.report(
            Finding::new("NP2009", &rule.object.parsed.reference, at, message)
                .note(format!("no port of {} is {number}; write {target}", pod.name))
                .fix(Safety::Unsafe, at.0.span, target_text(at.0, &target)),
        );
        return;
    }
}

/// Writes a port as the one that it takes the place of was written.
fn target_text(node: &Node, target: &str) -> String {
    match node.value {
        Value::Text(_) => format!("{target:?}"),
        _ => target.to_owned(),
    }
}
