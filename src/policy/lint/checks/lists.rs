//! NP2011-NP2013: lists that are empty.

use super::super::{
    context::Context,
    edit::{Snippet, add_entry, add_item, drop_item},
    finding::{Finding, Safety},
    tree::is_cilium,
};
use crate::policy::{
    rule::Direction,
    text::{Node, Value},
};

pub(in super::super) fn check(context: &Context<'_>) {
    for (_, rule) in context.rules().filter(|(_, rule)| is_cilium(rule.object)) {
        let reference = &rule.object.parsed.reference;
        for entry in rule.node.entries() {
            let is_empty = matches!(&entry.node.value, Value::List(items) if items.is_empty());
            let rest = entry.key.strip_prefix("from").or_else(|| entry.key.strip_prefix("to"));
            let is_peers = rest.is_some_and(|rest| !matches!(rest, "Ports" | "Requires"));
            if !is_empty || !is_peers {
                continue;
            }
            let path = format!("{}.{}", rule.path, entry.key);
            let message = if matches!(entry.key.as_str(), "toFQDNs" | "toGroups") {
                format!("an empty {} counts as missing: the rule is about any peer", entry.key)
            } else {
                format!("an empty {} selects nobody, and with it the whole rule", entry.key)
            };
            let all = entry.key.ends_with("Endpoints").then(|| Snippet::line("{}"));
            context.report(
                Finding::new("NP2011", reference, (&entry.node, &path), message)
                    .note("name a peer (`[{}]` for all pods), or take the field away")
                    .edits(Safety::Display, all.and_then(|all| add_item(&entry.node, &all))),
            );
        }
        let groups = rule.node.get("toPorts");
        for (n, group) in rule.port_groups().iter().enumerate() {
            let ports = group.node.get("ports").map(Node::items).unwrap_or_default();
            if ports.is_empty() {
                let message = "an item of toPorts without ports matches nothing";
                context.report(
                    Finding::new("NP2012", reference, (group.node, &group.path), message)
                        .note("name ports, or take toPorts away to mean all of them")
                        .edits(Safety::Safe, groups.and_then(|list| drop_item(list, n))),
                );
            }
        }
        if rule.denies && rule.node.entries().is_empty() {
            let field = match rule.direction {
                Direction::Ingress => "fromEntities",
                Direction::Egress => "toEntities",
            };
            let message =
                "denies nothing, but isolates all the same: what no rule allows is denied";
            context.report(
                Finding::new("NP2013", reference, (rule.node, &rule.path), message)
                    .note("to deny everybody, name the entity all")
                    .edits(Safety::Display, add_entry(rule.node, field, "[all]")),
            );
        }
    }
}
