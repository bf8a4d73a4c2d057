//! Which labels of a pod are part of its identity.

/// Keys that differ between pods of one workload, or say nothing about who they are.
const DROPPED: [&str; 8] = [
    "pod-template-hash",
    "pod-template-generation",
    "controller-revision-hash",
    "controller-uid",
    "job-name",
    "batch.kubernetes.io/*",
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
];

/// Domains of Kubernetes itself, and the one whose labels are about the application.
const SYSTEM_DOMAINS: [&str; 2] = ["kubernetes.io", "k8s.io"];
const KEPT_DOMAIN: &str = "app.kubernetes.io";

/// Prefixes of keys that only skep derives from metadata. A pod's own labels never get them, or a
/// user could put a pod into another namespace's policies (CVE-2023-39347, GHSA-pfhr-pccp-hwmh).
const RESERVED: [&str; 3] = ["io.cilium.", "io.kubernetes.", "reserved"];

/// Decides by key.
#[derive(Clone, Debug, Default)]
pub struct LabelFilter {
    dropped: Vec<String>,
}

impl LabelFilter {
    /// Makes the default filter that also drops `more`: keys, or prefixes with a final `*`.
    pub fn new(more: &[String]) -> Self {
        Self { dropped: more.to_vec() }
    }

    /// Tells whether a pod's own label belongs to its identity.
    pub fn keeps(&self, key: &str) -> bool {
        let dropped = DROPPED.iter().copied().chain(self.dropped.iter().map(String::as_str));
        !RESERVED.iter().any(|prefix| key.starts_with(prefix))
            && !dropped.into_iter().any(|pattern| matches(pattern, key))
            && !of_the_system(key)
    }
}

fn matches(pattern: &str, key: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => key.starts_with(prefix),
        None => key == pattern,
    }
}

fn of_the_system(key: &str) -> bool {
    let Some((domain, _)) = key.split_once('/') else { return false };
    domain != KEPT_DOMAIN
        && SYSTEM_DOMAINS.iter().any(|system| {
            domain
                .strip_suffix(system)
                .is_some_and(|before| before.is_empty() || before.ends_with('.'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_says_who_a_pod_is() {
        let filter = LabelFilter::new(&["team/*".into(), "zone".into()]);
        let cases = [
            ("app", true),
            ("app.kubernetes.io/name", true),
            ("example.com/role", true),
            ("notkubernetes.io/x", true),
            ("pod-template-hash", false),
            ("controller-revision-hash", false),
            ("job-name", false),
            ("batch.kubernetes.io/job-name", false),
            ("statefulset.kubernetes.io/pod-name", false),
            ("topology.kubernetes.io/zone", false),
            ("kubernetes.io/os", false),
            ("node.k8s.io/x", false),
            ("io.cilium.k8s.policy.serviceaccount", false),
            ("io.cilium.k8s.namespace.labels.team", false),
            ("io.kubernetes.pod.namespace", false),
            ("reserved:host", false),
            ("team/a", false),
            ("zone", false),
            ("zones", true),
        ];
        for (key, kept) in cases {
            assert_eq!(filter.keeps(key), kept, "{key}");
        }
    }
}
