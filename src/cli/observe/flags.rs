//! The filter flags, as `hubble observe` names them.

use super::terms::{End, Field};

/// Flags that are shown together.
pub(super) struct Group {
    /// Above them in the help.
    pub(super) heading: &'static str,
    pub(super) flags: &'static [Flag],
}

/// One flag: all fields of a filter that it sets.
pub(super) struct Flag {
    pub(super) name: &'static str,
    pub(super) short: Option<char>,
    /// The error is what a flag without a value stands for.
    pub(super) value_name: Result<&'static str, &'static str>,
    pub(super) help: &'static str,
    pub(super) field: Field,
    pub(super) end: End,
}

macro_rules! flags {
    ($($name:literal $($short:literal)? $value:ident($text:literal) $field:ident $end:ident: $help:literal;)*) => {
        &[$(Flag {
            name: $name,
            short: flags!(@short $($short)?),
            value_name: flags!(@value $value $text),
            help: $help,
            field: Field::$field,
            end: End::$end,
        },)*]
    };
    (@short) => { None };
    (@short $short:literal) => { Some($short) };
    (@value takes $text:literal) => { Ok($text) };
    (@value means $text:literal) => { Err($text) };
}

/// All of them.
pub(super) const GROUPS: [Group; 4] = [
    Group { heading: "Filter by peer", flags: PEER },
    Group { heading: "Filter by packet", flags: PACKET },
    Group { heading: "Filter by event", flags: EVENT },
    Group { heading: "Filter by request", flags: REQUEST },
];

const PEER: &[Flag] = flags! {
    "pod" takes("POD") Pod Any: "Pod at either end, [NAMESPACE/]PREFIX";
    "from-pod" takes("POD") Pod From: "Pod that sends, [NAMESPACE/]PREFIX";
    "to-pod" takes("POD") Pod To: "Pod that receives, [NAMESPACE/]PREFIX";
    "namespace" 'n' takes("NAMESPACE") Namespace Any: "Namespace at either end";
    "from-namespace" takes("NAMESPACE") Namespace From: "Namespace that sends";
    "to-namespace" takes("NAMESPACE") Namespace To: "Namespace that receives";
    "all-namespaces" 'A' means("") Namespace Any: "A pod of any namespace at either end";
    "from-all-namespaces" means("") Namespace From: "A pod of any namespace sends";
    "to-all-namespaces" means("") Namespace To: "A pod of any namespace receives";
    "workload" takes("WORKLOAD") Workload Any: "Workload at either end, [KIND/]NAME";
    "from-workload" takes("WORKLOAD") Workload From: "Workload that sends, [KIND/]NAME";
    "to-workload" takes("WORKLOAD") Workload To: "Workload that receives, [KIND/]NAME";
    "label" 'l' takes("SELECTOR") Label Any: "Labels at either end";
    "from-label" takes("SELECTOR") Label From: "Labels of the sender";
    "to-label" takes("SELECTOR") Label To: "Labels of the receiver";
    "service" takes("SERVICE") Service Any: "Service at either end, [NAMESPACE/]PREFIX";
    "from-service" takes("SERVICE") Service From: "Service that sends, [NAMESPACE/]PREFIX";
    "to-service" takes("SERVICE") Service To: "Service that receives, [NAMESPACE/]PREFIX";
    "ip" takes("IP|CIDR") Ip Any: "Address at either end";
    "from-ip" takes("IP|CIDR") Ip From: "Address of the sender";
    "to-ip" takes("IP|CIDR") Ip To: "Address of the receiver";
    "snat-ip" takes("IP|CIDR") TranslatedIp Any: "Address of the sender after translation";
    "fqdn" takes("NAME") Fqdn Any: "DNS name at either end, with * as wildcard";
    "from-fqdn" takes("NAME") Fqdn From: "DNS name of the sender, with * as wildcard";
    "to-fqdn" takes("NAME") Fqdn To: "DNS name of the receiver, with * as wildcard";
    "identity" takes("IDENTITY") Identity Any: "Identity at either end, number or reserved name";
    "from-identity" takes("IDENTITY") Identity From: "Identity of the sender";
    "to-identity" takes("IDENTITY") Identity To: "Identity of the receiver";
    "from-cluster" takes("CLUSTER") Cluster From: "Cluster of the sender";
    "to-cluster" takes("CLUSTER") Cluster To: "Cluster of the receiver";
};

const PACKET: &[Flag] = flags! {
    "port" takes("PORT") Port Any: "Port at either end";
    "from-port" takes("PORT") Port From: "Port of the sender";
    "to-port" takes("PORT") Port To: "Port of the receiver";
    "protocol" takes("PROTOCOL") Protocol Any: "tcp, udp, sctp, icmp, icmpv4, icmpv6, dns, http ...";
    "tcp-flags" takes("FLAGS") TcpFlags Any: "TCP flags that are set, with commas";
    "ipv4" '4' means("v4") IpVersion Any: "IPv4 only";
    "ipv6" '6' means("v6") IpVersion Any: "IPv6 only";
    "ip-version" takes("VERSION") IpVersion Any: "v4, v6, or none for what is not IP";
    "encrypted" means("true") Encrypted Any: "Encrypted between nodes";
    "unencrypted" means("false") Encrypted Any: "Not encrypted between nodes";
    "traffic-direction" takes("DIRECTION") Direction Any: "ingress or egress";
    "reply" takes("BOOL") Reply Any: "Replies (true), or what is none (false)";
    "interface" takes("NAME") Interface Any: "Device where it was seen";
};

const EVENT: &[Flag] = flags! {
    "verdict" takes("VERDICT") Verdict Any: "FORWARDED, DROPPED and so on";
    "drop-reason-desc" takes("REASON") DropReason Any: "Drop reason, by name";
    "type" 't' takes("TYPE[:SUBTYPE]") Type Any: "drop, trace, policy-verdict, trace:to-endpoint ...";
    "node-name" takes("NODE") NodeName Any: "Node that saw it, [CLUSTER/]NAME with * as wildcard";
    "node-label" takes("SELECTOR") NodeLabel Any: "Labels of the node that saw it";
    "cluster" takes("CLUSTER") SeenIn Any: "Cluster of the node that saw it, with * as wildcard";
    "uuid" takes("UUID") Uuid Any: "The one flow with this id";
    "trace-id" takes("ID") TraceId Any: "Trace that the request belongs to";
    "ip-trace-id" takes("NUMBER") IpTraceId Any: "Trace number in the IP options";
    "cel-expression" takes("CEL") Cel Any: "CEL expression over _flow, such as has(_flow.l4.TCP)";
};

const REQUEST: &[Flag] = flags! {
    "http-method" takes("METHOD") HttpMethod Any: "Method of HTTP, such as GET";
    "http-path" takes("REGEX") HttpPath Any: "Path of HTTP";
    "http-url" takes("REGEX") HttpUrl Any: "URL of HTTP";
    "http-status" takes("STATUS") HttpStatus Any: "Status of HTTP such as 404, or a prefix such as 5+";
    "http-header" takes("KEY:VALUE") HttpHeader Any: "Header of HTTP";
};
