//! Rules for nodes. They deny packets of the test only: nodes belong to everybody.

use crate::connectivity::policy::{
    account::Side::{Egress, Ingress},
    case::{
        Case,
        How::{Http, Icmp},
        Place::Other,
        Who::{A, B, Host, Server},
        allowed, cilium, denied, dropped,
    },
};

pub(in crate::connectivity) const HOST_INGRESS_DENY: Case = Case {
    objects: &[cilium(
        "hosts",
        "nodeSelector: {}
enableDefaultDeny: {ingress: false, egress: false}
ingressDeny:
- fromEndpoints: [{matchLabels: {team: a$here}}]
  toPorts: [{ports: [{port: '$port', protocol: TCP}]}]",
    )],
    rows: &[
        dropped(A, Host, Http, denied(Ingress, &["hosts"])),
        allowed(B, Host, Http),
        allowed(A, Host, Icmp),
        allowed(A, Server, Http),
        allowed(Host, A, Http),
    ],
};

pub(in crate::connectivity) const HOST_EGRESS_DENY: Case = Case {
    objects: &[cilium(
        "hosts",
        "nodeSelector: {}
enableDefaultDeny: {ingress: false, egress: false}
egressDeny:
- toEndpoints: [{matchLabels: {app: server$here}}]
  toPorts: [{ports: [{port: '$port', protocol: TCP}]}]",
    )],
    rows: &[
        dropped(Host, Server, Http, denied(Egress, &["hosts"])),
        allowed(Host, Server, Icmp),
        allowed(A, Server, Http),
        allowed(A, Host, Http),
    ],
};

pub(in crate::connectivity) const HOST_INGRESS_FROM_NODES_DENY: Case = Case {
    objects: &[cilium(
        "hosts",
        "nodeSelector: {}
enableDefaultDeny: {ingress: false, egress: false}
ingressDeny:
- fromEntities: [remote-node]
  toPorts: [{ports: [{port: '$port', protocol: TCP}]}]",
    )],
    rows: &[
        dropped(Host, Host, Http, denied(Ingress, &["hosts"])).on(Other),
        allowed(Host, Host, Icmp).on(Other),
        allowed(A, Host, Http),
        allowed(Host, Server, Http),
    ],
};
