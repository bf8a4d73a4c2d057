//! NP3005-NP3008, NP3010 and NP3011: who can no longer be reached.

use std::collections::HashMap;

use super::super::{
    context::{Context, reserved},
    cover::may_meet,
    edit::{Snippet, add_item},
    facts::ServiceFact,
    finding::{Finding, Safety},
    monitor::{own_labels, scraped_ports},
    tree::RuleNode,
};
use crate::policy::{
    cluster::Actor,
    explain,
    judge::{Deciding, Decision, Packet},
    rule::{
        Action, Direction, Entity, LabelKey, Peer, Peers, PolicyRef, PortMatch, Ports, Protocol,
        Rule, Tier,
    },
    text::{Node, Span},
};

/// Rules of a spec whose other side is asked.
const TRIED: usize = 500;

pub(in super::super) fn check(context: &Context<'_>) {
    let mut sides = HashMap::new();
    for spec in &context.specs {
        for (n, node) in spec.rules.iter().enumerate() {
            let Some(rule) = node.rule else { continue };
            if n < TRIED {
                one_sided(context, node, rule, &mut sides);
            }
            controllers(context, node, rule);
        }
    }
    baselines(context);
    if !context.pods.is_empty() {
        probes(context);
        webhooks(context);
        metrics(context);
    }
}

/// Reports what a policy does to somebody, at the policy that decides it.
fn blame(context: &Context<'_>, id: &str, decision: &Decision<'_>, message: String, note: &str) {
    let (policy, path, at): (&PolicyRef, &str, _) = match &decision.deciding {
        Deciding::Rule(place) => (&place.policy, &place.path, place.at),
        Deciding::Isolation(policies) => match policies.first() {
            Some(first) => (first, "spec", first.at),
            None => return,
        },
        _ => return,
    };
    let Some(object) = context.object(policy) else { return };
    let finding = Finding::new(id, &object.parsed.reference, (&Node::default(), path), message);
    context.report(finding.at(Span { start: at, end: at }).note(note));
}

fn tcp(port: u16) -> Packet {
    Packet { protocol: Protocol::Tcp, port }
}

/// Finds a port of a pod by number or name.
fn resolve(pod: &Actor, port: &Result<u16, String>) -> Option<u16> {
    match port {
        Ok(number) => Some(*number),
        Err(name) => pod.ports.iter().find(|own| own.name == *name).map(|own| own.port),
    }
}

/// NP3005.
fn probes(context: &Context<'_>) {
    let host = context.corpus.host();
    for pod in &context.pods {
        let Some(fact) = context.corpus.facts.pods.get(&pod.name) else { continue };
        for probe in &fact.probes {
            let Some(port) = resolve(pod, probe) else { continue };
            let decision = context.judge(pod, &host, Direction::Ingress, tcp(port));
            if decision.verdict.is_denied() {
                let message = format!("keeps kubelet from probing {} on port {port}", pod.name);
                blame(
                    context,
                    "NP3005",
                    &decision,
                    message,
                    "do not deny the entity host, or only other ports",
                );
                break;
            }
        }
    }
}

fn backends<'s>(
    context: &'s Context<'_>,
    service: &'s ServiceFact,
) -> impl Iterator<Item = &'s Actor> {
    let prefix = format!("{}/", service.namespace);
    context.pods.iter().filter(move |pod| {
        pod.name.starts_with(&prefix)
            && !service.selector.is_empty()
            && service.selector.iter().all(|(key, value)| {
                LabelKey::kubernetes(key).values(&pod.labels).any(|own| own == value)
            })
    })
}

