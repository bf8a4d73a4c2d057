//! A probe in words: `udp://10.0.0.1:24240,size=2000`.

use std::{fmt, net::IpAddr, str::FromStr};

use crate::model::Family;

/// Largest payload of a probe that sends one packet, in bytes; the limit of IPv4.
const LARGEST_DATAGRAM: u32 = 65_507;
/// Largest payload of a probe that sends a stream, in bytes.
const LARGEST_STREAM: u32 = 64 << 20;

/// What a probe speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// Connects and, unless the size is 0, expects its bytes back.
    Tcp,
    /// Expects its datagram back.
    Udp,
    /// Opens an association and asks who is there.
    Sctp,
    /// Expects an echo reply.
    Icmp,
    /// Asks for `/` and expects an answer below 400.
    Http,
    /// Asks the system's resolver for a name.
    Dns,
    /// Asks the system's routes by which address packets leave; sends none.
    Source,
}

impl Protocol {
    const ALL: [Self; 7] =
        [Self::Tcp, Self::Udp, Self::Sctp, Self::Icmp, Self::Http, Self::Dns, Self::Source];

    /// Returns the name, as in front of `://`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
            Self::Icmp => "icmp",
            Self::Http => "http",
            Self::Dns => "dns",
            Self::Source => "source",
        }
    }

    const fn needs_port(self) -> bool {
        matches!(self, Self::Tcp | Self::Udp | Self::Sctp | Self::Http)
    }

    const fn default_size(self) -> u32 {
        match self {
            Self::Tcp | Self::Udp | Self::Icmp => 56,
            Self::Sctp | Self::Http | Self::Dns | Self::Source => 0,
        }
    }
}

/// Whom a probe asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// An address.
    Address(IpAddr),
    /// A name, resolved where the probe runs.
    Name(String),
}

/// How much a probe sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// So many bytes of payload.
    Payload(u32),
    /// One packet as large as the route's MTU, and so many bytes more.
    RouteMtu(u8),
}

/// Whether packets may be fragmented.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fragments {
    /// As the system does it: large packets leave in fragments.
    #[default]
    Allowed,
    /// Never; the route's MTU is respected (`df=route`).
    Never,
    /// Never, and packets larger than the route's MTU are sent all the same (`df=ignore-route`).
    NeverNorRoute,
}

/// One thing to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// What it speaks.
    pub protocol: Protocol,
    /// Whom it asks.
    pub host: Host,
    /// Port; 0 where the protocol has none.
    pub port: u16,
    /// How much it sends.
    pub size: Size,
    /// Whether its packets may be fragmented.
    pub fragments: Fragments,
    /// Time to live, or hop limit, of its packets; the system's default when `None`.
    pub ttl: Option<u8>,
    /// The family in which a name is resolved; any when `None`.
    pub family: Option<Family>,
    /// How long it may take, in milliseconds, when that is less than what others may; of a conversation
    /// that lasts, how long one answer may.
    pub within: Option<u32>,
    /// How many servers are looked for behind the address, each time by a new socket; `None` asks
    /// once, and not who answers.
    pub servers: Option<u16>,
    /// Whether its socket is connected (`connect=no`); one of UDP need not be.
    pub connects: bool,
    /// Lets one conversation last until this server has taken over: `udp://` until it answers, `http://`
    /// until it alone answers new connections.
    pub until: Option<String>,
}

/// Text that is no probe.
#[derive(Debug, thiserror::Error)]
pub enum InvalidProbe {
    /// No protocol in front.
    #[error("a probe starts with tcp://, udp://, sctp://, icmp://, http://, dns:// or source://")]
    Protocol,
    /// No host.
    #[error("no host after {}://", .0.name())]
    NoHost(Protocol),
    /// A port is missing.
    #[error("{}:// needs a port, as in {}://10.0.0.1:80", .0.name(), .0.name())]
    NoPort(Protocol),
    /// There is no such port.
    #[error("{0:?} is no port")]
    Port(String),
    /// An IPv6 address without brackets, or brackets around something else.
    #[error("an IPv6 address stands in brackets, as in [fd00::1]")]
    Brackets,
    /// The option does not exist.
    #[error(
        "unknown option {0:?}; there are size, df, ttl, family, within, servers, connect and until"
    )]
    Option(String),
    /// The option's value makes no sense.
    #[error("{value:?} is no value for {option}: {expected}")]
    Value {
        /// Which option.
        option: &'static str,
        /// What was given.
        value: String,
        /// What would be right.
        expected: &'static str,
    },
}

impl Probe {
    /// Returns a probe of an address with the usual size.
    pub const fn new(protocol: Protocol, address: IpAddr, port: u16) -> Self {
        Self {
            protocol,
            host: Host::Address(address),
            port,
            size: Size::Payload(protocol.default_size()),
            fragments: Fragments::Allowed,
            ttl: None,
            family: None,
            within: None,
            servers: None,
            connects: true,
            until: None,
        }
    }

