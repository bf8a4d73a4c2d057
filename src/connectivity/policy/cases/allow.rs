//! Policies that allow some of what they isolate from the rest.

use crate::connectivity::policy::{
    account::Side::{Egress, Ingress},
    case::{
        Case,
        How::{Http, Icmp, Udp},
        Place::{Other, Same},
        Row,
        Who::{A, B, First, Host, Server},
        allowed, cilium, dropped, isolated, kubernetes,
    },
};

const CLIENT_INGRESS_ROWS: &[Row] = &[
    dropped(Server, A, Http, isolated(Ingress, &["only-b"])),
    dropped(Server, A, Icmp, isolated(Ingress, &["only-b"])),
    allowed(B, A, Http),
    allowed(B, A, Icmp),
    allowed(A, Server, Http),
];

pub(in crate::connectivity) const CLIENT_INGRESS: Case = Case {
    objects: &[cilium(
        "only-b",
        "endpointSelector: {matchLabels: {app: client, team: a$here}}
ingress:
- fromEndpoints: [{matchLabels: {app: client, team: b$here}}]",
    )],
    rows: CLIENT_INGRESS_ROWS,
};

pub(in crate::connectivity) const CLIENT_INGRESS_KNP: Case = Case {
    objects: &[kubernetes(
        "only-b",
        "podSelector: {matchLabels: {app: client, team: a}}
ingress:
- from: [{podSelector: {matchLabels: {app: client, team: b}}}]",
    )],
    rows: CLIENT_INGRESS_ROWS,
};

const ECHO_INGRESS_ROWS: &[Row] = &[
    dropped(A, Server, Http, isolated(Ingress, &["only-b"])),
    dropped(A, Server, Icmp, isolated(Ingress, &["only-b"])),
    dropped(B, Server, Udp, isolated(Ingress, &["only-b"])),
    allowed(B, Server, Http),
    allowed(Host, Server, Http).on(Same),
];

pub(in crate::connectivity) const ECHO_INGRESS: Case = Case {
    objects: &[cilium(
        "only-b",
        "endpointSelector: {matchLabels: {app: server$here}}
ingress:
- fromEndpoints: [{matchLabels: {team: b$here}}]
  toPorts: [{ports: [{port: '$port', protocol: TCP}]}]",
    )],
    rows: ECHO_INGRESS_ROWS,
};

pub(in crate::connectivity) const ECHO_INGRESS_KNP: Case = Case {
    objects: &[kubernetes(
        "only-b",
        "podSelector: {matchLabels: {app: server}}
ingress:
- from: [{podSelector: {matchLabels: {team: b}}}]
  ports: [{port: $port, protocol: TCP}]",
    )],
    rows: ECHO_INGRESS_ROWS,
};

const CLIENT_EGRESS_ROWS: &[Row] = &[
    dropped(A, Server, Udp, isolated(Egress, &["to-servers"])),
    dropped(A, B, Icmp, isolated(Egress, &["to-servers"])),
    dropped(A, Host, Http, isolated(Egress, &["to-servers"])),
    dropped(A, First, Http, isolated(Egress, &["to-servers"])),
    allowed(A, Server, Http),
    allowed(B, Server, Udp),
];

pub(in crate::connectivity) const CLIENT_EGRESS: Case = Case {
    objects: &[cilium(
        "to-servers",
        "endpointSelector: {matchLabels: {team: a$here}}
egress:
- toEndpoints: [{matchLabels: {app: server$here}}]
  toPorts: [{ports: [{port: '$port', protocol: TCP}]}]",
    )],
    rows: CLIENT_EGRESS_ROWS,
};

pub(in crate::connectivity) const CLIENT_EGRESS_KNP: Case = Case {
    objects: &[kubernetes(
        "to-servers",
        "podSelector: {matchLabels: {team: a}}
policyTypes: [Egress]
egress:
- to: [{podSelector: {matchLabels: {app: server}}}]
  ports: [{port: $port, protocol: TCP}]",
    )],
    rows: CLIENT_EGRESS_ROWS,
};

