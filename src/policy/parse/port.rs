//! Ports, protocols and ICMP types.

use super::cursor::{Cursor, Fields};
use crate::policy::rule::{PortMatch, PortRule, Protocol, Proxy};

/// Most ports of one item, and most ICMP types.
pub(super) const MAX_PORTS: usize = 40;

/// IP protocols that Cilium tells apart only if asked to.
const EXTENDED: [&str; 8] = ["VRRP", "IGMP", "GRE", "IPIP", "IPV6", "ESP", "AH", "ICMP"];

/// A port as Cilium's policies write it.
pub(super) struct PortItem<'a> {
    /// Where it stands.
    pub(super) cursor: Cursor<'a>,
    /// `None` = any.
    pub(super) protocol: Option<Protocol>,
    /// Which ports.
    pub(super) ports: PortMatch,
}

impl PortItem<'_> {
    /// Adds the item to a rule; any protocol is three of them.
    pub(super) fn add_to(&self, rules: &mut Vec<PortRule>, proxy: Option<&Proxy>) {
        let one = [self.protocol.unwrap_or(Protocol::Tcp)];
        let protocols = if self.protocol.is_some() { &one[..] } else { &Protocol::WITH_PORTS[..] };
        rules.extend(protocols.iter().map(|&protocol| PortRule {
            protocol,
            ports: self.ports.clone(),
            proxy: proxy.cloned(),
        }));
    }
}

/// Reads a `ports` item of Cilium's policies.
pub(super) fn item<'a>(cursor: &Cursor<'a>) -> Option<PortItem<'a>> {
    let fields = cursor.fields(&["port", "endPort", "protocol"])?;
    let protocol = match fields.get("protocol") {
        Some(protocol) => cilium_protocol(&protocol)?,
        None => None,
    };
    let Some(port) = fields.get("port").filter(|port| port.node.text() != Some("")) else {
        cursor.refuse("port must be given");
        return None;
    };
    let ports = match number_or_name(&port)? {
        Ok(0) => PortMatch::Any,
        Ok(first) => match end(&fields)? {
            0 => PortMatch::one(first),
            last => PortMatch::range(first, last),
        },
        Err(name) => PortMatch::Named(name),
    };
    Some(PortItem { cursor: cursor.clone(), protocol, ports })
}

fn end(fields: &Fields<'_>) -> Option<u16> {
    match fields.get("endPort") {
        Some(end) => u16::try_from(end.number(0, 65535)?).ok(),
        None => Some(0),
    }
}

fn cilium_protocol(cursor: &Cursor<'_>) -> Option<Option<Protocol>> {
    let text = cursor.text()?;
    match text.to_ascii_uppercase().as_str() {
        "" | "ANY" => Some(None),
        "TCP" => Some(Some(Protocol::Tcp)),
        "UDP" => Some(Some(Protocol::Udp)),
        "SCTP" => Some(Some(Protocol::Sctp)),
        "ICMP" | "ICMPV6" => {
            cursor.refuse("ICMP has no ports: use icmps beside toPorts");
            None
        }
        other if EXTENDED.contains(&other) => {
            cursor.refuse(format!("{text} cannot be told apart: TCP, UDP, SCTP and ANY can"));
            None
        }
        _ => {
            cursor.refuse(format!("{text:?} is none of TCP, UDP, SCTP, ANY"));
            None
        }
    }
}

/// Reads a port by the rules of Cilium: names first, then numbers with the prefixes of C.
fn number_or_name(cursor: &Cursor<'_>) -> Option<Result<u16, String>> {
    let text = cursor.text()?.to_ascii_lowercase();
    if is_service_name(&text) {
        return Some(Err(text));
    }
    let (digits, radix) = match text.strip_prefix('0') {
        Some(rest) if !rest.is_empty() => (rest, 8),
        _ => (text.as_str(), 10),
    };
    match u32::from_str_radix(digits, radix) {
        Ok(number) => match u16::try_from(number) {
            Ok(port) => Some(Ok(port)),
            Err(_) => {
                cursor.refuse(format!("{text} is beyond 65535"));
                None
            }
        },
        Err(_) => {
            cursor.refuse(format!("{text:?} is neither a port number nor a port name"));
            None
        }
    }
}

