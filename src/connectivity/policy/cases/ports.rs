//! Ranges of ports, and ports by name. On the port after the servers' nobody listens: what comes
//! through is refused.

use crate::connectivity::policy::{
    account::Side::{Egress, Ingress},
    case::{
        Case,
        How::{Closed, Http, Udp},
        Row,
        Who::{A, B, Server},
        allowed, cilium, denied, dropped, isolated, kubernetes,
    },
};

const BELOW_ROWS: &[Row] = &[
    dropped(A, Server, Closed, isolated(Egress, &["below"])),
    dropped(A, Server, Udp, isolated(Egress, &["below"])),
    allowed(A, Server, Http),
];

pub(in crate::connectivity) const CLIENT_EGRESS_PORT_RANGE: Case = Case {
    objects: &[cilium(
        "below",
        "endpointSelector: {matchLabels: {team: a$here}}
egress:
- toEndpoints: [{matchLabels: {app: server$here}}]
  toPorts: [{ports: [{port: '4096', endPort: $port, protocol: TCP}]}]",
    )],
    rows: BELOW_ROWS,
};

pub(in crate::connectivity) const CLIENT_EGRESS_PORT_RANGE_KNP: Case = Case {
    objects: &[kubernetes(
        "below",
        "podSelector: {matchLabels: {team: a}}
policyTypes: [Egress]
egress:
- to: [{podSelector: {matchLabels: {app: server}}}]
  ports: [{port: 4096, endPort: $port, protocol: TCP}]",
    )],
    rows: BELOW_ROWS,
};

pub(in crate::connectivity) const CLIENT_EGRESS_TO_ECHO_DENY_PORT_RANGE: Case = Case {
    objects: &[cilium(
        "not-above",
        "endpointSelector: {matchLabels: {team: a$here}}
egress:
- toEntities: [all]
egressDeny:
- toEndpoints: [{matchLabels: {app: server$here}}]
  toPorts: [{ports: [{port: '$closed', endPort: 65535, protocol: TCP}]}]",
    )],
    rows: &[
        dropped(A, Server, Closed, denied(Egress, &["not-above"])),
        allowed(A, Server, Http),
        allowed(B, Server, Closed),
    ],
};

const NAMED_INGRESS_ROWS: &[Row] = &[
    dropped(A, Server, Udp, isolated(Ingress, &["by-name"])),
    dropped(A, Server, Closed, isolated(Ingress, &["by-name"])),
    allowed(A, Server, Http),
];

pub(in crate::connectivity) const ECHO_INGRESS_NAMED_PORT: Case = Case {
    objects: &[cilium(
        "by-name",
        "endpointSelector: {matchLabels: {app: server$here}}
ingress:
- fromEndpoints: [{matchLabels: {app: client$here}}]
  toPorts: [{ports: [{port: tcp, protocol: TCP}]}]",
    )],
    rows: NAMED_INGRESS_ROWS,
};

pub(in crate::connectivity) const ECHO_INGRESS_NAMED_PORT_KNP: Case = Case {
    objects: &[kubernetes(
        "by-name",
        "podSelector: {matchLabels: {app: server}}
ingress:
- from: [{podSelector: {matchLabels: {app: client}}}]
  ports: [{port: tcp, protocol: TCP}]",
    )],
    rows: NAMED_INGRESS_ROWS,
};

pub(in crate::connectivity) const CLIENT_EGRESS_NAMED_PORT: Case = Case {
    objects: &[cilium(
        "by-name",
        "endpointSelector: {matchLabels: {team: a$here}}
egress:
- toEndpoints: [{matchLabels: {app: server$here}}]
  toPorts: [{ports: [{port: udp, protocol: UDP}]}]",
    )],
    rows: &[dropped(A, Server, Http, isolated(Egress, &["by-name"])), allowed(A, Server, Udp)],
};

pub(in crate::connectivity) const CLIENT_INGRESS_TO_ECHO_NAMED_PORT_DENY: Case = Case {
    objects: &[cilium(
        "not-by-name",
        "endpointSelector: {matchLabels: {app: server$here}}
ingress:
- fromEndpoints: [$all]
ingressDeny:
- fromEndpoints: [{matchLabels: {team: a$here}}]
  toPorts: [{ports: [{port: tcp, protocol: TCP}]}]",
    )],
    rows: &[
        dropped(A, Server, Http, denied(Ingress, &["not-by-name"])),
        allowed(A, Server, Udp),
        allowed(A, Server, Closed),
        allowed(B, Server, Http),
    ],
};