/// NP3006.
fn webhooks(context: &Context<'_>) {
    let facts = &context.corpus.facts;
    let server = reserved("kube-apiserver");
    for hook in &facts.webhooks {
        let is = |s: &&ServiceFact| s.namespace == hook.namespace && s.name == hook.service;
        let Some(service) = facts.services.iter().find(is) else { continue };
        let port = service.ports.iter().find(|port| port.port == hook.port);
        let Some(pod) = backends(context, service).next() else { continue };
        let target = port.map_or(Ok(hook.port), |port| port.target.clone());
        let Some(number) = resolve(pod, &target) else { continue };
        let decision = context.judge(pod, &server, Direction::Ingress, tcp(number));
        if decision.verdict.is_denied() {
            let message = format!(
                "keeps the API server from {} on port {number}, which {} needs",
                pod.name, hook.what
            );
            let note = "allow the entities kube-apiserver, host and remote-node: which of them the API server comes as depends on where it runs";
            blame(context, "NP3006", &decision, message, note);
        }
    }
}

/// What those who fetch metrics are called.
const SCRAPERS: [&str; 4] = ["prometheus", "vmagent", "victoria-metrics-agent", "alloy"];

/// NP3007.
fn metrics(context: &Context<'_>) {
    let is_scraper = |pod: &&Actor| {
        ["app.kubernetes.io/name", "app"].iter().any(|key| {
            LabelKey::kubernetes(key).values(&pod.labels).any(|value| SCRAPERS.contains(&value))
        })
    };
    let Some(scraper) = context.pods.iter().find(is_scraper) else { return };
    let facts = &context.corpus.facts;
    for pod in context.pods.iter().filter(|pod| pod.name != scraper.name) {
        let Some(fact) = facts.pods.get(&pod.name) else { continue };
        let namespace = pod.name.split('/').next().unwrap_or_default();
        for (port, by) in scraped_ports(facts, (namespace, &own_labels(&pod.labels)), fact) {
            let Some(port) = resolve(pod, &port) else { continue };
            let decision = context.judge(pod, scraper, Direction::Ingress, tcp(port));
            if decision.verdict.is_denied() {
                let (who, whom) = (&scraper.name, &pod.name);
                let message = format!("keeps {who} from the metrics of {whom} on port {port}");
                let note = format!("{by} asks for them: allow the scraper, or take that away");
                blame(context, "NP3007", &decision, message, &note);
                break;
            }
        }
    }
}

/// That the other side says no, and what shows it.
#[derive(Clone)]
struct Refusal {
    message: String,
    notes: [String; 2],
}

/// NP3008. What rules of the same words come to is found once.
fn one_sided(
    context: &Context<'_>,
    node: &RuleNode<'_>,
    rule: &Rule,
    sides: &mut HashMap<String, Option<Refusal>>,
) {
    let Rule { direction, subject, peers, ports, .. } = rule;
    let words = format!("{direction:?} {subject:?} {peers:?} {ports:?}");
    let refusal = sides.entry(words).or_insert_with(|| refusal(context, rule));
    if let (Some(Refusal { message, notes }), Action::Allow(_)) = (refusal.clone(), rule.action) {
        let at = (node.node, node.path.as_str());
        let finding = Finding::new("NP3008", &node.object.parsed.reference, at, message);
        context.report(notes.into_iter().fold(finding, Finding::note));
    }
}