/// Tells whether a text is a name by RFC 6335 section 5.1: up to 15 letters, digits and single hyphens,
/// one letter at least.
pub(super) fn is_service_name(text: &str) -> bool {
    (1..=15).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        && text.chars().any(|c| c.is_ascii_alphabetic())
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--")
}

/// Reads `icmps`.
pub(super) fn icmps(items: &[Cursor<'_>]) -> Vec<PortRule> {
    let mut rules = Vec::new();
    for item in items {
        let Some(fields) = item.fields(&["fields"]) else { continue };
        let list = fields.list("fields").unwrap_or_default();
        if list.len() > MAX_PORTS {
            item.refuse(format!("has {} fields; {MAX_PORTS} are the most", list.len()));
        }
        rules.extend(list.iter().filter_map(icmp_field));
    }
    rules
}

fn icmp_field(cursor: &Cursor<'_>) -> Option<PortRule> {
    let fields = cursor.fields(&["family", "type"])?;
    let protocol = match fields.text("family") {
        None | Some("" | "IPv4") => Protocol::Icmp,
        Some("IPv6") => Protocol::Icmpv6,
        Some(other) => {
            cursor.refuse(format!("family {other:?} is neither IPv4 nor IPv6"));
            return None;
        }
    };
    let Some(kind) = fields.get("type") else {
        cursor.refuse("type must be given");
        return None;
    };
    let number = match kind.node.text() {
        Some(name) if name.parse::<u16>().is_err() => match icmp_type(protocol, name) {
            Some(number) => number,
            None => {
                kind.refuse(format!("{name:?} is no type of {protocol}"));
                return None;
            }
        },
        Some(digits) => digits.parse().ok()?,
        None => u16::try_from(kind.number(0, 65535)?).ok()?,
    };
    Some(PortRule { protocol, ports: PortMatch::one(number), proxy: None })
}

/// Names of ICMP types (IANA icmp-parameters, icmpv6-parameters) in camel case.
fn icmp_type(protocol: Protocol, name: &str) -> Option<u16> {
    const V4: [(&str, u16); 14] = [
        ("EchoReply", 0),
        ("DestinationUnreachable", 3),
        ("Redirect", 5),
        ("Echo", 8),
        ("EchoRequest", 8),
        ("RouterAdvertisement", 9),
        ("RouterSelection", 10),
        ("TimeExceeded", 11),
        ("ParameterProblem", 12),
        ("Timestamp", 13),
        ("TimestampReply", 14),
        ("Photuris", 40),
        ("ExtendedEchoRequest", 42),
        ("ExtendedEchoReply", 43),
    ];
    const V6: [(&str, u16); 29] = [
        ("DestinationUnreachable", 1),
        ("PacketTooBig", 2),
        ("TimeExceeded", 3),
        ("ParameterProblem", 4),
        ("EchoRequest", 128),
        ("EchoReply", 129),
        ("MulticastListenerQuery", 130),
        ("MulticastListenerReport", 131),
        ("MulticastListenerDone", 132),
        ("RouterSolicitation", 133),
        ("RouterAdvertisement", 134),
        ("NeighborSolicitation", 135),
        ("NeighborAdvertisement", 136),
        ("RedirectMessage", 137),
        ("RouterRenumbering", 138),
        ("ICMPNodeInformationQuery", 139),
        ("ICMPNodeInformationResponse", 140),
        ("InverseNeighborDiscoverySolicitation", 141),
        ("InverseNeighborDiscoveryAdvertisement", 142),
        ("HomeAgentAddressDiscoveryRequest", 144),
        ("HomeAgentAddressDiscoveryReply", 145),
        ("MobilePrefixSolicitation", 146),
        ("MobilePrefixAdvertisement", 147),
        ("DuplicateAddressRequestCodeSuffix", 157),
        ("DuplicateAddressConfirmationCodeSuffix", 158),
        ("ExtendedEchoRequest", 160),
        ("ExtendedEchoReply", 161),
        ("CertificationPathSolicitation", 148),
        ("CertificationPathAdvertisement", 149),
    ];
    let table: &[(&str, u16)] = if protocol == Protocol::Icmp { &V4 } else { &V6 };
    table.iter().find(|(own, _)| *own == name).map(|(_, number)| *number)
}
