//! What the headers of a packet must be.

use super::{
    InvalidFilter,
    invalid::{all, any, each},
    side::{Network, network},
    subject::{Subject, Transport},
};
use crate::hubble::flow::{FlowFilter, IpVersion, TcpFlags, layer7::Record as Layer7};

/// The rules about headers as a whole.
#[derive(Clone, Debug)]
pub(super) struct PacketRules {
    protocol: Vec<Protocol>,
    version: Vec<IpVersion>,
    flags: Vec<TcpFlags>,
    encrypted: Vec<bool>,
    source_xlated: Vec<Network>,
}

/// A protocol, or several that people call by one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Tcp,
    Udp,
    Sctp,
    Icmp,
    Icmpv4,
    Icmpv6,
    Vrrp,
    Igmp,
    Dns,
    Http,
    Kafka,
}

impl PacketRules {
    pub(super) fn compile(filter: &FlowFilter) -> Result<Self, InvalidFilter> {
        Ok(Self {
            protocol: each(
                "protocol",
                &filter.protocol,
                "a protocol such as tcp, udp, sctp, icmp, icmpv4, icmpv6, dns or http",
                |text| Protocol::parse(text),
            )?,
            version: each("ip_version", &filter.ip_version, "the number of an IP version", |n| {
                IpVersion::try_from(*n).ok()
            })?,
            flags: all("tcp_flags", &filter.tcp_flags)?,
            encrypted: all("encrypted", &filter.encrypted)?,
            source_xlated: each(
                "source_ip_xlated",
                &filter.source_ip_xlated,
                Network::EXPECTED,
                |text| network(text),
            )?,
        })
    }

    pub(super) fn matches(&self, flow: &impl Subject) -> bool {
        let translated = || flow.translated_source();
        any(&self.protocol, |wanted| wanted.matches(flow))
            && any(&self.version, |wanted| flow.ip_version() == Some(*wanted))
            && any(&self.flags, |wanted| flow.tcp_flags().is_some_and(|f| f.contains(*wanted)))
            && any(&self.encrypted, |wanted| flow.is_encrypted() == Some(*wanted))
            && any(&self.source_xlated, |wanted| translated().is_some_and(|ip| wanted.has(ip)))
    }
}

impl Protocol {
    fn parse(text: &str) -> Option<Self> {
        Some(match text.to_lowercase().as_str() {
            "tcp" => Self::Tcp,
            "udp" => Self::Udp,
            "sctp" => Self::Sctp,
            "icmp" => Self::Icmp,
            "icmpv4" => Self::Icmpv4,
            "icmpv6" => Self::Icmpv6,
            "vrrp" => Self::Vrrp,
            "igmp" => Self::Igmp,
            "dns" => Self::Dns,
            "http" => Self::Http,
            "kafka" => Self::Kafka,
            _ => return None,
        })
    }

    fn matches(self, flow: &impl Subject) -> bool {
        let layer4 = flow.transport().is_some_and(|transport| match transport {
            Transport::Tcp => self == Self::Tcp,
            Transport::Udp => self == Self::Udp,
            Transport::Sctp => self == Self::Sctp,
            Transport::Icmpv4 => matches!(self, Self::Icmp | Self::Icmpv4),
            Transport::Icmpv6 => matches!(self, Self::Icmp | Self::Icmpv6),
            Transport::Vrrp => self == Self::Vrrp,
            Transport::Igmp => self == Self::Igmp,
        });
        #[expect(deprecated, reason = "others may still send Kafka")]
        let layer7 = flow.layer7().is_some_and(|record| match record {
            Layer7::Dns(_) => self == Self::Dns,
            Layer7::Http(_) => self == Self::Http,
            Layer7::Kafka(_) => self == Self::Kafka,
        });
        layer4 || layer7
    }
}
