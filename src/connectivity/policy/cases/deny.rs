//! Rules that deny: they win over what allows.

use crate::connectivity::policy::{
    account::Side::{Egress, Ingress},
    case::{
        Case,
        How::{Http, Icmp, Udp},
        Who::{A, B, First, Server},
        allowed, cilium, denied, dropped,
    },
};

pub(in crate::connectivity) const ECHO_INGRESS_FROM_OTHER_CLIENT_DENY: Case = Case {
    objects: &[
        cilium(
            "everyone",
            "endpointSelector: {matchLabels: {app: server$here}}
ingress:
- fromEndpoints: [$all]",
        ),
        cilium(
            "not-b",
            "endpointSelector: {matchLabels: {app: server$here}}
ingressDeny:
- fromEndpoints: [{matchLabels: {team: b$here}}]
  toPorts: [{ports: [{port: '$port', protocol: TCP}]}]",
        ),
    ],
    rows: &[
        dropped(B, Server, Http, denied(Ingress, &["not-b"])),
        allowed(B, Server, Udp),
        allowed(A, Server, Http),
    ],
};

pub(in crate::connectivity) const CLIENT_INGRESS_FROM_OTHER_CLIENT_ICMP_DENY: Case = Case {
    objects: &[cilium(
        "no-ping-from-b",
        "endpointSelector: {matchLabels: {app: client, team: a$here}}
ingress:
- fromEndpoints: [$all]
ingressDeny:
- fromEndpoints: [{matchLabels: {team: b$here}}]
  icmps: [{fields: [{type: EchoRequest, family: IPv4}, {type: 128, family: IPv6}]}]",
    )],
    rows: &[
        dropped(B, A, Icmp, denied(Ingress, &["no-ping-from-b"])),
        allowed(B, A, Http),
        allowed(Server, A, Icmp),
    ],
};

pub(in crate::connectivity) const CLIENT_EGRESS_TO_ECHO_DENY: Case = Case {
    objects: &[
        cilium(
            "everywhere",
            "endpointSelector: {matchLabels: {team: a$here}}
egress:
- toEntities: [all]",
        ),
        cilium(
            "not-servers",
            "endpointSelector: {matchLabels: {team: a$here}}
egressDeny:
- toEndpoints: [{matchLabels: {app: server$here}}]
  toPorts: [{ports: [{port: '$port', protocol: TCP}]}]",
        ),
    ],
    rows: &[
        dropped(A, Server, Http, denied(Egress, &["not-servers"])),
        allowed(A, Server, Udp),
        allowed(A, First, Http),
        allowed(B, Server, Http),
    ],
};

pub(in crate::connectivity) const CLIENT_EGRESS_TO_ECHO_EXPRESSION_DENY: Case = Case {
    objects: &[cilium(
        "not-servers",
        "endpointSelector:
  matchLabels: {app: client$here}
  matchExpressions: [{key: team, operator: NotIn, values: [b, c]}]
egress:
- toEntities: [all]
egressDeny:
- toEndpoints: [{matchExpressions: [{key: app, operator: In, values: [server, nobody]}]}]",
    )],
    rows: &[
        dropped(A, Server, Http, denied(Egress, &["not-servers"])),
        dropped(A, Server, Icmp, denied(Egress, &["not-servers"])),
        allowed(A, B, Icmp),
        allowed(B, Server, Http),
    ],
};

pub(in crate::connectivity) const CLIENT_WITH_SERVICE_ACCOUNT_EGRESS_TO_ECHO_DENY: Case = Case {
    objects: &[cilium(
        "not-servers",
        "endpointSelector: {matchLabels: {io.cilium.k8s.policy.serviceaccount: client-a$here}}
egress:
- toEntities: [all]
egressDeny:
- toEndpoints: [{matchLabels: {app: server$here}}]",
    )],
    rows: &[
        dropped(A, Server, Http, denied(Egress, &["not-servers"])),
        allowed(B, Server, Http),
        allowed(A, B, Icmp),
    ],
};

pub(in crate::connectivity) const CLIENT_EGRESS_TO_ECHO_SERVICE_ACCOUNT_DENY: Case = Case {
    objects: &[cilium(
        "not-servers",
        "endpointSelector: {matchLabels: {team: a$here}}
egress:
- toEntities: [all]
egressDeny:
- toEndpoints: [{matchLabels: {io.cilium.k8s.policy.serviceaccount: server$here}}]",
    )],
    rows: &[dropped(A, Server, Http, denied(Egress, &["not-servers"])), allowed(A, B, Icmp)],
};
