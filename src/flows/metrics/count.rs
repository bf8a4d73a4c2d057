//! What a metric counts, and its own labels.

use super::{key::Key, told::Told};
use crate::{
    events::{Direction, L4, TcpFlags},
    flows::{protocol, protocol_name},
    hubble::flow::Verdict,
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
    pub(super) fn each(self, told: Told, key: &mut Key, mut count: impl FnMut(&mut Key)) {
        key.clear();
        match self {
            Self::Drop => {
                let Some(reason) = told.dropped() else { return };
                key.push_known(reason.name());
                push_protocol(told.l4, key);
            }
            Self::Flow => {
                let (kind, sub) = told.kind_names();
                push_protocol(told.l4, key);
                [kind, sub, told.verdict().as_str_name()]
                    .into_iter()
                    .for_each(|value| key.push_known(value));
            }
            Self::ToWorld { any_drop, port, syn_only } => {
                if !told.goes_to_world(any_drop, syn_only) {
                    return;
                }
                push_protocol(told.l4, key);
                key.push_known(told.verdict().as_str_name());
                match told.asked_port {
                    Some(number) if port => key.push_number(number.into()),
                    None if port => key.push_known(""),
                    _ => {}
                }
            }
            Self::Icmp => {
                let (family, name) = match told.l4 {
                    Some(L4::Icmp { kind, code }) => ("IPv4", protocol::icmpv4(kind, code)),
                    Some(L4::Icmpv6 { kind, code }) => ("IPv6", protocol::icmpv6(kind, code)),
                    _ => return,
                };
                key.push_known(family);
                key.push(&name);
            }
            Self::Policy => {
                let Some(action) = told.decided() else { return };
                key.push_known(direction(told.direction));
                key.push_known(told.matched());
                key.push_known(action);
            }
            Self::Ports => {
                let is_asked = told.verdict() == Verdict::Forwarded && told.reply == Some(false);
                if !is_asked || told.l4.is_none() {
                    return;
                }
                push_protocol(told.l4, key);
                key.push_number(told.asked_port.unwrap_or_default().into());
            }
            Self::Traffic => return,
            Self::Tcp => {
                let Some(L4::Tcp(flags)) = told.l4 else { return };
                if told.verdict() != Verdict::Forwarded {
                    return;
                }
                for flag in flag_names(flags) {
                    key.clear();
                    key.push_known(flag);
                    key.push_known(if told.ip_version == Some(4) { "IPv4" } else { "IPv6" });
                    count(key);
                }
                return;
            }
        }
        count(key);
    }
}

/// Writes the protocol's name.
pub(super) fn push_protocol(l4: Option<L4>, key: &mut Key) {
    key.push_known(match l4 {
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
