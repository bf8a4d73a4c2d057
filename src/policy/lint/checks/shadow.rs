//! NP2014, NP2015 and NP5002: rules that others make needless, dead or weak.

use super::super::{
    context::Context,
    cover::{peers_cover, ports_cover},
    edit::drop_item,
    finding::{Finding, Safety},
    index::Pair,
    tree::RuleNode,
};
use crate::policy::rule::{Action, Peers, Ports, Proxy, Rule, Tier};

pub(in super::super) fn check(context: &Context<'_>) {
    for (_, node) in context.rules() {
        let Some(rule) = node.rule.filter(|_| !node.object.is_repeated) else { continue };
        let is_nobody = matches!(&rule.peers, Peers::Of(list) if list.is_empty());
        let is_nothing = matches!(&rule.ports, Ports::Of(list) if list.is_empty());
        if is_nobody || is_nothing || rule.action == Action::Pass {
            continue;
        }
        let covering: Vec<Pair<'_>> = context.index.around(rule);
        let covers = |other: &Rule| {
            peers_cover(&other.peers, &rule.peers) && ports_cover(&other.ports, &rule.ports)
        };
        if !dead(context, node, rule, &covering, covers) {
            redundant(context, node, rule, &covering, covers);
        }
        weak(context, node, rule, &covering);
    }
}

fn at<'a>(node: &RuleNode<'a>) -> (&'a crate::policy::text::Node, String) {
    (node.node, node.path.clone())
}

/// NP2014.
fn dead(
    context: &Context<'_>,
    node: &RuleNode<'_>,
    rule: &Rule,
    covering: &[Pair<'_>],
    covers: impl Fn(&Rule) -> bool,
) -> bool {
    let beats = |other: &Rule| {
        let is_denial = other.action == Action::Deny && !matches!(rule.action, Action::Deny);
        let same = other.turn == rule.turn && is_denial;
        let before = other.turn < rule.turn && other.action != Action::Pass;
        same || before
    };
    let Some((_, other)) = covering.iter().find(|(_, other)| beats(other) && covers(other)) else {
        return false;
    };
    let (place, path) = at(node);
    let verb = if other.action == Action::Deny { "denies" } else { "decides" };
    let message = format!("never decides: {} {verb} all of it", other.place);
    context.report(
        Finding::new("NP2014", &node.object.parsed.reference, (place, &path), message)
            .note(format!("that rule {}", crate::policy::explain::RuleWords(other)))
            .note(witness(context, rule))
            .edits(Safety::Unsafe, drop_item(node.list, node.nth)),
    );
    true
}

/// Names two ends and a port that show it.
fn witness(context: &Context<'_>, rule: &Rule) -> String {
    let subject = context.witness(rule.subject.selector()).name;
    let (peers, ports) =
        (crate::policy::explain::peers(&rule.peers), crate::policy::explain::ports(&rule.ports));
    match rule.direction {
        crate::policy::rule::Direction::Ingress => {
            format!("for example {peers} to {subject}, {ports}")
        }
        crate::policy::rule::Direction::Egress => {
            format!("for example {subject} to {peers}, {ports}")
        }
    }
}

fn proxies(rule: &Rule) -> Vec<&Proxy> {
    match &rule.ports {
        Ports::All => Vec::new(),
        Ports::Of(list) => list.iter().filter_map(|port| port.proxy.as_ref()).collect(),
    }
}

/// NP2015: of two rules that say the same, the later one.
fn redundant(
    context: &Context<'_>,
    node: &RuleNode<'_>,
    rule: &Rule,
    covering: &[Pair<'_>],
    covers: impl Fn(&Rule) -> bool,
) {
    if rule.turn.tier != Tier::Normal || !proxies(rule).is_empty() {
        return;
    }
    let same = |other: &Rule| {
        other.turn == rule.turn
            && other.action == rule.action
            && proxies(other).is_empty()
            && (other.isolates || !rule.isolates)
            && covers(other)
    };
    let is_covered_back = |other: &Rule| {
        super::super::cover::subject_covers(&rule.subject, &other.subject)
            && peers_cover(&rule.peers, &other.peers)
            && ports_cover(&rule.ports, &other.ports)
            && (rule.isolates || !other.isolates)
    };
    let mine = (&rule.place.policy.file, rule.place.at, &rule.place.policy.name);
    let is_first =
        |other: &Rule| mine < (&other.place.policy.file, other.place.at, &other.place.policy.name);
    let found = covering
        .iter()
        .find(|(_, other)| same(other) && !(is_covered_back(other) && is_first(other)));
    if let Some((_, other)) = found {
        let (place, path) = at(node);
        let message = format!("says nothing new: {} covers it", other.place);
        let finding =
            Finding::new("NP2015", &node.object.parsed.reference, (place, &path), message);
        let words = crate::policy::explain::RuleWords(other);
        context.report(
            finding
                .note(format!("that rule {words}"))
                .edits(Safety::Unsafe, drop_item(node.list, node.nth)),
        );
    }
}

/// NP5002: what a proxy must check here is allowed without it there.
fn weak(context: &Context<'_>, node: &RuleNode<'_>, rule: &Rule, covering: &[Pair<'_>]) {
    if proxies(rule).is_empty() || !matches!(rule.action, Action::Allow(_)) {
        return;
    }
    let key = |peers: &Peers| format!("{peers:?}");
    let own = key(&rule.peers);
    let defeats = |other: &Rule| {
        other.turn == rule.turn
            && matches!(other.action, Action::Allow(_))
            && proxies(other).is_empty()
            && ports_cover(&other.ports, &rule.ports)
            && key(&other.peers) == own
    };
    if let Some((_, other)) = covering.iter().find(|(_, other)| defeats(other)) {
        let (place, path) = at(node);
        let message = format!(
            "its layer 7 rules restrict nothing: {} allows the same without them",
            other.place
        );
        context.report(
            Finding::new("NP5002", &node.object.parsed.reference, (place, &path), message)
                .note("join both rules, or take that one away"),
        );
    }
}
