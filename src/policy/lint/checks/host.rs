//! NP6001 and NP6002: policies for nodes.

use super::super::{
    context::{Context, reserved},
    finding::{Finding, Safety},
};
use crate::policy::{
    cluster::Actor,
    judge::Packet,
    parse::Severity,
    rule::{Direction, Protocol, Rule, Subject},
};

/// What a node must be reached by: who, how, and what for.
const NEEDED: [(&str, Protocol, u16, &str); 11] = [
    ("world-ipv4", Protocol::Tcp, 22, "SSH (22)"),
    ("kube-apiserver", Protocol::Tcp, 10250, "kubelet (10250)"),
    ("remote-node", Protocol::Tcp, 6443, "the API server (6443)"),
    ("remote-node", Protocol::Tcp, 2379, "etcd (2379)"),
    ("remote-node", Protocol::Tcp, 2380, "etcd (2380)"),
    ("remote-node", Protocol::Tcp, 4240, "health checks (4240)"),
    ("remote-node", Protocol::Udp, 8472, "VXLAN (8472)"),
    ("remote-node", Protocol::Udp, 6081, "Geneve (6081)"),
    ("remote-node", Protocol::Udp, 51871, "WireGuard (51871)"),
    ("health", Protocol::Icmp, 8, "health checks (ping)"),
    ("world-ipv6", Protocol::Tcp, 22, "SSH (22) over IPv6"),
];

/// Returns what nodes need and get from no rule.
pub(super) fn missing(context: &Context<'_>, rule: &Rule) -> Vec<&'static str> {
    let mut host = context.corpus.host();
    let own = context.witness(rule.subject.selector());
    host.labels.0.extend(own.labels.0.into_iter().filter_map(|(key, value)| {
        let name = key.strip_prefix("k8s:")?.to_owned();
        (!name.starts_with("io.cilium.")).then_some((format!("node:{name}"), value))
    }));
    let denied = |(who, protocol, port, _): &&(&str, Protocol, u16, &str)| {
        let peer: Actor = reserved(who);
        let packet = Packet { protocol: *protocol, port: *port };
        context.judge(&host, &peer, Direction::Ingress, packet).verdict.is_denied()
    };
    let is_denied = |needed: &&(&'static str, Protocol, u16, &'static str)| {
        context.ask(needed.3, &rule.subject, || denied(needed))
    };
    NEEDED.iter().filter(is_denied).map(|(.., what)| *what).collect()
}

pub(in super::super) fn check(context: &Context<'_>) {
    for spec in context.specs.iter().filter(|spec| spec.is_for_nodes()) {
        let Some((key, node)) = spec.selector() else { continue };
        let reference = &spec.object.parsed.reference;
        let path = format!("{}.{key}", spec.path);
        let span = super::dns::first_line(node, spec.node, key);
        if context.corpus.facts.host_firewall == Some(false) {
            let message = "has no effect: the host firewall is off in this cluster";
            context.report(Finding::new("NP6002", reference, (node, &path), message).at(span));
        }
        let Some(rule) = super::isolation::isolating(spec, Direction::Ingress) else { continue };
        if !matches!(rule.subject, Subject::Nodes(_)) {
            continue;
        }
        let missing = missing(context, rule);
        if missing.is_empty() {
            continue;
        }
        // Without the nodes, other policies of the cluster may well allow what these files do not.
        let knows = context.is_whole() || context.corpus.facts.has_nodes;
        let severity = if knows { Severity::Error } else { Severity::Warn };
        let message = format!("locks nodes up: no rule allows {}", missing.join(", "));
        context.report(
            Finding::new("NP6001", reference, (node, &path), message)
                .at(span)
                .severity(severity)
                .note("add `enableDefaultDeny: {ingress: false}`, or rules for what nodes need: entities remote-node, kube-apiserver and health, and SSH from where you are")
                .edits(Safety::Display, super::isolation::switched_off(spec, "ingress"))
                .note("try it first with the annotation policy.skep.io/audit: \"true\""),
        );
    }
}