fn refusal(context: &Context<'_>, rule: &Rule) -> Option<Refusal> {
    let Peers::Of(peers) = &rule.peers else { return None };
    let packet = example(&rule.ports)?;
    let subject = rule.subject.selector();
    if subject.has_key(|key| key.is_of("reserved"))
        || matches!(rule.subject, crate::policy::rule::Subject::Nodes(_))
    {
        return None;
    }
    let witness = context.witness(subject);
    for peer in peers {
        let Peer::Labels(labels) = peer else { continue };
        if labels.has_key(|key| key.is_of("reserved"))
            || (!context.pods.is_empty() && context.selected(labels).next().is_none())
        {
            continue;
        }
        let other = context.witness(labels);
        let direction = match rule.direction {
            Direction::Ingress => Direction::Egress,
            Direction::Egress => Direction::Ingress,
        };
        let mut tried = vec![packet];
        if matches!(rule.ports, Ports::All) {
            // The other side may allow less, as long as it allows something.
            let rules = context.index.of(&other, direction);
            tried.extend(rules.iter().filter_map(|(_, rule)| example(&rule.ports)));
        }
        let judge = |packet: &Packet| context.judge(&other, &witness, direction, *packet);
        if tried.iter().any(|packet| !judge(packet).verdict.is_denied()) {
            continue;
        }
        let decision = judge(&packet);
        let by = match &decision.deciding {
            Deciding::Rule(place) => place.to_string(),
            Deciding::Isolation(policies) => {
                policies.first().map(ToString::to_string).unwrap_or_default()
            }
            _ => String::new(),
        };
        let port = format!("{}/{}", packet.port, packet.protocol.name().to_ascii_lowercase());
        let side = direction.name();
        let message = format!("allows one side only: {side} of {} denies {port}", other.name);
        let note = match direction {
            Direction::Ingress => {
                format!("for example {} to {}, {port}: denied by {by}", witness.name, other.name)
            }
            Direction::Egress => {
                format!("for example {} to {}, {port}: denied by {by}", other.name, witness.name)
            }
        };
        let mirror =
            format!("add the mirror of this rule to {side} of {}", explain::selector(labels));
        return Some(Refusal { message, notes: [note, mirror] });
    }
    None
}

/// Returns a packet that a rule is about; `None` if only names or nothing would do.
fn example(ports: &Ports) -> Option<Packet> {
    match ports {
        Ports::All => Some(tcp(80)),
        Ports::Of(list) => list.iter().find_map(|port| match &port.ports {
            PortMatch::Any => Some(Packet { protocol: port.protocol, port: 80 }),
            PortMatch::Range(range) if range.first <= range.last => {
                Some(Packet { protocol: port.protocol, port: range.first })
            }
            _ => None,
        }),
    }
}

/// NP3010.
fn controllers(context: &Context<'_>, node: &RuleNode<'_>, rule: &Rule) {
    if rule.direction != Direction::Ingress || !matches!(rule.action, Action::Allow(_)) {
        return;
    }
    let is_world = |peer: &Peer| matches!(peer, Peer::Entity(Entity::World | Entity::WorldIpv4));
    if !matches!(&rule.peers, Peers::Of(list) if list.iter().any(is_world)) {
        return;
    }
    let proxy = reserved("ingress");
    let matcher = context.matcher();
    let is_open = || {
        let mut covering = context.index.covering(&rule.subject, Direction::Ingress);
        covering.any(|(_, other)| {
            matches!(other.action, Action::Allow(_)) && matcher.matches(other, &proxy)
        })
    };
    if context.ask("lets the ingress proxy in", &rule.subject, is_open) {
        return;
    }
    let message = "allows the world, but what comes through a Gateway or an Ingress comes from the entity ingress";
    let entities = node.node.get("fromEntities");
    context.report(
        Finding::new("NP3010", &node.object.parsed.reference, (node.node, &node.path), message)
            .note("if clients come through one, add the entity ingress")
            .edits(
                Safety::Display,
                entities.and_then(|list| add_item(list, &Snippet::line("ingress"))),
            ),
    );
}

/// NP3011.
fn baselines(context: &Context<'_>) {
    let rules = || context.rules().filter_map(|(_, node)| Some((node, node.rule?)));
    for (node, rule) in rules() {
        if rule.turn.tier != Tier::Baseline || !matches!(rule.action, Action::Allow(_)) {
            continue;
        }
        let meets = |other: &Rule| {
            other.isolates
                && other.direction == rule.direction
                && may_meet(other.subject.selector(), rule.subject.selector())
        };
        let policies = context.corpus.objects.iter().filter_map(|o| o.parsed.policy.as_ref());
        let Some(other) = policies.flat_map(|policy| &policy.rules).find(|other| meets(other))
        else {
            continue;
        };
        let message = format!(
            "{} isolates some of the same pods: by the API its isolation is final, in Cilium this rule opens it",
            other.place.policy
        );
        context.report(
            Finding::new("NP3011", &node.object.parsed.reference, (node.node, &node.path), message)
                .note("say it in a NetworkPolicy, or leave the isolated pods out of the subject"),
        );
    }
}
