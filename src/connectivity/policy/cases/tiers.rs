//! Tiers: policies of the cluster's administrator before, and after, those of namespaces.

use crate::connectivity::policy::{
    account::Side::Ingress,
    case::{
        Case,
        How::{Http, Icmp},
        Who::{A, B, Server},
        allowed, denied, dropped, isolated, kubernetes, tier,
    },
};

/// Denied to team `b` before the namespace allows it to everyone.
pub(in crate::connectivity) const TIER_ADMIN_DENY: Case = Case {
    objects: &[
        kubernetes("everyone", "podSelector: {matchLabels: {app: server}}\ningress: [{}]"),
        tier(
            "not-b",
            "$tier
priority: 500
subject:
  pods:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: $run}}
    podSelector: {matchLabels: {app: server}}
ingress:
- action: Deny
  from:
  - pods:
      namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: $run}}
      podSelector: {matchLabels: {team: b}}",
        ),
    ],
    rows: &[
        dropped(B, Server, Http, denied(Ingress, &["not-b"])),
        allowed(A, Server, Http),
        allowed(B, A, Icmp),
    ],
};

/// Accepted from team `b` before the namespace isolates.
pub(in crate::connectivity) const TIER_ADMIN_ACCEPT: Case = Case {
    objects: &[
        kubernetes("nobody", "podSelector: {matchLabels: {app: server}}\npolicyTypes: [Ingress]"),
        tier(
            "always-b",
            "$tier
priority: 500
subject:
  pods:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: $run}}
    podSelector: {matchLabels: {app: server}}
ingress:
- action: $accept
  from:
  - pods:
      namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: $run}}
      podSelector: {matchLabels: {team: b}}
  $tcp",
        ),
    ],
    rows: &[
        dropped(A, Server, Http, isolated(Ingress, &["nobody"])),
        dropped(B, Server, Icmp, isolated(Ingress, &["nobody"])),
        allowed(B, Server, Http),
    ],
};

/// Team `b` is left to the namespace, which allows it; everyone else is denied.
pub(in crate::connectivity) const TIER_ADMIN_PASS: Case = Case {
    objects: &[
        kubernetes("everyone", "podSelector: {matchLabels: {app: server}}\ningress: [{}]"),
        tier(
            "ask-for-b",
            "$tier
priority: 500
subject:
  pods:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: $run}}
    podSelector: {matchLabels: {app: server}}
ingress:
- action: Pass
  from:
  - pods:
      namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: $run}}
      podSelector: {matchLabels: {team: b}}
- action: Deny
  from: [{namespaces: {}}]",
        ),
    ],
    rows: &[
        dropped(A, Server, Http, denied(Ingress, &["ask-for-b"])),
        allowed(B, Server, Http),
        allowed(B, Server, Icmp),
    ],
};

/// Denied where the namespace has no say.
pub(in crate::connectivity) const TIER_BASELINE_DENY: Case = Case {
    objects: &[
        kubernetes(
            "only-b",
            "podSelector: {matchLabels: {app: server}}
ingress:
- from: [{podSelector: {matchLabels: {team: b}}}]",
        ),
        tier(
            "else-nobody",
            "tier: Baseline
priority: 500
subject:
  namespaces: {matchLabels: {kubernetes.io/metadata.name: $run}}
ingress:
- action: Deny
  from: [{namespaces: {}}]",
        ),
    ],
    rows: &[
        dropped(B, A, Icmp, denied(Ingress, &["else-nobody"])),
        dropped(A, Server, Http, isolated(Ingress, &["only-b"])),
        allowed(B, Server, Http),
    ],
};
