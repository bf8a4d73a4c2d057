//! Rules in words.

use std::fmt;

use crate::policy::rule::{
    Action, Auth, Direction, LabelKey, LabelSource, Peer, Peers, PortMatch, PortRule, Ports,
    Protocol, Requirement, Rule, Selector, ServiceChoice, Test,
};

/// Peers and ports that are told before the rest is only counted.
const TOLD: usize = 6;

/// A rule as a sentence without its subject: `allows 80/tcp from pods app=web in shop`.
#[derive(Clone, Copy, Debug)]
pub struct RuleWords<'a>(pub &'a Rule);

impl fmt::Display for RuleWords<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(rule) = self;
        let verb = match rule.action {
            Action::Allow(Some(Auth::Required | Auth::AlwaysFail)) => "allows after authentication",
            Action::Allow(_) => "allows",
            Action::Deny => "denies",
            Action::Pass => "leaves to the next tier",
        };
        let side = match rule.direction {
            Direction::Ingress => "from",
            Direction::Egress => "to",
        };
        write!(f, "{verb} {} {side} {}", ports(&rule.ports), peers(&rule.peers))
    }
}

/// Says who peers are.
pub fn peers(peers: &Peers) -> String {
    match peers {
        Peers::Any => "anybody".to_owned(),
        Peers::Of(list) if list.is_empty() => "nobody".to_owned(),
        Peers::Of(list) => told(list.iter().map(peer).collect(), " or "),
    }
}

fn told(mut all: Vec<String>, between: &str) -> String {
    if all.len() > TOLD {
        let rest = all.len() - TOLD;
        all.truncate(TOLD);
        all.push(format!("{rest} more"));
    }
    all.join(between)
}

fn peer(peer: &Peer) -> String {
    match peer {
        Peer::Labels(labels) => selector(labels),
        Peer::Entity(entity) => format!("entity {}", entity.name()),
        Peer::Cidrs(cidrs) if cidrs.except.is_empty() => cidrs.prefix.to_string(),
        Peer::Cidrs(cidrs) => {
            let except = cidrs.except.iter().map(ToString::to_string).collect();
            format!("{} except {}", cidrs.prefix, told(except, ", "))
        }
        Peer::CidrGroup { labels, .. } => format!("CIDR groups {labels}"),
        Peer::Names(names) => names.written.clone(),
        Peer::Services(service) => {
            let namespace = service.namespace.as_ref().map(|n| format!("{n}/")).unwrap_or_default();
            match &service.which {
                ServiceChoice::Name(name) => format!("service {namespace}{name}"),
                ServiceChoice::Labels(labels) => format!("services {namespace}{labels}"),
            }
        }
        Peer::Unknown(_) => "somebody who is not known here".to_owned(),
    }
}

/// Says whom a selector of pods means.
pub fn selector(selector: &Selector) -> String {
    let mut namespace = None;
    let mut others = Vec::new();
    let mut reserved = false;
    for requirement in selector.requirements() {
        let Requirement { key, test } = requirement;
        if key.means_kubernetes(LabelKey::NAMESPACE) {
            match test {
                Test::In(values) if values.len() == 1 => namespace = values.first().cloned(),
                Test::Exists => {}
                _ => others.push(condition(requirement)),
            }
        } else if !(key.means_kubernetes(LabelKey::CLUSTER) && matches!(test, Test::In(_))) {
            reserved |= key.is_of("reserved");
            others.push(condition(requirement));
        }
    }
    let what = match (others.is_empty(), reserved) {
        (true, _) => "all pods".to_owned(),
        (false, false) => format!("pods {}", others.join(",")),
        (false, true) => others.join(","),
    };
    namespace.map_or_else(|| what.clone(), |namespace| format!("{what} in {namespace}"))
}

fn condition(Requirement { key, test }: &Requirement) -> String {
    let key = match &key.source {
        LabelSource::Named(source) if **source != *"k8s" => format!("{source}:{}", key.name),
        _ => key.name.to_string(),
    };
    let key = key.replace(LabelKey::NAMESPACE_LABELS, "namespace:");
    let key = key.replace(LabelKey::SERVICE_ACCOUNT, "serviceaccount");
    let list = |values: &std::collections::BTreeSet<String>| {
        values.iter().map(String::as_str).collect::<Vec<_>>().join("|")
    };
    match test {
        Test::In(values) => format!("{key}={}", list(values)),
        Test::NotIn(values) => format!("{key}!={}", list(values)),
        Test::Exists => key,
        Test::Absent => format!("!{key}"),
    }
}

/// Says which packets are meant.
pub fn ports(ports: &Ports) -> String {
    let Ports::Of(list) = ports else { return "everything".to_owned() };
    if list.is_empty() {
        return "nothing".to_owned();
    }
    let mut texts = Vec::new();
    let mut rest: &[PortRule] = list;
    while let Some(first) = rest.first() {
        // A port of any protocol was written once and stands here three times.
        let any = rest.len() >= 3
            && rest[..3]
                .iter()
                .zip(Protocol::WITH_PORTS)
                .all(|(rule, protocol)| rule.protocol == protocol && rule.ports == first.ports);
        texts.push(port(&first.ports, if any { "any" } else { first.protocol.name() }));
        rest = &rest[if any { 3 } else { 1 }..];
    }
    told(texts, ", ")
}

fn port(ports: &PortMatch, protocol: &str) -> String {
    let protocol = protocol.to_ascii_lowercase();
    match ports {
        PortMatch::Any => format!("all/{protocol}"),
        PortMatch::Range(range) if range.first == range.last => {
            format!("{}/{protocol}", range.first)
        }
        PortMatch::Range(range) => format!("{}-{}/{protocol}", range.first, range.last),
        PortMatch::Named(name) => format!("{name}/{protocol}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_in_words() {
        let namespace = LabelKey::kubernetes(LabelKey::NAMESPACE);
        let all = Selector::default();
        assert_eq!(selector(&all), "all pods");
        let own = all.and_is(namespace, "shop");
        assert_eq!(selector(&own), "all pods in shop");
        let web = own.and_is(LabelKey::parse("app"), "web").and(LabelKey::parse("x"), Test::Absent);
        assert_eq!(selector(&web), "pods app=web,!x in shop");
    }

    #[test]
    fn ports_in_words() {
        let rule = |protocol, ports| PortRule { protocol, ports, proxy: None };
        let any = Protocol::WITH_PORTS.map(|protocol| rule(protocol, PortMatch::one(53)));
        let mut list = any.to_vec();
        list.push(rule(Protocol::Tcp, PortMatch::range(1, 9)));
        assert_eq!(ports(&Ports::Of(list)), "53/any, 1-9/tcp");
        assert_eq!(ports(&Ports::All), "everything");
    }
}
