//! NP4001, NP4003 and NP4004: more than is meant.

use super::super::{
    context::Context,
    finding::Finding,
    tree::{RuleNode, items},
};
use crate::policy::rule::{Action, Direction, Entity, Peer, Peers, Ports, Rule, Tier};

pub(in super::super) fn check(context: &Context<'_>) {
    for spec in &context.specs {
        for (n, node) in spec.rules.iter().enumerate() {
            let Some(rule) = node.rule else { continue };
            if matches!(rule.action, Action::Allow(_)) && rule.turn.tier == Tier::Normal {
                everybody(context, node, rule, n.checked_sub(1).map(|before| &spec.rules[before]));
                without_ports(context, node, rule);
            }
            names(context, node);
        }
    }
}

/// Tells whether peers hold a prefix of everything of an IP version.
fn has_all(peers: &[Peer], v4: bool) -> bool {
    peers.iter().any(|peer| match peer {
        Peer::Cidrs(cidrs) => {
            let is_v4 = matches!(cidrs.prefix, ipnet::IpNet::V4(_));
            is_v4 == v4 && cidrs.prefix.prefix_len() == 0 && cidrs.except.is_empty()
        }
        _ => false,
    })
}

/// NP4001.
fn everybody(
    context: &Context<'_>,
    node: &RuleNode<'_>,
    rule: &Rule,
    before: Option<&RuleNode<'_>>,
) {
    let message = match &rule.peers {
        Peers::Any => match rule.ports {
            Ports::All => "allows everybody on every port".to_owned(),
            Ports::Of(_) => {
                "names no peers, so these ports are open to everybody, the world included"
                    .to_owned()
            }
        },
        Peers::Of(list) if list.iter().any(|p| matches!(p, Peer::Entity(Entity::All))) => {
            "allows everybody, the world included".to_owned()
        }
        Peers::Of(list) if has_all(list, true) && has_all(list, false) => {
            "allows every address of both IP versions".to_owned()
        }
        Peers::Of(_) => return,
    };
    let mut finding =
        Finding::new("NP4001", &node.object.parsed.reference, (node.node, &node.path), message);
    if matches!(rule.peers, Peers::Any) {
        let before = before.filter(|other| std::ptr::eq(other.list, node.list));
        let is_split = before.and_then(|other| other.rule).is_some_and(|other| {
            matches!(other.ports, Ports::All) && !matches!(other.peers, Peers::Any)
        });
        if is_split {
            finding = finding.note("the rule before names peers but no ports: is the dash in front of the ports one too many?");
        }
    }
    let side = match rule.direction {
        Direction::Ingress => "from",
        Direction::Egress => "to",
    };
    context.report(finding.note(format!("say {side} whom, by labels, entities or prefixes")));
}

/// NP4004.
fn without_ports(context: &Context<'_>, node: &RuleNode<'_>, rule: &Rule) {
    let Peers::Of(list) = &rule.peers else { return };
    let is_world = list.iter().any(|peer| match peer {
        Peer::Entity(Entity::World | Entity::WorldIpv4 | Entity::WorldIpv6) => true,
        Peer::Cidrs(cidrs) => cidrs.prefix.prefix_len() == 0,
        _ => false,
    });
    if is_world && matches!(rule.ports, Ports::All) {
        let message = "is about the world and names no ports: every port and protocol is open";
        context.report(
            Finding::new("NP4004", &node.object.parsed.reference, (node.node, &node.path), message)
                .note("name the ports that are needed"),
        );
    }
}

/// Domains below which everybody may have a name.
const SHARED: [&str; 9] = [
    "amazonaws.com",
    "cloudfront.net",
    "azureedge.net",
    "azurewebsites.net",
    "windows.net",
    "googleapis.com",
    "googleusercontent.com",
    "akamaiedge.net",
    "fastly.net",
];

/// NP4003.
fn names(context: &Context<'_>, node: &RuleNode<'_>) {
    let Some(list) = node.node.get("toFQDNs") else { return };
    for item in items("toFQDNs", list, &node.path) {
        let Some(pattern) = item.node.get("matchPattern") else { continue };
        let Some(text) = pattern.text() else { continue };
        let lower = text.trim_end_matches('.').to_ascii_lowercase();
        let rest = lower.trim_start_matches('*').trim_start_matches('.');
        let message = if rest.is_empty() {
            "means every name there is".to_owned()
        } else if lower.starts_with('*') && !rest.contains('.') {
            format!("means every name below {rest:?}")
        } else if lower.starts_with('*') && SHARED.contains(&rest) {
            format!("anybody can have a name below {rest}, and its addresses are shared")
        } else {
            continue;
        };
        let at = (pattern, item.path.as_str());
        context.report(
            Finding::new("NP4003", &node.object.parsed.reference, at, message)
                .note("name the hosts that are needed"),
        );
    }
}
