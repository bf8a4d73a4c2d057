//! Names of protocols and messages.

/// Returns the name of an IP protocol as Hubble writes it, or its number.
pub fn protocol_name(protocol: u8) -> String {
    match protocol {
        1 => "ICMPv4",
        2 => "IGMP",
        6 => "TCP",
        17 => "UDP",
        58 => "ICMPv6",
        112 => "VRRP",
        132 => "SCTP",
        other => return other.to_string(),
    }
    .to_owned()
}

/// Returns the name of an ICMP message, as people know it.
pub(super) fn icmpv4(kind: u8, code: u8) -> String {
    match kind {
        0 => "EchoReply".to_owned(),
        3 => format!("DestinationUnreachable({})", unreachable(code)),
        5 => "Redirect".to_owned(),
        8 => "EchoRequest".to_owned(),
        11 => "TimeExceeded".to_owned(),
        12 => "ParameterProblem".to_owned(),
        _ => format!("type {kind} code {code}"),
    }
}

/// Codes of RFC 792 and RFC 1122 that networks meet.
fn unreachable(code: u8) -> String {
    match code {
        0 => "Net",
        1 => "Host",
        2 => "Protocol",
        3 => "Port",
        4 => "FragmentationNeeded",
        13 => "AdministrativelyProhibited",
        other => return other.to_string(),
    }
    .to_owned()
}

/// Returns the name of an ICMPv6 message, as people know it.
pub(super) fn icmpv6(kind: u8, code: u8) -> String {
    match kind {
        1 => format!("DestinationUnreachable({code})"),
        2 => "PacketTooBig".to_owned(),
        3 => "TimeExceeded".to_owned(),
        4 => "ParameterProblem".to_owned(),
        128 => "EchoRequest".to_owned(),
        129 => "EchoReply".to_owned(),
        133 => "RouterSolicitation".to_owned(),
        134 => "RouterAdvertisement".to_owned(),
        135 => "NeighborSolicitation".to_owned(),
        136 => "NeighborAdvertisement".to_owned(),
        137 => "Redirect".to_owned(),
        143 => "MulticastListenerReport".to_owned(),
        _ => format!("type {kind} code {code}"),
    }
}

/// Returns the name of what is not IP.
pub(super) fn ether_type(number: u16) -> String {
    match number {
        0x0806 => "ARP".to_owned(),
        0x8100 | 0x88a8 => "VLAN".to_owned(),
        0x0800 => "IPv4".to_owned(),
        0x86dd => "IPv6".to_owned(),
        other => format!("Ethertype {other:#06x}"),
    }
}
