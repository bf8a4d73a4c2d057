//! NP3001-NP3003: names and those who resolve them.

use std::collections::HashMap;

use super::super::{
    context::{Context, reserved},
    cover::{names_cover, ports_cover},
    edit::{Snippet, add_entry, add_item},
    finding::{Edit, Finding, Safety},
    tree::{RuleNode, Spec, items},
};
use crate::{
    model::Labels,
    policy::{
        cluster::{Actor, Role},
        explain,
        parse::names_of,
        rule::{
            Action, Direction, LabelKey, Names, Peer, Peers, PortMatch, PortRule, Ports, Protocol,
            ProxyKind, Rule, Subject, Tier,
        },
        text::Node,
    },
};

/// Resolvers and their port, up to the rules for a proxy.
const DNS: &str = "toEndpoints: [{matchLabels: {k8s:io.kubernetes.pod.namespace: kube-system, k8s-app: kube-dns}}], toPorts: [{ports: [{port: \"53\", protocol: ANY}]";
const DNS_BLOCK: &str = "toEndpoints:
- matchLabels:
    k8s:io.kubernetes.pod.namespace: kube-system
    k8s-app: kube-dns
toPorts:
- ports:
  - port: \"53\"
    protocol: ANY";
const ALL_NAMES: &str = ", rules: {dns: [{matchPattern: \"*\"}]}";
const ALL_NAMES_BLOCK: &str = "\n  rules:\n    dns:\n    - matchPattern: \"*\"";
/// The same in the words of Kubernetes.
const API_DNS: &str = "to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}}], ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]";
const API_DNS_BLOCK: &str = "to:
- namespaceSelector:
    matchLabels:
      kubernetes.io/metadata.name: kube-system
ports:
- port: 53
  protocol: UDP
- port: 53
  protocol: TCP";

/// What lets pods ask the cluster's DNS.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Allowed {
    /// By Cilium's rules.
    Cilium,
    /// By Cilium's rules, seen by the proxy.
    Seen,
    /// By rules of Kubernetes.
    Kubernetes,
}

impl Allowed {
    fn rule(self) -> Snippet {
        let (flow, block) = match self {
            Self::Cilium => (format!("{DNS}}}]"), DNS_BLOCK.to_owned()),
            Self::Seen => (format!("{DNS}{ALL_NAMES}}}]"), format!("{DNS_BLOCK}{ALL_NAMES_BLOCK}")),
            Self::Kubernetes => (API_DNS.to_owned(), API_DNS_BLOCK.to_owned()),
        };
        Snippet { flow: format!("{{{flow}}}"), block }
    }

    /// Says it, and adds it to a finding as a fix.
    fn offer(self, finding: Finding, spec: &Spec<'_>) -> Finding {
        let rule = self.rule();
        let edit = match spec.node.get("egress") {
            Some(list) => add_item(list, &rule),
            None => add_entry(spec.node, "egress", &format!("[{}]", rule.flow)),
        };
        let words = rule.flow.trim_start_matches('{').trim_end_matches('}');
        finding.note(format!("allow it: {words}")).edits(Safety::Unsafe, edit)
    }
}

pub(in super::super) fn check(context: &Context<'_>) {
    let mut resolving = Resolving { patterns: patterns(context), seeing: HashMap::new() };
    for spec in &context.specs {
        let is_reported = fqdn(context, spec, &mut resolving);
        if !is_reported {
            no_dns(context, spec);
        }
    }
}

/// The names that rules let a resolver be asked for, by the rules' addresses.
type Patterns = HashMap<*const Rule, Vec<Names>>;

/// Which names may be resolved by whom.
struct Resolving<'a> {
    patterns: Patterns,
    /// The rules that see the DNS answers of subjects.
    seeing: HashMap<&'a Subject, Vec<&'a Rule>>,
}

fn patterns(context: &Context<'_>) -> Patterns {
    let mut patterns = Patterns::new();
    for (_, node) in context.rules() {
        let Some(rule) = node.rule else { continue };
        for group in node.port_groups() {
            let Some(list) = group.node.at(&["rules", "dns"]) else { continue };
            let names = list.items().iter().filter_map(names_of);
            patterns.entry(std::ptr::from_ref(rule)).or_default().extend(names);
        }
    }
    patterns
}

