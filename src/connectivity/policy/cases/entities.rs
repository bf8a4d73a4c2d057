//! Rules for entities.

use crate::connectivity::policy::{
    account::Side::{Egress, Ingress},
    case::{
        Case,
        How::{Echo, Http, Icmp},
        Place::{Other, Same},
        Row,
        Who::{A, B, First, Host, Server},
        allowed, cilium, denied, dropped, isolated,
    },
};

pub(in crate::connectivity) const ALLOW_ALL_EXCEPT_WORLD: Case = Case {
    objects: &[cilium(
        "inside",
        "endpointSelector: $all
egress:
- toEndpoints: [$all]
- toEntities: [host, remote-node]
ingress:
- fromEndpoints: [$all]
- fromEntities: [host, remote-node]",
    )],
    rows: &[
        dropped(A, First, Http, isolated(Egress, &["inside"])),
        dropped(A, First, Icmp, isolated(Egress, &["inside"])),
        allowed(A, Server, Http),
        allowed(A, Host, Http),
        allowed(Host, Server, Http),
    ],
};

pub(in crate::connectivity) const ALL_ENTITIES_DENY: Case = Case {
    objects: &[cilium(
        "nowhere",
        "endpointSelector: {matchLabels: {app: client$here}}
egress:
- toEntities: [all]
egressDeny:
- toEntities: [all]",
    )],
    rows: &[
        dropped(A, Server, Http, denied(Egress, &["nowhere"])),
        dropped(A, Host, Http, denied(Egress, &["nowhere"])),
        dropped(A, First, Http, denied(Egress, &["nowhere"])),
        dropped(A, B, Icmp, denied(Egress, &["nowhere"])),
        allowed(Server, A, Http),
    ],
};

pub(in crate::connectivity) const CLUSTER_ENTITY: Case = Case {
    objects: &[cilium(
        "cluster",
        "endpointSelector: {matchLabels: {team: a$here}}
egress:
- toEntities: [cluster]",
    )],
    rows: &[
        dropped(A, First, Http, isolated(Egress, &["cluster"])),
        allowed(A, Server, Http),
        allowed(A, Host, Http),
    ],
};

pub(in crate::connectivity) const HOST_ENTITY_EGRESS: Case = Case {
    objects: &[cilium(
        "own-host",
        "endpointSelector: {matchLabels: {team: a$here}}
egress:
- toEntities: [host]",
    )],
    rows: &[
        dropped(A, Host, Http, isolated(Egress, &["own-host"])).on(Other),
        dropped(A, Server, Http, isolated(Egress, &["own-host"])),
        allowed(A, Host, Http).on(Same),
        allowed(A, Host, Icmp).on(Same),
    ],
};

pub(in crate::connectivity) const HOST_ENTITY_INGRESS: Case = Case {
    objects: &[cilium(
        "own-host",
        "endpointSelector: {matchLabels: {app: server$here}}
ingress:
- fromEntities: [host]",
    )],
    rows: &[
        dropped(Host, Server, Http, isolated(Ingress, &["own-host"])).on(Other),
        dropped(A, Server, Http, isolated(Ingress, &["own-host"])),
        allowed(Host, Server, Http).on(Same),
    ],
};

pub(in crate::connectivity) const REMOTE_NODE_ENTITY_INGRESS: Case = Case {
    objects: &[cilium(
        "other-hosts",
        "endpointSelector: {matchLabels: {app: server$here}}
ingress:
- fromEntities: [remote-node]",
    )],
    rows: &[
        dropped(A, Server, Http, isolated(Ingress, &["other-hosts"])),
        allowed(Host, Server, Http).on(Other),
        allowed(Host, Server, Http).on(Same),
    ],
};

/// What one port of the world lets through.
pub(super) const WEB_ROWS: &[Row] = &[
    dropped(A, First, Echo, isolated(Egress, &["web"])),
    dropped(A, First, Icmp, isolated(Egress, &["web"])),
    dropped(A, Server, Http, isolated(Egress, &["web"])),
    allowed(A, First, Http),
];

pub(in crate::connectivity) const TO_ENTITIES_WORLD: Case = Case {
    objects: &[cilium(
        "web",
        "endpointSelector: {matchLabels: {team: a$here}}
egress:
- toEntities: [world]
  toPorts: [{ports: [{port: '$world', protocol: TCP}]}]",
    )],
    rows: WEB_ROWS,
};
