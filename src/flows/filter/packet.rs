//! What the headers of a packet must be.

use super::{
    InvalidFilter,
    invalid::{all, any, each},
    side::{Network, network},
};
use crate::hubble::flow::{
    Flow, FlowFilter, IpVersion, TcpFlags, layer4, layer7::Record as Layer7,
};

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

    pub(super) fn matches(&self, flow: &Flow) -> bool {
        let ip = flow.ip.as_ref();
        any(&self.protocol, |wanted| wanted.matches(flow))
            && any(&self.version, |wanted| ip.is_some_and(|ip| ip.ip_version() == *wanted))
            && any(&self.flags, |wanted| flow.tcp_flags().is_some_and(|f| f.contains(*wanted)))
            && any(&self.encrypted, |wanted| ip.is_some_and(|ip| ip.encrypted == *wanted))
            && any(&self.source_xlated, |wanted| ip.is_some_and(|ip| wanted.has(&ip.source_xlated)))
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

    fn matches(self, flow: &Flow) -> bool {
        let layer4 = flow.protocol().is_some_and(|protocol| match protocol {
            layer4::Protocol::Tcp(_) => self == Self::Tcp,
            layer4::Protocol::Udp(_) => self == Self::Udp,
            layer4::Protocol::Sctp(_) => self == Self::Sctp,
            layer4::Protocol::IcmPv4(_) => matches!(self, Self::Icmp | Self::Icmpv4),
            layer4::Protocol::IcmPv6(_) => matches!(self, Self::Icmp | Self::Icmpv6),
            layer4::Protocol::Vrrp(_) => self == Self::Vrrp,
            layer4::Protocol::Igmp(_) => self == Self::Igmp,
        });
        let layer7 = flow.l7.as_ref().and_then(|l7| l7.record.as_ref());
        #[expect(deprecated, reason = "others may still send Kafka")]
        let layer7 = layer7.is_some_and(|record| match record {
            Layer7::Dns(_) => self == Self::Dns,
            Layer7::Http(_) => self == Self::Http,
            Layer7::Kafka(_) => self == Self::Kafka,
        });
        layer4 || layer7
    }
}