fn has_names(rule: &Rule) -> bool {
    matches!(&rule.peers, Peers::Of(list) if list.iter().any(|peer| matches!(peer, Peer::Names(_))))
}

fn sees_dns(rule: &Rule) -> bool {
    let is_dns =
        |port: &PortRule| port.proxy.as_ref().is_some_and(|proxy| proxy.kind == ProxyKind::Dns);
    matches!(&rule.ports, Ports::Of(list) if list.iter().any(is_dns))
}

/// NP3001 and NP3003; tells whether the first of them was found.
fn fqdn<'a>(context: &Context<'a>, spec: &Spec<'a>, resolving: &mut Resolving<'a>) -> bool {
    // All rules of a spec are for the same subjects.
    let named = |node: &&RuleNode<'_>| node.rule.is_some_and(has_names);
    let Some(first) = spec.rules.iter().find(named).and_then(|node| node.rule) else {
        return false;
    };
    let seeing = resolving.seeing.entry(&first.subject).or_insert_with(|| {
        let covering = context.index.covering(&first.subject, Direction::Egress);
        covering.map(|(_, rule)| rule).filter(|rule| sees_dns(rule)).collect()
    });
    // The list to which a name is added that may not be resolved yet.
    let mut groups = spec.rules.iter().flat_map(RuleNode::port_groups);
    let resolved = groups.find_map(|group| group.node.at(&["rules", "dns"]));
    let patterns = &resolving.patterns;
    let admitted: Vec<&Names> = seeing
        .iter()
        .filter_map(|rule| patterns.get(&std::ptr::from_ref(*rule)))
        .flatten()
        .collect();
    for node in &spec.rules {
        let Some(rule) = node.rule.filter(|rule| has_names(rule) && spec.is_cilium()) else {
            continue;
        };
        if seeing.is_empty() && !pods_are_seen(context, rule) {
            let who = explain::selector(rule.subject.selector());
            let place = node.node.get("toFQDNs").unwrap_or(node.node);
            let path = format!("{}.toFQDNs", node.path);
            let message = format!(
                "no rule lets skep see the DNS answers of {who}, so these names have no addresses"
            );
            let finding =
                Finding::new("NP3001", &node.object.parsed.reference, (place, &path), message);
            context.report(Allowed::Seen.offer(finding, spec));
            return true;
        }
        not_admitted(context, (resolved, node), &admitted);
    }
    false
}

/// Tells whether every pod that there is has a rule that sees its DNS answers.
fn pods_are_seen(context: &Context<'_>, rule: &Rule) -> bool {
    let mut pods = context.selected(rule.subject.selector()).peekable();
    pods.peek().is_some()
        && pods.all(|pod| {
            context.index.of(pod, Direction::Egress).iter().any(|(_, rule)| sees_dns(rule))
        })
}