    /// Returns a probe that resolves a name in one family.
    pub fn resolve(name: impl Into<String>, family: Family) -> Self {
        let any = Self::new(Protocol::Dns, IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 0);
        Self { host: Host::Name(name.into()), family: Some(family), ..any }
    }

    /// Changes the size.
    #[must_use]
    pub const fn sized(mut self, size: Size) -> Self {
        self.size = size;
        self
    }

    /// Changes what may be fragmented.
    #[must_use]
    pub const fn fragmented(mut self, fragments: Fragments) -> Self {
        self.fragments = fragments;
        self
    }

    /// Changes how long it may take, in milliseconds.
    #[must_use]
    pub const fn within(mut self, millis: u32) -> Self {
        self.within = Some(millis);
        self
    }

    /// Changes how many servers are looked for.
    #[must_use]
    pub const fn seeking(mut self, servers: u16) -> Self {
        self.servers = Some(servers);
        self
    }

    /// Lets its socket send without being connected.
    #[must_use]
    pub const fn unconnected(mut self) -> Self {
        self.connects = false;
        self
    }

    /// Lets a conversation last until a server has taken over.
    #[must_use]
    pub fn lasting(mut self, until: &str) -> Self {
        self.until = Some(until.to_owned());
        self
    }

    /// Changes the time to live.
    #[must_use]
    pub const fn with_ttl(mut self, ttl: u8) -> Self {
        self.ttl = Some(ttl);
        self
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(IpAddr::V4(address)) => write!(f, "{address}"),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.protocol.name(), self.host)?;
        if self.protocol.needs_port() {
            write!(f, ":{}", self.port)?;
        }
        match self.size {
            Size::Payload(size) if size == self.protocol.default_size() => {}
            Size::Payload(size) => write!(f, ",size={size}")?,
            Size::RouteMtu(0) => f.write_str(",size=mtu")?,
            Size::RouteMtu(more) => write!(f, ",size=mtu+{more}")?,
        }
        match self.fragments {
            Fragments::Allowed => {}
            Fragments::Never => f.write_str(",df=route")?,
            Fragments::NeverNorRoute => f.write_str(",df=ignore-route")?,
        }
        if let Some(ttl) = self.ttl {
            write!(f, ",ttl={ttl}")?;
        }
        match self.family {
            None => {}
            Some(Family::V4) => f.write_str(",family=ipv4")?,
            Some(Family::V6) => f.write_str(",family=ipv6")?,
        }
        if let Some(millis) = self.within {
            write!(f, ",within={millis}")?;
        }
        if let Some(servers) = self.servers {
            write!(f, ",servers={servers}")?;
        }
        if !self.connects {
            f.write_str(",connect=no")?;
        }
        self.until.as_ref().map_or(Ok(()), |server| write!(f, ",until={server}"))
    }
}

impl FromStr for Probe {
    type Err = InvalidProbe;

    fn from_str(text: &str) -> Result<Self, InvalidProbe> {
        let (scheme, rest) = text.split_once("://").ok_or(InvalidProbe::Protocol)?;
        let protocol = Protocol::ALL.into_iter().find(|protocol| protocol.name() == scheme);
        let protocol = protocol.ok_or(InvalidProbe::Protocol)?;
        let mut parts = rest.split(',');
        let place = parts.next().unwrap_or_default();
        let (host, port) = host_and_port(protocol, place)?;
        let any = Self::new(protocol, IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 0);
        let mut probe = Self { host, port, ..any };
        for option in parts {
            let (key, value) = option.split_once('=').unwrap_or((option, ""));
            probe.set(key, value)?;
        }
        Ok(probe)
    }
}

fn host_and_port(protocol: Protocol, text: &str) -> Result<(Host, u16), InvalidProbe> {
    let (host, rest) = match text.strip_prefix('[') {
        Some(inner) => {
            let (address, rest) = inner.split_once(']').ok_or(InvalidProbe::Brackets)?;
            let address = address.parse().map_err(|_| InvalidProbe::Brackets)?;
            (Host::Address(IpAddr::V6(address)), rest)
        }
        None => {
            let at = text.find(':').unwrap_or(text.len());
            let (host, rest) = text.split_at(at);
            if rest.matches(':').count() > 1 {
                return Err(InvalidProbe::Brackets);
            }
            let address = host.parse().map(|address| Host::Address(IpAddr::V4(address)));
            (address.unwrap_or_else(|_| Host::Name(host.to_owned())), rest)
        }
    };
    if host == Host::Name(String::new()) {
        return Err(InvalidProbe::NoHost(protocol));
    }
    let port = match rest.strip_prefix(':') {
        Some(port) => port.parse().map_err(|_| InvalidProbe::Port(port.to_owned()))?,
        None if !rest.is_empty() => return Err(InvalidProbe::Brackets),
        None if protocol.needs_port() => return Err(InvalidProbe::NoPort(protocol)),
        None => 0,
    };
    Ok((host, port))
}

