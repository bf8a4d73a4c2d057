//! Which objects come first.

use crate::lab::manifest::Manifest;

/// Kinds that others need, in the order of their creation; all others follow.
const FIRST: [&str; 16] = [
    "Namespace",
    "PriorityClass",
    "RuntimeClass",
    "StorageClass",
    "LimitRange",
    "ResourceQuota",
    "ServiceAccount",
    "Secret",
    "ConfigMap",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "ClusterRole",
    "ClusterRoleBinding",
    "Role",
    "RoleBinding",
    "Service",
];

/// Returns objects in the order of their creation; those of one kind stay as they were.
pub(super) fn sorted(manifests: &[Manifest]) -> Vec<&Manifest> {
    let mut all: Vec<&Manifest> = manifests.iter().collect();
    all.sort_by_key(|one| rank(one));
    all
}

fn rank(manifest: &Manifest) -> usize {
    let kind = manifest.kind();
    let first = FIRST.iter().position(|one| *one == kind);
    // No pod runs for a moment without the policies it should have.
    let policy = kind.ends_with("NetworkPolicy").then_some(FIRST.len());
    first.or(policy).unwrap_or(FIRST.len() + 1)
}

pub(super) fn is_definition(manifest: &Manifest) -> bool {
    manifest.group() == "apiextensions.k8s.io" && manifest.kind() == "CustomResourceDefinition"
}

pub(super) fn is_namespace(manifest: &Manifest) -> bool {
    manifest.group().is_empty() && manifest.kind() == "Namespace"
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_others_need_comes_first_and_policies_before_pods() {
        let kinds = [
            "Deployment",
            "CiliumNetworkPolicy",
            "Pod",
            "Service",
            "NetworkPolicy",
            "Secret",
            "Namespace",
        ];
        let manifests = kinds.map(|kind| Manifest {
            object: json!({ "apiVersion": "v1", "kind": kind }),
            origin: String::new(),
        });
        let order: Vec<_> = sorted(&manifests).into_iter().map(Manifest::kind).collect();
        assert_eq!(
            order,
            [
                "Namespace",
                "Secret",
                "Service",
                "CiliumNetworkPolicy",
                "NetworkPolicy",
                "Deployment",
                "Pod"
            ]
        );
    }
}