/// NP3003.
fn not_admitted(
    context: &Context<'_>,
    (resolved, node): (Option<&Node>, &RuleNode<'_>),
    admitted: &[&Names],
) {
    let Some(list) = node.node.get("toFQDNs").filter(|_| !admitted.is_empty()) else { return };
    for item in items("toFQDNs", list, &node.path) {
        let Some(names) = names_of(item.node) else { continue };
        if admitted.iter().any(|pattern| names_cover(pattern, &names)) {
            continue;
        }
        let message = format!("{:?} may not be resolved: no dns rule admits it", names.written);
        let written: Vec<&str> = admitted.iter().take(5).map(|n| n.written.as_str()).collect();
        let at = (item.node, item.path.as_str());
        let written = written.join(", ");
        context.report(
            Finding::new("NP3003", &node.object.parsed.reference, at, message)
                .note(format!("admitted are {written}; add this name to the dns rules"))
                .edits(Safety::Unsafe, resolved.and_then(|list| admission(list, item.node))),
        );
    }
}

/// Adds a name to a list of names that pods may ask for.
fn admission(list: &Node, names: &Node) -> Option<Edit> {
    let [entry] = names.entries() else { return None };
    let text = format!("{}: {:?}", entry.key, entry.node.text()?);
    add_item(list, &Snippet { flow: format!("{{{text}}}"), block: text })
}

fn allows_dns(context: &Context<'_>, rule: &Rule) -> bool {
    if !matches!(rule.action, Action::Allow(_)) {
        return false;
    }
    if matches!(&rule.peers, Peers::Of(list) if list.is_empty()) {
        return false;
    }
    let names_53 = |port: &PortRule| match &port.ports {
        PortMatch::Range(range) => range.range().contains(&53),
        PortMatch::Named(name) => name.starts_with("dns") || name == "domain",
        PortMatch::Any => false,
    };
    if matches!(&rule.ports, Ports::Of(list) if list.iter().any(names_53)) {
        return true;
    }
    let dns = Ports::Of(vec![PortRule {
        protocol: Protocol::Udp,
        ports: PortMatch::one(53),
        proxy: None,
    }]);
    let cluster = &context.corpus.settings.cluster;
    let matcher = context.matcher();
    ports_cover(&rule.ports, &dns) && matcher.matches(rule, &resolver(cluster))
}

/// A pod of the cluster's DNS, as it is in most clusters.
fn resolver(cluster: &str) -> Actor {
    let labels = Labels::from_iter([
        ("k8s:k8s-app".to_owned(), "kube-dns".to_owned()),
        (format!("k8s:{}", LabelKey::NAMESPACE), "kube-system".to_owned()),
        (
            format!("k8s:{}kubernetes.io/metadata.name", LabelKey::NAMESPACE_LABELS),
            "kube-system".to_owned(),
        ),
        (format!("k8s:{}", LabelKey::SERVICE_ACCOUNT), "coredns".to_owned()),
        (format!("k8s:{}", LabelKey::CLUSTER), cluster.to_owned()),
    ]);
    Actor::new("cluster DNS", Role::Pod, labels)
}

/// Tells whether subjects of a rule that isolates may still ask the cluster's DNS.
pub(super) fn reaches_dns(context: &Context<'_>, subject: &Subject) -> bool {
    context.ask("reaches DNS", subject, || {
        let mut rules = context.index.covering(subject, Direction::Egress);
        rules.any(|(_, rule)| rule.turn.tier <= Tier::Normal && allows_dns(context, rule))
    })
}

/// Tells whether subjects of a rule that isolates may still ask the API server.
pub(super) fn reaches_apiserver(context: &Context<'_>, subject: &Subject) -> bool {
    let matcher = context.matcher();
    let server = reserved("kube-apiserver");
    let allows =
        |rule: &Rule| matches!(rule.action, Action::Allow(_)) && matcher.matches(rule, &server);
    context.ask("reaches the API server", subject, || {
        context.index.covering(subject, Direction::Egress).any(|(_, rule)| allows(rule))
    })
}

/// NP3002.
fn no_dns(context: &Context<'_>, spec: &Spec<'_>) {
    let isolating = super::isolation::isolating(spec, Direction::Egress);
    let Some(rule) = isolating.filter(|rule| !matches!(rule.subject, Subject::Nodes(_))) else {
        return;
    };
    let own = rule.subject.selector();
    let is_dns = own
        .requirements()
        .any(|r| r.key.means_kubernetes("k8s-app") && format!("{:?}", r.test).contains("dns"));
    if is_dns || reaches_dns(context, &rule.subject) {
        return;
    }
    let place =
        spec.node.get("egress").or_else(|| spec.node.get("egressDeny")).unwrap_or(spec.node);
    let message = format!(
        "isolates {} for egress, and no rule lets them ask the cluster's DNS",
        explain::selector(own)
    );
    let first = first_line(place, spec.node, "egress");
    let path = format!("{}.egress", spec.path);
    let finding =
        Finding::new("NP3002", &spec.object.parsed.reference, (place, &path), message).at(first);
    let witness = context.witness(own).name;
    let finding = finding
        .note(format!("for example {witness} to kube-system/kube-dns, 53/udp: denied by default"));
    let allowed = if spec.is_cilium() { Allowed::Cilium } else { Allowed::Kubernetes };
    context.report(allowed.offer(finding, spec));
}

/// Points at a key rather than at all that is below it.
pub(super) fn first_line(place: &Node, map: &Node, prefix: &str) -> crate::policy::text::Span {
    let entry = map.entries().iter().find(|entry| entry.key.starts_with(prefix));
    entry.map_or(place.span, |entry| entry.key_span)
}
