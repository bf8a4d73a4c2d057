//! What a rule says about protocols and ports.

use std::{fmt, ops::RangeInclusive};

/// Protocols that policy tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
    /// ICMP; ports are types.
    Icmp,
    /// ICMPv6; ports are types.
    Icmpv6,
}

impl Protocol {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Tcp, Self::Udp, Self::Sctp, Self::Icmp, Self::Icmpv6];
    /// Those with ports.
    pub const WITH_PORTS: [Self; 3] = [Self::Tcp, Self::Udp, Self::Sctp];

    /// Returns the name as in Kubernetes objects.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
            Self::Icmp => "ICMP",
            Self::Icmpv6 => "ICMPv6",
        }
    }

    /// Returns the number in IP headers (IANA protocol numbers).
    pub const fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
            Self::Sctp => 132,
            Self::Icmp => 1,
            Self::Icmpv6 => 58,
        }
    }

    /// Finds a protocol by its name in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.name().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The layer 4 half of a rule.
#[derive(Clone, Debug)]
pub enum Ports {
    /// All protocols, those without ports included.
    All,
    /// What one of these says; nothing if there is none.
    Of(Vec<PortRule>),
}

/// Ports of one protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortRule {
    /// The protocol.
    pub protocol: Protocol,
    /// Its ports.
    pub ports: PortMatch,
    /// What the proxy must see to.
    pub proxy: Option<Proxy>,
}

/// Which ports.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PortMatch {
    /// Every one.
    Any,
    /// From one to another; empty if they are the wrong way round.
    Range(PortRange),
    /// The one that the pod which is connected to calls so.
    Named(String),
}

/// Ports from `first` to `last`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PortRange {
    /// The first.
    pub first: u16,
    /// The last.
    pub last: u16,
}

impl PortRange {
    /// Returns the range.
    pub fn range(self) -> RangeInclusive<u16> {
        self.first..=self.last
    }
}

impl PortMatch {
    /// Makes a single port.
    pub fn one(port: u16) -> Self {
        Self::Range(PortRange { first: port, last: port })
    }

    /// Makes a range.
    pub fn range(first: u16, last: u16) -> Self {
        Self::Range(PortRange { first, last })
    }
}

/// What a proxy must do with the traffic that a rule allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// What it must understand.
    pub kind: ProxyKind,
    /// Which of several is asked; lower wins.
    pub priority: u8,
}

/// What a proxy must understand.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProxyKind {
    /// HTTP.
    Http,
    /// DNS.
    Dns,
    /// TLS, for the server's name or to look inside.
    Tls,
    /// A listener of an Envoy configuration.
    Listener(String),
}
