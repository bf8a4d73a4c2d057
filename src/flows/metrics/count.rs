//! What a metric counts, and its own labels.

use super::key::Key;
use crate::{
    events::{Direction, Event, EventKind, L4, TcpFlags},
    flows::{Record, RuleMatch, protocol, protocol_name, render},
    hubble::flow::{CiliumEventType, Verdict},
    model::{DropReason, Identity},
};

/// What a metric counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Count {
    /// Dropped packets.
    Drop,
    /// Everything.
    Flow,
    /// What goes to the outside.
    ToWorld {
        /// Not only what policies drop.
        any_drop: bool,
        /// By destination port.
        port: bool,
        /// Of TCP only the first packet.
        syn_only: bool,
    },
    /// ICMP messages.
    Icmp,
    /// Verdicts of policies.
    Policy,
    /// What is forwarded, by destination port.
    Ports,
    /// Flags of TCP.
    Tcp,
    /// Bytes; [`super::traffic`] counts them.
    Traffic,
}

/// One record told as `kind`.
#[derive(Clone, Copy)]
pub(super) struct Told<'a> {
    pub(super) record: &'a Record,
    pub(super) kind: EventKind,
}

impl Count {
    /// Yields all of them, without options.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let world = Self::ToWorld { any_drop: false, port: false, syn_only: false };
        let plain = [Self::Icmp, Self::Policy, Self::Ports, Self::Tcp, Self::Traffic];
        [Self::Drop, Self::Flow, world].into_iter().chain(plain)
    }

    /// Returns the name in lists.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Flow => "flow",
            Self::ToWorld { .. } => "flows-to-world",
            Self::Icmp => "icmp",
            Self::Policy => "policy",
            Self::Ports => "port-distribution",
            Self::Tcp => "tcp",
            Self::Traffic => "traffic",
        }
    }

    /// Returns the name of the metric, without prefix and `_total`, and what it is.
    pub(super) const fn metric(self) -> (&'static str, &'static str) {
        match self {
            Self::Drop => ("drop", "Dropped packets"),
            Self::Flow => ("flows_processed", "Flows"),
            Self::ToWorld { .. } => ("flows_to_world", "Flows to the outside of the cluster"),
            Self::Icmp => ("icmp", "ICMP messages"),
            Self::Policy => ("policy_verdicts", "Verdicts of policies"),
            Self::Ports => ("port_distribution", "Forwarded flows by destination port"),
            Self::Tcp => ("tcp_flags", "Flags of TCP"),
            Self::Traffic => {
                ("traffic_bytes", "Bytes of connections, sent and received by who opened them")
            }
        }
    }

    /// Returns the names of its own labels.
    pub(super) const fn labels(self) -> &'static [&'static str] {
        match self {
            Self::Drop => &["reason", "protocol"],
            Self::Flow => &["protocol", "type", "subtype", "verdict"],
            Self::ToWorld { port: false, .. } => &["protocol", "verdict"],
            Self::ToWorld { port: true, .. } => &["protocol", "verdict", "port"],
            Self::Icmp => &["family", "type"],
            Self::Policy => &["direction", "match", "action"],
            Self::Ports => &["protocol", "port"],
            Self::Tcp => &["flag", "family"],
            Self::Traffic => &["protocol", "direction"],
        }
    }

    /// Sets an option of its own; tells whether there is one of that name.
    pub(super) fn set(&mut self, option: &str) -> bool {
        let Self::ToWorld { any_drop, port, syn_only } = self else { return false };
        match option {
            "any-drop" => *any_drop = true,
            "port" => *port = true,
            "syn-only" => *syn_only = true,
            _ => return false,
        }
        true
    }

    /// Writes the values of its own labels and calls `count`, once for each thing to count.
    pub(super) fn each(self, told: Told<'_>, key: &mut Key, mut count: impl FnMut(&mut Key)) {
        let event = &told.record.event;
        key.clear();
        match self {
            Self::Drop => {
                let Some(reason) = told.dropped() else { return };
                key.push_known(reason.name());
                push_protocol(event, key);
            }
            Self::Flow => {
                let (kind, sub) = told.kind_names();
                push_protocol(event, key);
                [kind, sub, told.verdict().as_str_name()]
                    .into_iter()
                    .for_each(|value| key.push_known(value));
            }
            Self::ToWorld { any_drop, port, syn_only } => {
                if !told.goes_to_world(any_drop, syn_only) {
                    return;
                }
                push_protocol(event, key);
                key.push_known(told.verdict().as_str_name());
                match event.destination.port {
                    Some(number) if port => key.push_number(number.into()),
                    None if port => key.push_known(""),
                    _ => {}
                }
            }
            Self::Icmp => {
                let (family, name) = match event.l4 {
                    Some(L4::Icmp { kind, code }) => ("IPv4", protocol::icmpv4(kind, code)),
                    Some(L4::Icmpv6 { kind, code }) => ("IPv6", protocol::icmpv6(kind, code)),
                    _ => return,
                };
                key.push_known(family);
                key.push(&name);
            }
            Self::Policy => {
                let Some(action) = told.decided() else { return };
                key.push_known(direction(event.direction));
                key.push_known(told.matched());
                key.push_known(action);
            }
            Self::Ports => {
                let is_asked = told.verdict() == Verdict::Forwarded && event.reply == Some(false);
                if !is_asked || event.l4.is_none() {
                    return;
                }
                push_protocol(event, key);
                key.push_number(event.destination.port.unwrap_or_default().into());
            }
            Self::Traffic => return,
            Self::Tcp => {
                let Some(L4::Tcp(flags)) = event.l4 else { return };
                if told.verdict() != Verdict::Forwarded {
                    return;
                }
                for flag in flag_names(flags) {
                    key.clear();
                    key.push_known(flag);
                    key.push_known(if event.ip_version == Some(4) { "IPv4" } else { "IPv6" });
                    count(key);
                }
                return;
            }
        }
        count(key);
    }
}

