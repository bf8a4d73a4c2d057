//! Selectors: expressions, service accounts, namespaces.

use crate::connectivity::policy::{
    account::Side::{Egress, Ingress},
    case::{
        Case,
        How::{Http, Icmp},
        Row,
        Who::{A, B, First, Server},
        allowed, cilium, dropped, isolated, kubernetes,
    },
};

const EXPRESSION_ROWS: &[Row] = &[
    dropped(A, B, Icmp, isolated(Egress, &["to-servers"])),
    dropped(A, First, Http, isolated(Egress, &["to-servers"])),
    allowed(A, Server, Http),
    allowed(B, A, Icmp),
];

pub(in crate::connectivity) const CLIENT_EGRESS_EXPRESSION: Case = Case {
    objects: &[cilium(
        "to-servers",
        "endpointSelector:
  matchLabels: {app: client$here}
  matchExpressions: [{key: team, operator: In, values: [a, c]}]
egress:
- toEndpoints:
  - matchLabels: {app: server$here}
    matchExpressions: [{key: team, operator: DoesNotExist}, {key: app, operator: Exists}]",
    )],
    rows: EXPRESSION_ROWS,
};

pub(in crate::connectivity) const CLIENT_EGRESS_EXPRESSION_KNP: Case = Case {
    objects: &[kubernetes(
        "to-servers",
        "podSelector:
  matchExpressions: [{key: team, operator: In, values: [a, c]}]
policyTypes: [Egress]
egress:
- to:
  - podSelector:
      matchExpressions: [{key: team, operator: DoesNotExist}, {key: app, operator: Exists}]",
    )],
    rows: EXPRESSION_ROWS,
};

pub(in crate::connectivity) const CLIENT_WITH_SERVICE_ACCOUNT_EGRESS_TO_ECHO: Case = Case {
    objects: &[cilium(
        "to-servers",
        "endpointSelector: {matchLabels: {io.cilium.k8s.policy.serviceaccount: client-a$here}}
egress:
- toEndpoints: [{matchLabels: {app: server$here}}]",
    )],
    rows: EXPRESSION_ROWS,
};

pub(in crate::connectivity) const CLIENT_EGRESS_TO_ECHO_SERVICE_ACCOUNT: Case = Case {
    objects: &[cilium(
        "to-servers",
        "endpointSelector: {matchLabels: {team: a$here}}
egress:
- toEndpoints: [{matchLabels: {io.cilium.k8s.policy.serviceaccount: server$here}}]",
    )],
    rows: EXPRESSION_ROWS,
};

/// Team `a` may reach the test's namespace, team `b` another one.
pub(in crate::connectivity) const EGRESS_TO_SPECIFIC_NAMESPACE: Case = Case {
    objects: &[
        cilium(
            "to-here",
            "endpointSelector: {matchLabels: {team: a$here}}
egress:
- toEndpoints: [{matchLabels: {'k8s:io.kubernetes.pod.namespace': $run}}]",
        ),
        cilium(
            "to-elsewhere",
            "endpointSelector: {matchLabels: {team: b$here}}
egress:
- toEndpoints:
  - matchExpressions: [{key: 'k8s:io.kubernetes.pod.namespace', operator: NotIn, values: [$run]}]",
        ),
    ],
    rows: &[
        dropped(B, Server, Http, isolated(Egress, &["to-elsewhere"])),
        dropped(A, First, Http, isolated(Egress, &["to-here"])),
        allowed(A, Server, Http),
        allowed(A, B, Icmp),
    ],
};

/// The same by labels of namespaces.
pub(in crate::connectivity) const INGRESS_FROM_SPECIFIC_NAMESPACE: Case = Case {
    objects: &[
        cilium(
            "from-here",
            "endpointSelector: {matchLabels: {app: server$here}}
ingress:
- fromEndpoints:
  - matchLabels: {'k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name': $run}",
        ),
        cilium(
            "from-elsewhere",
            "endpointSelector: {matchLabels: {app: client, team: a$here}}
ingress:
- fromEndpoints:
  - matchLabels: {'k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name': $run-other}",
        ),
    ],
    rows: &[
        dropped(B, A, Icmp, isolated(Ingress, &["from-elsewhere"])),
        dropped(Server, A, Http, isolated(Ingress, &["from-elsewhere"])),
        allowed(A, Server, Http),
    ],
};
