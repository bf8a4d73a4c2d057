//! Policies as they were written: specs, rules, peers and ports with their nodes.

use std::collections::HashMap;

use super::corpus::Object;
use crate::policy::{
    parse,
    rule::{Direction, PolicyKind, Rule},
    text::{Node, Value},
};

/// One `spec`.
#[derive(Debug)]
pub(super) struct Spec<'a> {
    /// Its object.
    pub(super) object: &'a Object,
    /// Its node.
    pub(super) node: &'a Node,
    /// Its path.
    pub(super) path: String,
    /// Its rules.
    pub(super) rules: Vec<RuleNode<'a>>,
}

/// One item of a list of rules.
#[derive(Debug)]
pub(super) struct RuleNode<'a> {
    /// Its object.
    pub(super) object: &'a Object,
    /// Its node.
    pub(super) node: &'a Node,
    /// The list that it is in.
    pub(super) list: &'a Node,
    /// Which item of the list it is.
    pub(super) nth: usize,
    /// Its path.
    pub(super) path: String,
    /// Which way.
    pub(super) direction: Direction,
    /// Whether it stands in a list of denials.
    pub(super) denies: bool,
    /// What it means; `None` if the object is rejected.
    pub(super) rule: Option<&'a Rule>,
}

/// One item of a list of peers or ports.
#[derive(Clone, Debug)]
pub(super) struct Item<'a> {
    /// The field it is in.
    pub(super) field: &'a str,
    /// Its node.
    pub(super) node: &'a Node,
    /// Its path.
    pub(super) path: String,
}

const LISTS: [(&str, Direction, bool); 4] = [
    ("ingress", Direction::Ingress, false),
    ("ingressDeny", Direction::Ingress, true),
    ("egress", Direction::Egress, false),
    ("egressDeny", Direction::Egress, true),
];

/// Returns the specs of an object.
pub(super) fn specs(object: &Object) -> Vec<Spec<'_>> {
    let all = parse::specs(&object.document.root);
    all.map(|(path, node)| Spec { object, node, rules: rules(object, node, &path), path }).collect()
}

fn rules<'a>(object: &'a Object, spec: &'a Node, path: &str) -> Vec<RuleNode<'a>> {
    let parsed = object.parsed.policy.iter().flat_map(|policy| &policy.rules);
    let read: HashMap<&str, &Rule> = parsed.map(|rule| (&*rule.place.path, rule)).collect();
    let mut rules = Vec::new();
    for (field, direction, denies) in LISTS {
        let Some(list) = spec.get(field) else { continue };
        for (nth, node) in list.items().iter().enumerate() {
            let path = format!("{path}.{field}[{nth}]");
            let rule = read.get(&*path).copied();
            rules.push(RuleNode { object, node, list, nth, path, direction, denies, rule });
        }
    }
    rules
}

impl<'a> Spec<'a> {
    /// Returns the selector of subjects, with its key.
    pub(super) fn selector(&self) -> Option<(&'static str, &'a Node)> {
        ["endpointSelector", "nodeSelector", "podSelector", "subject"]
            .into_iter()
            .find_map(|key| Some((key, self.node.get(key)?)))
    }

    /// Tells whether it is for nodes.
    pub(super) fn is_for_nodes(&self) -> bool {
        self.node.get("nodeSelector").is_some()
    }

    /// Tells whether it is Cilium's.
    pub(super) fn is_cilium(&self) -> bool {
        is_cilium(self.object)
    }
}

/// Tells whether a policy is Cilium's.
pub(super) fn is_cilium(object: &Object) -> bool {
    matches!(
        object.parsed.reference.kind,
        PolicyKind::CiliumNetworkPolicy | PolicyKind::CiliumClusterwideNetworkPolicy
    )
}

impl<'a> RuleNode<'a> {
    /// Returns the items of all lists of peers.
    pub(super) fn peers(&self) -> Vec<Item<'a>> {
        let is_peers = |key: &str| {
            let rest = key.strip_prefix("from").or_else(|| key.strip_prefix("to"));
            rest.is_some_and(|rest| !matches!(rest, "Ports" | "Requires"))
        };
        let lists = self.node.entries().iter().filter(|entry| is_peers(&entry.key));
        lists.flat_map(|entry| items(&entry.key, &entry.node, &self.path)).collect()
    }

    /// Returns the items of `toPorts`, which hold ports and what a proxy must see to.
    pub(super) fn port_groups(&self) -> Vec<Item<'a>> {
        self.node.get("toPorts").map(|node| items("toPorts", node, &self.path)).unwrap_or_default()
    }

    /// Returns the ports.
    pub(super) fn ports(&self) -> Vec<Item<'a>> {
        let groups = self.port_groups();
        let of_groups =
            groups.iter().filter_map(|group| Some((group.node.get("ports")?, &group.path)));
        let own = self.node.get("ports").map(|node| (node, &self.path));
        of_groups.chain(own).flat_map(|(node, path)| items("ports", node, path)).collect()
    }
}

/// Returns the items of a list.
pub(super) fn items<'a>(field: &'a str, list: &'a Node, path: &str) -> Vec<Item<'a>> {
    let item = |(n, node)| Item { field, node, path: format!("{path}.{field}[{n}]") };
    list.items().iter().enumerate().map(item).collect()
}

/// A label key of a selector, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct KeyNode<'a> {
    /// The key as written.
    pub(super) key: &'a str,
    /// The node that a message points at.
    pub(super) node: &'a Node,
    /// Where the key is.
    pub(super) span: crate::policy::text::Span,
    /// Its one value, if there is one.
    pub(super) value: Option<&'a Node>,
}

/// Returns the keys of a selector.
pub(super) fn keys(selector: &Node) -> Vec<KeyNode<'_>> {
    let labels = selector.get("matchLabels").map(Node::entries).unwrap_or_default();
    let mut keys: Vec<KeyNode<'_>> = labels
        .iter()
        .map(|entry| KeyNode {
            key: &entry.key,
            node: &entry.node,
            span: entry.key_span,
            value: Some(&entry.node),
        })
        .collect();
    let expressions = selector.get("matchExpressions").map(Node::items).unwrap_or_default();
    for item in expressions {
        let Some(key) = item.get("key") else { continue };
        let Value::Text(text) = &key.value else { continue };
        let values = item.get("values").map(Node::items).unwrap_or_default();
        let value = if values.len() == 1 { values.first() } else { None };
        keys.push(KeyNode { key: text, node: key, span: key.span, value });
    }
    keys
}

/// Returns a key without its source.
pub(super) fn bare(key: &str) -> &str {
    key.split_once(':').map_or(key, |(_, rest)| rest)
}
