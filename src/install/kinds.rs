//! Definitions of the kinds that skep reads and others have defined: policies and redirects of `cilium.io`,
//! and policies of `policy.networking.k8s.io`.

use serde_json::{Value, json};

use super::redirect;

/// A kind: group, version, name, plural, short name, whether its objects live in namespaces.
type Kind = (&'static str, &'static str, &'static str, &'static str, &'static str, bool);

const KINDS: [Kind; 7] = [
    ("cilium.io", "v2", "CiliumNetworkPolicy", "ciliumnetworkpolicies", "cnp", true),
    (
        "cilium.io",
        "v2",
        "CiliumClusterwideNetworkPolicy",
        "ciliumclusterwidenetworkpolicies",
        "ccnp",
        false,
    ),
    ("cilium.io", "v2", "CiliumCIDRGroup", "ciliumcidrgroups", "ccg", false),
    ("cilium.io", "v2", redirect::KIND, "ciliumlocalredirectpolicies", "clrp", true),
    (
        "policy.networking.k8s.io",
        "v1alpha2",
        "ClusterNetworkPolicy",
        "clusternetworkpolicies",
        "cnetpol",
        false,
    ),
    (
        "policy.networking.k8s.io",
        "v1alpha1",
        "AdminNetworkPolicy",
        "adminnetworkpolicies",
        "anp",
        false,
    ),
    (
        "policy.networking.k8s.io",
        "v1alpha1",
        "BaselineAdminNetworkPolicy",
        "baselineadminnetworkpolicies",
        "banp",
        false,
    ),
];

/// Returns the definitions. A cluster that has any of them keeps its own.
///
/// What is inside of a policy is not checked by the API server but by skep, which says what is wrong and
/// where. Redirects are small, and their definition says all.
pub fn kinds() -> Vec<Value> {
    KINDS.iter().map(definition).collect()
}

/// Tells whether a definition of this name is one of these.
pub fn is_defined(name: &str) -> bool {
    KINDS.iter().any(|(group, _, _, plural, ..)| name == format!("{plural}.{group}"))
}

fn definition(&(group, version, kind, plural, short, namespaced): &Kind) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {
            "name": format!("{plural}.{group}"),
            "annotations": approval(group),
        },
        "spec": {
            "group": group,
            "scope": if namespaced { "Namespaced" } else { "Cluster" },
            "names": {
                "kind": kind, "listKind": format!("{kind}List"), "plural": plural,
                "singular": kind.to_lowercase(), "shortNames": [short],
            },
            "versions": [{
                "name": version, "served": true, "storage": true,
                "schema": { "openAPIV3Schema": schema(kind) },
                "subresources": { "status": {} },
                "additionalPrinterColumns": [
                    { "name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp" },
                ],
            }],
        },
    })
}

fn schema(kind: &str) -> Value {
    let anything = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    let properties = match kind {
        redirect::KIND => json!({ "spec": redirect::spec(), "status": anything }),
        _ => json!({
            "spec": anything, "specs": { "type": "array", "items": anything }, "status": anything,
        }),
    };
    json!({ "type": "object", "properties": properties })
}

/// Groups under `k8s.io` are protected: their definitions name who has approved them.
fn approval(group: &str) -> Value {
    if group.ends_with("k8s.io") {
        json!({ "api-approved.kubernetes.io": "https://github.com/kubernetes-sigs/network-policy-api/pull/30" })
    } else {
        json!({})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_named_after_their_kinds() {
        for definition in kinds() {
            let spec = &definition["spec"];
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let wanted = format!("{}.{}", text(&spec["names"]["plural"]), text(&spec["group"]));
            assert_eq!(text(&definition["metadata"]["name"]), wanted);
        }
    }
}