const ALL_INGRESS_DENY_ROWS: &[Row] = &[
    dropped(A, Server, Http, isolated(Ingress, &["nobody-in"])),
    dropped(A, Server, Udp, isolated(Ingress, &["nobody-in"])),
    dropped(B, A, Icmp, isolated(Ingress, &["nobody-in"])),
    dropped(Host, Server, Http, isolated(Ingress, &["nobody-in"])).on(Other),
    // A node reaches its own pods, or its kubelet's probes would fail.
    allowed(Host, Server, Http).on(Same),
    // Answers come in all the same.
    allowed(A, Host, Http),
    allowed(A, First, Http),
];

pub(in crate::connectivity) const ALL_INGRESS_DENY: Case = Case {
    objects: &[cilium("nobody-in", "endpointSelector: $all\ningress: [{}]")],
    rows: ALL_INGRESS_DENY_ROWS,
};

pub(in crate::connectivity) const ALL_INGRESS_DENY_KNP: Case = Case {
    objects: &[kubernetes("nobody-in", "podSelector: {}\npolicyTypes: [Ingress]")],
    rows: ALL_INGRESS_DENY_ROWS,
};

const ALL_EGRESS_DENY_ROWS: &[Row] = &[
    dropped(A, Server, Http, isolated(Egress, &["nobody-out"])),
    dropped(A, Server, Udp, isolated(Egress, &["nobody-out"])),
    dropped(B, A, Icmp, isolated(Egress, &["nobody-out"])),
    dropped(A, Host, Http, isolated(Egress, &["nobody-out"])),
    dropped(A, First, Http, isolated(Egress, &["nobody-out"])),
    // Answers go out all the same.
    allowed(Host, Server, Http),
];

pub(in crate::connectivity) const ALL_EGRESS_DENY: Case = Case {
    objects: &[cilium("nobody-out", "endpointSelector: $all\negress: [{}]")],
    rows: ALL_EGRESS_DENY_ROWS,
};

pub(in crate::connectivity) const ALL_EGRESS_DENY_KNP: Case = Case {
    objects: &[kubernetes("nobody-out", "podSelector: {}\npolicyTypes: [Egress]")],
    rows: ALL_EGRESS_DENY_ROWS,
};

/// Echo requests have another number in each family.
pub(in crate::connectivity) const CLIENT_INGRESS_ICMP: Case = Case {
    objects: &[cilium(
        "ping",
        "endpointSelector: {matchLabels: {app: client, team: a$here}}
ingress:
- fromEndpoints: [{matchLabels: {team: b$here}}]
  icmps: [{fields: [{type: 8, family: IPv4}, {type: EchoRequest, family: IPv6}]}]",
    )],
    rows: &[
        dropped(B, A, Http, isolated(Ingress, &["ping"])),
        dropped(Server, A, Icmp, isolated(Ingress, &["ping"])),
        allowed(B, A, Icmp),
    ],
};

/// Each end has a policy of its own, and both must allow.
pub(in crate::connectivity) const INGRESS_AND_EGRESS: Case = Case {
    objects: &[
        cilium(
            "from-clients",
            "endpointSelector: {matchLabels: {app: server$here}}
ingress:
- fromEndpoints: [{matchLabels: {team: a$here}}]",
        ),
        kubernetes(
            "to-servers",
            "podSelector: {matchLabels: {app: client}}
policyTypes: [Egress]
egress:
- to: [{podSelector: {matchLabels: {app: server}}}]
  ports: [{port: $port, protocol: TCP}]",
        ),
    ],
    rows: &[
        dropped(A, Server, Udp, isolated(Egress, &["to-servers"])),
        dropped(B, Server, Http, isolated(Ingress, &["from-clients"])),
        dropped(B, A, Icmp, isolated(Egress, &["to-servers"])),
        allowed(A, Server, Http),
    ],
};
