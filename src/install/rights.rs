//! Service accounts of agent, operator and relay, and exactly the rights they need.

use serde_json::{Value, json};

use crate::model::hubble::{
    AUTHORITY_SECRET, RELAY_CLIENT_SECRET, RELAY_SERVER_SECRET, SERVER_SECRET,
};

/// Namespace of skep's own objects.
pub const NAMESPACE: &str = "kube-system";
/// Service account of the agents.
pub const AGENT: &str = "skep";
/// Service account of the operator.
pub const OPERATOR: &str = "skep-operator";
/// Service account of the relay.
pub const RELAY: &str = "skep-relay";

const RBAC: &str = "rbac.authorization.k8s.io";

/// Returns accounts, roles and bindings, in the order in which they are to be created.
pub fn rights() -> Vec<Value> {
    let parts = [
        (AGENT, agent(), certificates(&[SERVER_SECRET])),
        (OPERATOR, operator(), own_namespace()),
        (RELAY, relay(), certificates(&[RELAY_CLIENT_SECRET, RELAY_SERVER_SECRET])),
    ];
    let objects = |(name, everywhere, own): (&str, Value, Value)| {
        [
            account(name),
            role("ClusterRole", name, &everywhere),
            binding("ClusterRoleBinding", name, "ClusterRole"),
            role("Role", name, &own),
            binding("RoleBinding", name, "Role"),
        ]
    };
    parts.into_iter().flat_map(objects).collect()
}

fn labels() -> Value {
    json!({ "app.kubernetes.io/name": "skep" })
}

fn account(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": { "name": name, "namespace": NAMESPACE, "labels": labels() },
    })
}

fn role(kind: &str, name: &str, rules: &Value) -> Value {
    let mut role = json!({
        "apiVersion": format!("{RBAC}/v1"), "kind": kind,
        "metadata": { "name": name, "labels": labels() },
        "rules": rules,
    });
    if kind == "Role" {
        role["metadata"]["namespace"] = NAMESPACE.into();
    }
    role
}

fn binding(kind: &str, account: &str, role: &str) -> Value {
    let mut binding = json!({
        "apiVersion": format!("{RBAC}/v1"), "kind": kind,
        "metadata": { "name": account, "labels": labels() },
        "roleRef": { "apiGroup": RBAC, "kind": role, "name": account },
        "subjects": [{ "kind": "ServiceAccount", "name": account, "namespace": NAMESPACE }],
    });
    if role == "Role" {
        binding["metadata"]["namespace"] = NAMESPACE.into();
    }
    binding
}

fn rule(group: &str, resources: &[&str], verbs: &[&str]) -> Value {
    json!({ "apiGroups": [group], "resources": resources, "verbs": verbs })
}

/// Policies of `cilium.io`.
const CILIUM: [&str; 2] = ["ciliumnetworkpolicies", "ciliumclusterwidenetworkpolicies"];
/// Policies of `cilium.io` that redirect.
const REDIRECTS: &str = "ciliumlocalredirectpolicies";
const CILIUM_STATUS: [&str; 2] =
    ["ciliumnetworkpolicies/status", "ciliumclusterwidenetworkpolicies/status"];
/// Policies of `policy.networking.k8s.io`.
const ADMIN: [&str; 3] =
    ["clusternetworkpolicies", "adminnetworkpolicies", "baselineadminnetworkpolicies"];
const ADMIN_STATUS: [&str; 3] = [
    "clusternetworkpolicies/status",
    "adminnetworkpolicies/status",
    "baselineadminnetworkpolicies/status",
];

fn agent() -> Value {
    json!([
        rule("", &["namespaces", "nodes", "pods", "services"], &["get", "list", "watch"]),
        rule("discovery.k8s.io", &["endpointslices"], &["list", "watch"]),
        rule("networking.k8s.io", &["networkpolicies"], &["list", "watch"]),
        rule(
            "cilium.io",
            &[CILIUM[0], CILIUM[1], "ciliumcidrgroups", REDIRECTS],
            &["list", "watch"]
        ),
        rule("policy.networking.k8s.io", &ADMIN, &["list", "watch"]),
        // Takes its taint off its node, and says that the network is there.
        rule("", &["nodes"], &["patch"]),
        rule("", &["nodes/status"], &["patch"]),
        // Says that policies of the host were taken back, and what of services has no effect.
        rule("", &["events"], &["create"]),
        rule("skep.io", &["skepidentities"], &["get", "list", "watch", "create", "patch"]),
        rule(
            "skep.io",
            &["skependpointslices"],
            &["get", "list", "watch", "create", "patch", "delete"],
        ),
    ])
}

fn operator() -> Value {
    json!([
        rule("skep.io", &["skepidentities"], &["get", "list", "watch", "update", "delete"]),
        rule("skep.io", &["skependpointslices"], &["get", "list", "watch"]),
        // Tells on policies whether they are valid.
        rule("networking.k8s.io", &["networkpolicies"], &["list", "watch"]),
        rule("cilium.io", &CILIUM, &["list", "watch"]),
        rule("cilium.io", &CILIUM_STATUS, &["patch"]),
        rule("policy.networking.k8s.io", &ADMIN, &["list", "watch"]),
        rule("policy.networking.k8s.io", &ADMIN_STATUS, &["patch"]),
        rule("", &["events"], &["create"]),
    ])
}

/// One operator works at a time, and tends certificates. Who makes an object names it in its body only, where
/// rules do not look.
fn own_namespace() -> Value {
    let all = [AUTHORITY_SECRET, SERVER_SECRET, RELAY_CLIENT_SECRET, RELAY_SERVER_SECRET];
    json!([
        rule("coordination.k8s.io", &["leases"], &["get", "create", "update"]),
        rule("", &["secrets"], &["create"]),
        secrets(&all, &["get", "update"]),
    ])
}

/// Finds the nodes, and asks whose a token is and what they may see.
fn relay() -> Value {
    json!([
        rule("", &["nodes"], &["list", "watch"]),
        rule("authentication.k8s.io", &["tokenreviews"], &["create"]),
        rule("authorization.k8s.io", &["subjectaccessreviews"], &["create"]),
    ])
}

/// Reads its own certificates, and no other secret.
fn certificates(names: &[&str]) -> Value {
    json!([secrets(names, &["get", "list", "watch"])])
}

fn secrets(names: &[&str], verbs: &[&str]) -> Value {
    let mut rule = rule("", &["secrets"], verbs);
    rule["resourceNames"] = json!(names);
    rule
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_rule_is_about_everything() {
        for object in rights() {
            for rule in object["rules"].as_array().into_iter().flatten() {
                let text = rule.to_string();
                assert!(!text.contains("\"*\""), "{text}");
                let named = rule["resourceNames"].is_array() && object["kind"] == "Role";
                let creates = rule["verbs"] == json!(["create"]) && object["kind"] == "Role";
                assert!(!text.contains("secrets") || named || creates, "{text}");
            }
        }
    }

    #[test]
    fn every_binding_names_a_role_and_an_account_that_exist() {
        let objects = rights();
        let exists = |kind: &Value, name: &Value| {
            objects.iter().any(|o| o["kind"] == *kind && o["metadata"]["name"] == *name)
        };
        for binding in objects.iter().filter(|o| o["roleRef"].is_object()) {
            assert!(exists(&binding["roleRef"]["kind"], &binding["roleRef"]["name"]), "{binding}");
            let subject = &binding["subjects"][0];
            assert!(exists(&subject["kind"], &subject["name"]), "{binding}");
        }
    }
}
