//! The identity-relevant labels of a pod.

use std::collections::BTreeMap;

use super::LabelFilter;
use crate::{kubernetes::PodObject, model::Labels};

/// Label keys that skep derives from metadata, with their source.
const NAMESPACE: &str = "k8s:io.kubernetes.pod.namespace";
const SERVICE_ACCOUNT: &str = "k8s:io.cilium.k8s.policy.serviceaccount";
const CLUSTER: &str = "k8s:io.cilium.k8s.policy.cluster";
const NAMESPACE_LABELS: &str = "k8s:io.cilium.k8s.namespace.labels.";

/// What is the same for all pods of a node.
#[derive(Clone, Debug)]
pub(in crate::agent) struct Derivation {
    /// Which of the pod's own labels count.
    pub(in crate::agent) filter: LabelFilter,
    /// Name of the cluster.
    pub(in crate::agent) cluster: String,
}

/// Returns the label set that a pod's identity stands for.
pub(in crate::agent) fn derive(
    rules: &Derivation,
    pod: &PodObject,
    namespace_labels: &BTreeMap<String, String>,
) -> Labels {
    let own = pod.labels.iter().filter(|(key, _)| rules.filter.keeps(key));
    let mut labels: Labels = own.map(|(key, value)| (format!("k8s:{key}"), value)).collect();
    let namespace = namespace_labels
        .iter()
        .map(|(key, value)| (format!("{NAMESPACE_LABELS}{key}"), value.clone()));
    labels.0.extend(namespace);
    labels.0.extend([
        (NAMESPACE.to_owned(), pod.pod.namespace.clone()),
        (SERVICE_ACCOUNT.to_owned(), pod.service_account.clone()),
        (CLUSTER.to_owned(), rules.cluster.clone()),
    ]);
    labels
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PodRef;

    #[test]
    fn metadata_wins_over_labels_that_imitate_it() {
        let pod = PodObject {
            pod: PodRef { namespace: "shop".into(), name: "web-1".into(), uid: "u".into() },
            labels: BTreeMap::from([
                ("app".into(), "web".into()),
                ("pod-template-hash".into(), "abc".into()),
                ("io.kubernetes.pod.namespace".into(), "kube-system".into()),
                ("io.cilium.k8s.namespace.labels.team".into(), "admins".into()),
                ("io.cilium.k8s.policy.cluster".into(), "other".into()),
            ]),
            service_account: "web".into(),
            ended: false,
            workload: None,
            named_ports: Vec::new(),
        };
        let rules = Derivation { filter: LabelFilter::default(), cluster: "default".into() };
        let labels = derive(&rules, &pod, &BTreeMap::from([("team".into(), "shop".into())]));
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
