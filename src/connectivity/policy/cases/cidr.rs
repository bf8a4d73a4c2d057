//! Prefixes, against two external targets.

use crate::connectivity::policy::{
    account::Side::{Egress, Ingress},
    case::{
        Case,
        How::{Http, Icmp},
        Place::{Other, Same},
        Row,
        Who::{A, B, First, Host, Second, Server},
        allowed, cilium, denied, dropped, group, isolated, kubernetes,
    },
};

const EXCEPT_ROWS: &[Row] = &[
    dropped(A, Second, Http, isolated(Egress, &["but-one"])),
    dropped(A, Second, Icmp, isolated(Egress, &["but-one"])),
    allowed(A, First, Http),
    allowed(B, Second, Http),
];

pub(in crate::connectivity) const TO_CIDR_EXTERNAL: Case = Case {
    objects: &[cilium(
        "but-one",
        "endpointSelector: {matchLabels: {team: a$here}}
egress:
- toCIDRSet:
  - {cidr: 0.0.0.0/0, except: [$second4/32]}
  - {cidr: '::/0', except: ['$second6/128']}",
    )],
    rows: EXCEPT_ROWS,
};

pub(in crate::connectivity) const TO_CIDR_EXTERNAL_KNP: Case = Case {
    objects: &[kubernetes(
        "but-one",
        "podSelector: {matchLabels: {team: a}}
policyTypes: [Egress]
egress:
- to:
  - ipBlock: {cidr: 0.0.0.0/0, except: [$second4/32]}
  - ipBlock: {cidr: '::/0', except: ['$second6/128']}",
    )],
    rows: EXCEPT_ROWS,
};

/// Nodes are no prefixes: whatever their addresses, they are `host` and `remote-node`.
pub(in crate::connectivity) const FROM_CIDR_HOST: Case = Case {
    objects: &[cilium(
        "everywhere",
        "endpointSelector: {matchLabels: {app: server$here}}
ingress:
- fromCIDR: [0.0.0.0/0, '::/0']",
    )],
    rows: &[
        dropped(Host, Server, Http, isolated(Ingress, &["everywhere"])).on(Other),
        dropped(A, Server, Http, isolated(Ingress, &["everywhere"])),
        allowed(Host, Server, Http).on(Same),
    ],
};

/// A wide prefix is allowed, and one address of it denied.
const DENY_ROWS: &[Row] = &[
    dropped(A, Second, Http, denied(Egress, &["not-one"])),
    allowed(A, First, Http),
    allowed(A, First, Icmp),
];

pub(in crate::connectivity) const CLIENT_EGRESS_TO_CIDR_DENY: Case = Case {
    objects: &[
        cilium(
            "everywhere",
            "endpointSelector: {matchLabels: {team: a$here}}
egress:
- toCIDR: [0.0.0.0/0, '::/0', $second4/32, '$second6/128']",
        ),
        cilium(
            "not-one",
            "endpointSelector: {matchLabels: {team: a$here}}
egressDeny:
- toCIDR: [$second4/32, '$second6/128']",
        ),
    ],
    rows: DENY_ROWS,
};

pub(in crate::connectivity) const CLIENT_EGRESS_TO_CIDR_DENY_DEFAULT: Case = Case {
    objects: &[cilium(
        "not-one",
        "endpointSelector: {matchLabels: {team: a$here}}
egressDeny:
- toCIDR: [$second4/32, '$second6/128']",
    )],
    rows: &[
        dropped(A, Second, Http, denied(Egress, &["not-one"])),
        dropped(A, First, Http, isolated(Egress, &["not-one"])),
        dropped(A, Server, Http, isolated(Egress, &["not-one"])),
        allowed(B, Second, Http),
    ],
};

pub(in crate::connectivity) const CLIENT_EGRESS_TO_CIDR_DENY_ONLY: Case = Case {
    objects: &[cilium(
        "not-one",
        "endpointSelector: {matchLabels: {team: a$here}}
enableDefaultDeny: {egress: false}
egressDeny:
- toCIDR: [$second4/32, '$second6/128']",
    )],
    rows: DENY_ROWS,
};

pub(in crate::connectivity) const CLIENT_EGRESS_TO_CIDRGROUP: Case = Case {
    objects: &[
        group("first", "externalCIDRs: [$first4/32, '$first6/128']"),
        cilium(
            "group",
            "endpointSelector: {matchLabels: {team: a$here}}
egress:
- toCIDRSet: [{cidrGroupRef: $run-first}]",
        ),
    ],
    rows: &[
        dropped(A, Second, Http, isolated(Egress, &["group"])),
        dropped(A, Server, Http, isolated(Egress, &["group"])),
        allowed(A, First, Http),
    ],
};

pub(in crate::connectivity) const CLIENT_EGRESS_TO_CIDRGROUP_DENY: Case = Case {
    objects: &[
        group("second", "externalCIDRs: [$second4/32, '$second6/128']"),
        cilium(
            "not-one",
            "endpointSelector: {matchLabels: {team: a$here}}
egress:
- toEntities: [all]
egressDeny:
- toCIDRSet: [{cidrGroupRef: $run-second}]",
        ),
    ],
    rows: DENY_ROWS,
};

/// Every object of the run in the cluster has its label.
pub(in crate::connectivity) const CLIENT_EGRESS_TO_CIDRGROUP_DENY_BY_LABEL: Case = Case {
    objects: &[
        group("second", "externalCIDRs: [$second4/32, '$second6/128']"),
        cilium(
            "not-one",
            "endpointSelector: {matchLabels: {team: a$here}}
egress:
- toEntities: [all]
egressDeny:
- toCIDRSet: [{cidrGroupSelector: {matchLabels: {connectivity.skep.io/run: $run}}}]",
        ),
    ],
    rows: DENY_ROWS,
};
