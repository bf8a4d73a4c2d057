//! The roles and bindings that every cluster has from the start.

use serde_json::{Value, json};

use crate::lab::apiserver::cluster::Cluster;

const READ: [&str; 3] = ["get", "list", "watch"];
const WRITE: [&str; 5] = ["create", "delete", "deletecollection", "patch", "update"];

/// Creates the roles and bindings that are missing.
pub(in crate::lab::apiserver) fn install(cluster: &Cluster) {
    for (name, labels, rules) in roles() {
        let mut metadata = metadata(name);
        for label in labels {
            metadata["labels"][format!("rbac.authorization.k8s.io/aggregate-to-{label}")] =
                "true".into();
        }
        cluster.ensure(
            "clusterroles.rbac.authorization.k8s.io",
            json!({"metadata": metadata, "rules": rules}),
        );
    }
    for name in ["admin", "edit", "view"] {
        let label = format!("rbac.authorization.k8s.io/aggregate-to-{name}");
        let mut metadata = metadata(name);
        // As on real clusters: whoever may edit may view.
        match name {
            "edit" => {
                metadata["labels"]["rbac.authorization.k8s.io/aggregate-to-admin"] = "true".into()
            }
            "view" => {
                metadata["labels"]["rbac.authorization.k8s.io/aggregate-to-edit"] = "true".into()
            }
            _ => {}
        }
        cluster.ensure(
            "clusterroles.rbac.authorization.k8s.io",
            json!({"metadata": metadata, "rules": [],
                "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {label: "true"}}]}}),
        );
    }
    super::aggregate(cluster);
    for (name, groups) in [
        ("cluster-admin", &["system:masters"][..]),
        ("system:basic-user", &["system:authenticated"]),
        ("system:discovery", &["system:authenticated"]),
        ("system:public-info-viewer", &["system:authenticated", "system:unauthenticated"]),
        ("system:monitoring", &["system:monitoring"]),
    ] {
        let subjects: Vec<Value> = groups
            .iter()
            .map(|group| {
                json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group})
            })
            .collect();
        cluster.ensure(
            "clusterrolebindings.rbac.authorization.k8s.io",
            json!({"metadata": metadata(name), "subjects": subjects, "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}}),
        );
    }
}

fn metadata(name: &str) -> Value {
    json!({"name": name, "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"},
        "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "true"}})
}

fn rule(verbs: &[&str], group: &str, resources: &[&str]) -> Value {
    json!({"verbs": verbs, "apiGroups": [group], "resources": resources})
}

fn paths(paths: &[&str]) -> Value {
    json!([{"verbs": ["get"], "nonResourceURLs": paths}])
}

/// Name, the roles it is part of, rules.
type Role = (&'static str, &'static [&'static str], Value);

fn roles() -> Vec<Role> {
    vec![
        (
            "cluster-admin",
            &[],
            json!([
                {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
                {"verbs": ["*"], "nonResourceURLs": ["*"]},
            ]),
        ),
        ("system:aggregate-to-admin", &["admin"], admin()),
        ("system:aggregate-to-edit", &["edit"], edit()),
        ("system:aggregate-to-view", &["view"], view()),
        (
            "system:discovery",
            &[],
            paths(&[
                "/api",
                "/api/*",
                "/apis",
                "/apis/*",
                "/healthz",
                "/livez",
                "/openapi",
                "/openapi/*",
                "/readyz",
                "/version",
                "/version/",
            ]),
        ),
        (
            "system:public-info-viewer",
            &[],
            paths(&["/healthz", "/livez", "/readyz", "/version", "/version/"]),
        ),
        (
            "system:monitoring",
            &[],
            paths(&[
                "/healthz",
                "/healthz/*",
                "/livez",
                "/livez/*",
                "/metrics",
                "/readyz",
                "/readyz/*",
            ]),
        ),
        (
            "system:basic-user",
            &[],
            json!([
                rule(
                    &["create"],
                    "authorization.k8s.io",
                    &["selfsubjectaccessreviews", "selfsubjectrulesreviews"]
                ),
                rule(&["create"], "authentication.k8s.io", &["selfsubjectreviews"]),
            ]),
        ),
        (
            "system:auth-delegator",
            &[],
            json!([
                rule(&["create"], "authentication.k8s.io", &["tokenreviews"]),
                rule(&["create"], "authorization.k8s.io", &["subjectaccessreviews"]),
            ]),
        ),
        ("system:kube-dns", &[], json!([rule(&["list", "watch"], "", &["endpoints", "services"])])),
    ]
}

fn admin() -> Value {
    json!([
        rule(&["create"], "authorization.k8s.io", &["localsubjectaccessreviews"]),
        rule(
            &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
            "rbac.authorization.k8s.io",
            &["rolebindings", "roles"],
        ),
    ])
}

fn edit() -> Value {
    json!([
        rule(
            &READ,
            "",
            &[
                "pods/attach",
                "pods/exec",
                "pods/portforward",
                "pods/proxy",
                "secrets",
                "services/proxy"
            ]
        ),
        rule(&["impersonate"], "", &["serviceaccounts"]),
        rule(&WRITE, "", &["pods", "pods/attach", "pods/exec", "pods/portforward", "pods/proxy"]),
        rule(&["create"], "", &["pods/eviction"]),
        rule(
            &WRITE,
            "",
            &[
                "configmaps",
                "events",
                "persistentvolumeclaims",
                "replicationcontrollers",
                "replicationcontrollers/scale",
                "secrets",
                "serviceaccounts",
                "services",
                "services/proxy",
            ]
        ),
        rule(&["create"], "", &["serviceaccounts/token"]),
        rule(
            &WRITE,
            "apps",
            &[
                "daemonsets",
                "deployments",
                "deployments/rollback",
                "deployments/scale",
                "replicasets",
                "replicasets/scale",
                "statefulsets",
                "statefulsets/scale",
            ]
        ),
        rule(&WRITE, "autoscaling", &["horizontalpodautoscalers"]),
        rule(&WRITE, "batch", &["cronjobs", "jobs"]),
        rule(&WRITE, "policy", &["poddisruptionbudgets"]),
        rule(&WRITE, "networking.k8s.io", &["ingresses", "networkpolicies"]),
        rule(
            &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
            "coordination.k8s.io",
            &["leases"]
        ),
    ])
}

fn view() -> Value {
    json!([
        rule(
            &READ,
            "",
            &[
                "configmaps",
                "endpoints",
                "persistentvolumeclaims",
                "persistentvolumeclaims/status",
                "pods",
                "replicationcontrollers",
                "replicationcontrollers/scale",
                "serviceaccounts",
                "services",
                "services/status",
            ]
        ),
        rule(
            &READ,
            "",
            &[
                "bindings",
                "events",
                "limitranges",
                "namespaces/status",
                "pods/log",
                "pods/status",
                "replicationcontrollers/status",
                "resourcequotas",
                "resourcequotas/status",
            ]
        ),
        rule(&READ, "", &["namespaces"]),
        rule(&READ, "discovery.k8s.io", &["endpointslices"]),
        rule(
            &READ,
            "apps",
            &[
                "controllerrevisions",
                "daemonsets",
                "daemonsets/status",
                "deployments",
                "deployments/scale",
                "deployments/status",
                "replicasets",
                "replicasets/scale",
                "replicasets/status",
                "statefulsets",
                "statefulsets/scale",
                "statefulsets/status",
            ]
        ),
        rule(
            &READ,
            "autoscaling",
            &["horizontalpodautoscalers", "horizontalpodautoscalers/status"]
        ),
        rule(&READ, "batch", &["cronjobs", "cronjobs/status", "jobs", "jobs/status"]),
        rule(&READ, "policy", &["poddisruptionbudgets", "poddisruptionbudgets/status"]),
        rule(&READ, "networking.k8s.io", &["ingresses", "ingresses/status", "networkpolicies"]),
    ])
}
