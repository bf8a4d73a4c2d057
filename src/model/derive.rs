//! The identity-relevant labels of a pod.

use std::collections::BTreeMap;

use super::{LabelFilter, Labels};

/// Label keys that skep derives from metadata, with their source.
const NAMESPACE: &str = "k8s:io.kubernetes.pod.namespace";
const SERVICE_ACCOUNT: &str = "k8s:io.cilium.k8s.policy.serviceaccount";
/// Label of the cluster that a pod or node is in.
pub const CLUSTER_LABEL: &str = "k8s:io.cilium.k8s.policy.cluster";
const NAMESPACE_LABELS: &str = "k8s:io.cilium.k8s.namespace.labels.";

/// What is the same for all pods of a cluster.
#[derive(Clone, Debug)]
pub struct Derivation {
    /// Which of the pod's own labels count.
    pub filter: LabelFilter,
    /// Name of the cluster.
    pub cluster: String,
}

/// What a pod's identity is made of.
#[derive(Clone, Copy, Debug)]
pub struct PodLabels<'a> {
    /// Its own labels.
    pub own: &'a BTreeMap<String, String>,
    /// Its namespace.
    pub namespace: &'a str,
    /// The labels of its namespace.
    pub namespace_labels: &'a BTreeMap<String, String>,
    /// Its service account.
    pub service_account: &'a str,
}

impl Derivation {
    /// Returns the label set that a pod's identity stands for.
    pub fn labels(&self, pod: &PodLabels<'_>) -> Labels {
        let own = pod.own.iter().filter(|(key, _)| self.filter.keeps(key));
        let mut labels: Labels = own.map(|(key, value)| (format!("k8s:{key}"), value)).collect();
        let namespace = pod
            .namespace_labels
            .iter()
            .map(|(key, value)| (format!("{NAMESPACE_LABELS}{key}"), value.clone()));
        labels.0.extend(namespace);
        labels.0.extend([
            (NAMESPACE.to_owned(), pod.namespace.to_owned()),
            (SERVICE_ACCOUNT.to_owned(), pod.service_account.to_owned()),
            (CLUSTER_LABEL.to_owned(), self.cluster.clone()),
        ]);
        labels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_wins_over_labels_that_imitate_it() {
        let own = BTreeMap::from([
            ("app".into(), "web".into()),
            ("pod-template-hash".into(), "abc".into()),
            ("io.kubernetes.pod.namespace".into(), "kube-system".into()),
            ("io.cilium.k8s.namespace.labels.team".into(), "admins".into()),
            ("io.cilium.k8s.policy.cluster".into(), "other".into()),
        ]);
        let rules = Derivation { filter: LabelFilter::default(), cluster: "default".into() };
        let labels = rules.labels(&PodLabels {
            own: &own,
            namespace: "shop",
            namespace_labels: &BTreeMap::from([("team".into(), "shop".into())]),
            service_account: "web",
        });
        assert_eq!(
            labels.to_strings(),
            [
                "k8s:app=web",
                "k8s:io.cilium.k8s.namespace.labels.team=shop",
                "k8s:io.cilium.k8s.policy.cluster=default",
                "k8s:io.cilium.k8s.policy.serviceaccount=web",
                "k8s:io.kubernetes.pod.namespace=shop",
            ]
        );
    }
}