impl Told<'_> {
    fn dropped(self) -> Option<DropReason> {
        render::drop_reason(self.kind)
    }

    fn verdict(self) -> Verdict {
        render::verdict(self.kind)
    }

    fn kind_names(self) -> (&'static str, &'static str) {
        match self.kind {
            EventKind::Drop(_) => ("Drop", ""),
            EventKind::Denied(_) | EventKind::Allowed | EventKind::Audited => ("PolicyVerdict", ""),
            // As Hubble counts what it has no name for: by its number.
            EventKind::Socket(_) => ("Unknown", "7"),
            _ => {
                let point = self.record.event.observation as usize;
                ("Trace", CiliumEventType::TRACE_POINTS[point].1)
            }
        }
    }

    /// Hubble leaves out what a node or its health check sends.
    fn decided(self) -> Option<&'static str> {
        let event = &self.record.event;
        let [source, destination] = [event.source.identity, event.destination.identity];
        if source == Identity::HOST || source == Identity(4) || destination == Identity(4) {
            return None;
        }
        match self.kind {
            EventKind::Allowed => Some("forwarded"),
            EventKind::Audited => Some("audit"),
            EventKind::Denied(_) => Some("dropped"),
            _ => None,
        }
    }

    fn matched(self) -> &'static str {
        self.record.rule.as_ref().map_or(RuleMatch::None, |rule| rule.matched).name()
    }

    /// Answers are left out: their ports are of clients.
    fn goes_to_world(self, any_drop: bool, syn_only: bool) -> bool {
        let event = &self.record.event;
        let is_world = matches!(
            event.destination.identity,
            Identity::WORLD_V4
                | Identity::WORLD_V6
                | Identity::OUTSIDE_APISERVER_V4
                | Identity::OUTSIDE_APISERVER_V6
        );
        if !is_world || event.l4.is_none() {
            return false;
        }
        let is_reply = event.reply == Some(true);
        let counts = match self.dropped() {
            Some(reason) => any_drop || reason == DropReason::PolicyDenied,
            None => !is_reply,
        };
        let opens =
            matches!(event.l4, Some(L4::Tcp(flags)) if flags.contains(TcpFlags::SYN)) && !is_reply;
        counts && (!syn_only || opens)
    }
}

pub(super) fn push_protocol(event: &Event, key: &mut Key) {
    key.push_known(match event.l4 {
        Some(L4::Tcp(_)) => "TCP",
        Some(L4::Udp) => "UDP",
        Some(L4::Sctp) => "SCTP",
        Some(L4::Icmp { .. }) => "ICMPv4",
        Some(L4::Icmpv6 { .. }) => "ICMPv6",
        Some(L4::Other(number)) => return key.push(&protocol_name(number)),
        None => "Unknown flow",
    });
}

fn flag_names(flags: TcpFlags) -> impl Iterator<Item = &'static str> {
    let has = |flag| flags.contains(flag);
    let syn = match (has(TcpFlags::SYN), has(TcpFlags::ACK)) {
        (true, true) => Some("SYN-ACK"),
        (true, false) => Some("SYN"),
        (false, _) => None,
    };
    let fin = has(TcpFlags::FIN).then_some("FIN");
    let rst = has(TcpFlags::RST).then_some("RST");
    [fin, syn, rst].into_iter().flatten()
}

/// Returns a direction as labels have it.
pub(super) const fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Unknown => "unknown",
        Direction::Ingress => "ingress",
        Direction::Egress => "egress",
    }
}
