//! Ranges of ports, for whoever else is selected otherwise than by labels alone.

use super::entities::WEB_ROWS;
use crate::connectivity::policy::{
    account::Side::Egress,
    case::{
        Case,
        How::{Closed, Http, Icmp},
        Row,
        Who::{A, B, Server},
        allowed, cilium, denied, dropped, isolated, kubernetes,
    },
};

/// What a range allows of what expressions and service accounts select.
const RANGE_ROWS: &[Row] = &[
    dropped(A, Server, Closed, isolated(Egress, &["below"])),
    dropped(A, B, Icmp, isolated(Egress, &["below"])),
    allowed(A, Server, Http),
    allowed(B, Server, Closed),
];

pub(in crate::connectivity) const CLIENT_EGRESS_EXPRESSION_PORT_RANGE: Case = Case {
    objects: &[cilium(
        "below",
        "endpointSelector:
  matchLabels: {app: client$here}
  matchExpressions: [{key: team, operator: In, values: [a, c]}]
egress:
- toEndpoints:
  - matchLabels: {app: server$here}
    matchExpressions: [{key: team, operator: DoesNotExist}]
  toPorts: [{ports: [{port: '4096', endPort: $port, protocol: TCP}]}]",
    )],
    rows: RANGE_ROWS,
};

pub(in crate::connectivity) const CLIENT_EGRESS_EXPRESSION_PORT_RANGE_KNP: Case = Case {
    objects: &[kubernetes(
        "below",
        "podSelector:
  matchExpressions: [{key: team, operator: In, values: [a, c]}]
policyTypes: [Egress]
egress:
- to:
  - podSelector:
      matchExpressions: [{key: team, operator: DoesNotExist}, {key: app, operator: Exists}]
  ports: [{port: 4096, endPort: $port, protocol: TCP}]",
    )],
    rows: RANGE_ROWS,
};

pub(in crate::connectivity) const CLIENT_WITH_SERVICE_ACCOUNT_EGRESS_TO_ECHO_PORT_RANGE: Case =
    Case {
        objects: &[cilium(
            "below",
            "endpointSelector: {matchLabels: {io.cilium.k8s.policy.serviceaccount: client-a$here}}
egress:
- toEndpoints: [{matchLabels: {app: server$here}}]
  toPorts: [{ports: [{port: '4096', endPort: $port, protocol: TCP}]}]",
        )],
        rows: RANGE_ROWS,
    };

pub(in crate::connectivity) const CLIENT_EGRESS_TO_ECHO_SERVICE_ACCOUNT_PORT_RANGE: Case = Case {
    objects: &[cilium(
        "below",
        "endpointSelector: {matchLabels: {team: a$here}}
egress:
- toEndpoints: [{matchLabels: {io.cilium.k8s.policy.serviceaccount: server$here}}]
  toPorts: [{ports: [{port: '4096', endPort: $port, protocol: TCP}]}]",
    )],
    rows: RANGE_ROWS,
};

pub(in crate::connectivity) const TO_ENTITIES_WORLD_PORT_RANGE: Case = Case {
    objects: &[cilium(
        "web",
        "endpointSelector: {matchLabels: {team: a$here}}
egress:
- toEntities: [world]
  toPorts: [{ports: [{port: '$world', endPort: $world, protocol: TCP}]}]",
    )],
    rows: WEB_ROWS,
};

/// What a range denies of what is else allowed.
const DENIED_RANGE_ROWS: &[Row] = &[
    dropped(A, Server, Closed, denied(Egress, &["not-above"])),
    allowed(A, Server, Http),
    allowed(A, B, Icmp),
    allowed(B, Server, Closed),
];

pub(in crate::connectivity) const CLIENT_EGRESS_TO_ECHO_EXPRESSION_DENY_PORT_RANGE: Case = Case {
    objects: &[cilium(
        "not-above",
        "endpointSelector:
  matchLabels: {app: client$here}
  matchExpressions: [{key: team, operator: NotIn, values: [b, c]}]
egress:
- toEntities: [all]
egressDeny:
- toEndpoints: [{matchExpressions: [{key: app, operator: In, values: [server, nobody]}]}]
  toPorts: [{ports: [{port: '$closed', endPort: 65535, protocol: TCP}]}]",
    )],
    rows: DENIED_RANGE_ROWS,
};

pub(in crate::connectivity) const CLIENT_WITH_SERVICE_ACCOUNT_EGRESS_TO_ECHO_DENY_PORT_RANGE: Case =
    Case {
        objects: &[cilium(
            "not-above",
            "endpointSelector: {matchLabels: {io.cilium.k8s.policy.serviceaccount: client-a$here}}
egress:
- toEntities: [all]
egressDeny:
- toEndpoints: [{matchLabels: {app: server$here}}]
  toPorts: [{ports: [{port: '$closed', endPort: 65535, protocol: TCP}]}]",
        )],
        rows: DENIED_RANGE_ROWS,
    };

pub(in crate::connectivity) const CLIENT_EGRESS_TO_ECHO_SERVICE_ACCOUNT_DENY_PORT_RANGE: Case =
    Case {
        objects: &[cilium(
            "not-above",
            "endpointSelector: {matchLabels: {team: a$here}}
egress:
- toEntities: [all]
egressDeny:
- toEndpoints: [{matchLabels: {io.cilium.k8s.policy.serviceaccount: server$here}}]
  toPorts: [{ports: [{port: '$closed', endPort: 65535, protocol: TCP}]}]",
        )],
        rows: DENIED_RANGE_ROWS,
    };