impl Probe {
    fn set(&mut self, key: &str, value: &str) -> Result<(), InvalidProbe> {
        let wrong =
            |option, expected| InvalidProbe::Value { option, value: value.to_owned(), expected };
        match key {
            "size" => {
                let largest =
                    if self.protocol == Protocol::Tcp { LARGEST_STREAM } else { LARGEST_DATAGRAM };
                self.size = size(value)
                    .filter(|size| !matches!(size, Size::Payload(bytes) if *bytes > largest))
                    .ok_or_else(|| wrong("size", "a number of bytes, `mtu` or `mtu+1`"))?;
            }
            "df" => {
                self.fragments = match value {
                    "route" => Fragments::Never,
                    "ignore-route" => Fragments::NeverNorRoute,
                    _ => return Err(wrong("df", "`route` or `ignore-route`")),
                }
            }
            "ttl" => {
                let ttl = value.parse().ok().filter(|ttl| *ttl > 0);
                self.ttl = Some(ttl.ok_or_else(|| wrong("ttl", "a number from 1 to 255"))?);
            }
            "family" => {
                self.family = match value {
                    "ipv4" => Some(Family::V4),
                    "ipv6" => Some(Family::V6),
                    _ => return Err(wrong("family", "`ipv4` or `ipv6`")),
                }
            }
            "within" => {
                let millis = value.parse().ok().filter(|millis| *millis > 0);
                self.within = Some(millis.ok_or_else(|| wrong("within", "milliseconds"))?);
            }
            "servers" => {
                let tells =
                    matches!(self.protocol, Protocol::Http | Protocol::Udp | Protocol::Sctp);
                let servers = value.parse().ok().filter(|servers| *servers > 0 && tells);
                let expected = "a number, in probes by http://, udp:// or sctp://";
                self.servers = Some(servers.ok_or_else(|| wrong("servers", expected))?);
            }
            "connect" => {
                if value != "no" || self.protocol != Protocol::Udp {
                    return Err(wrong("connect", "`no`, in probes by udp://"));
                }
                self.connects = false;
            }
            "until" => {
                if value.is_empty() || !matches!(self.protocol, Protocol::Http | Protocol::Udp) {
                    return Err(wrong("until", "a server's name, in probes by http:// or udp://"));
                }
                self.until = Some(value.to_owned());
            }
            _ => return Err(InvalidProbe::Option(key.to_owned())),
        }
        Ok(())
    }
}

fn size(text: &str) -> Option<Size> {
    match text.strip_prefix("mtu") {
        Some("") => Some(Size::RouteMtu(0)),
        Some(more) => more.strip_prefix('+')?.parse().ok().map(Size::RouteMtu),
        None => text.parse().ok().map(Size::Payload),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_probe_are_the_same() {
        for text in [
            "tcp://10.0.0.1:80",
            "tcp://[fd00::1]:80,size=262144",
            "udp://10.0.0.1:7,size=2000",
            "udp://[fd00::1]:7,size=mtu+1,df=ignore-route",
            "icmp://10.0.0.1,size=mtu,df=route",
            "icmp://[fd00::1],ttl=1",
            "http://example.org:80,family=ipv6",
            "dns://kubernetes.default.svc,family=ipv4",
            "udp://10.0.0.1:7,within=250",
            "http://[fd00::1]:80,servers=2",
            "sctp://[fd00::1]:80,servers=2",
            "udp://10.0.0.1:53,servers=2,connect=no",
            "source://10.0.0.1",
            "udp://10.0.0.1:7,within=250,until=server-2",
        ] {
            let probe: Probe = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(probe.to_string(), text);
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (text, part) in [
            ("10.0.0.1:80", "starts with tcp://"),
            ("dccp://10.0.0.1:80", "starts with tcp://"),
            ("tcp://10.0.0.1", "needs a port"),
            ("tcp://:80", "no host after tcp://"),
            ("tcp://10.0.0.1:eighty", "\"eighty\" is no port"),
            ("tcp://10.0.0.1:65536", "\"65536\" is no port"),
            ("icmp://fd00::1", "in brackets"),
            ("icmp://[10.0.0.1]", "in brackets"),
            ("icmp://[fd00::1]x", "in brackets"),
            ("icmp://10.0.0.1,ttl=0", "from 1 to 255"),
            ("udp://10.0.0.1:7,size=65508", "no value for size"),
            ("udp://10.0.0.1:7,size=mtu-1", "no value for size"),
            ("udp://10.0.0.1:7,df=yes", "`route` or `ignore-route`"),
            ("udp://10.0.0.1:7,within=0", "no value for within"),
            ("http://10.0.0.1:80,servers=0", "no value for servers"),
            ("tcp://10.0.0.1:80,connect=no", "`no`, in probes by udp://"),
            ("tcp://10.0.0.1:80,servers=2", "by http://, udp:// or sctp://"),
            ("tcp://10.0.0.1:80,until=b", "by http:// or udp://"),
            ("udp://10.0.0.1:7,until=", "a server's name"),
            ("udp://10.0.0.1:7,color=red", "unknown option \"color\""),
        ] {
            let error = text.parse::<Probe>().expect_err(text).to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
