//! What skep itself is in the lab: the objects that an installation would create.

use std::{collections::BTreeMap, net::SocketAddr};

use serde_json::{Value, json};

use super::{plan, spec::LabSpec, state::inside};
use crate::install::{self, AGENT, NAMESPACE, OPERATOR};

/// Connections that an agent of the lab tracks.
const CONNECTIONS: u32 = 16_384;

/// Returns the objects, in the order in which they are created.
pub(crate) fn objects(spec: &LabSpec) -> Vec<Value> {
    let mut objects = install::rights();
    objects.extend([
        json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "name": "skep-config", "namespace": NAMESPACE },
            "data": settings(spec),
        }),
        announcement(spec),
        agent(spec),
        operator(),
    ]);
    objects
}

/// Tells clients where the world can be tried.
fn announcement(spec: &LabSpec) -> Value {
    let servers = plan::of(spec.ip_family, plan::WORLD).into_iter().map(plan::world_server);
    let addresses: Vec<String> =
        servers.map(|ip| SocketAddr::new(ip, plan::WORLD_HTTP).to_string()).collect();
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "skep-lab", "namespace": "kube-public" },
        "data": { "world": addresses.join(" "), "world-echo": plan::WORLD_ECHO.to_string() },
    })
}

fn settings(spec: &LabSpec) -> BTreeMap<&'static str, String> {
    [
        ("routing", spec.routing.to_string()),
        ("ip-family", spec.ip_family.to_string()),
        ("conntrack-entries", CONNECTIONS.to_string()),
    ]
    .into()
}

/// The DaemonSet; its pods run in the node's own namespaces, as privileged pods with the host's
/// paths would.
fn agent(spec: &LabSpec) -> Value {
    let mut command = format!(
        "exec skep agent --node-name \"$NODE_NAME\" --kubeconfig {} --state-dir {} --cni-conf-dir {} --cni-bin-dir {}",
        inside::KUBECONFIG,
        inside::STATE,
        inside::CNI_CONF,
        inside::CNI_BIN
    );
    for (key, value) in settings(spec) {
        command.push_str(&format!(" --{key} {value}"));
    }
    let container = json!({
        "name": "agent",
        "image": "skep",
        "env": [{ "name": "NODE_NAME", "valueFrom": { "fieldRef": { "fieldPath": "spec.nodeName" } } }],
        "readinessProbe": probe(9879),
        "securityContext": { "privileged": true },
    });
    json!({
        "apiVersion": "apps/v1", "kind": "DaemonSet",
        "metadata": { "name": "skep", "namespace": NAMESPACE, "labels": labels("skep") },
        "spec": {
            "selector": { "matchLabels": labels("skep") },
            "template": template("skep", AGENT, &command, &container),
        },
    })
}

fn operator() -> Value {
    let command = format!("exec skep operator --kubeconfig {}", inside::OPERATOR_KUBECONFIG);
    let container = json!({ "name": "operator", "image": "skep" });
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": "skep-operator", "namespace": NAMESPACE, "labels": labels("skep-operator") },
        "spec": {
            "replicas": 1,
            "strategy": { "type": "Recreate" },
            "selector": { "matchLabels": labels("skep-operator") },
            "template": template("skep-operator", OPERATOR, &command, &container),
        },
    })
}

fn labels(app: &str) -> Value {
    json!({ "k8s-app": app })
}

fn probe(port: u16) -> Value {
    json!({ "httpGet": { "host": "127.0.0.1", "path": "/healthz", "port": port }, "periodSeconds": 5 })
}

fn template(app: &str, account: &str, command: &str, container: &Value) -> Value {
    json!({
        "metadata": {
            "labels": labels(app),
            "annotations": { "lab.skep.io/command": command },
        },
        "spec": {
            "hostNetwork": true,
            "serviceAccountName": account,
            "priorityClassName": "system-node-critical",
            "tolerations": [{ "operator": "Exists" }],
            "terminationGracePeriodSeconds": 5,
            "containers": [container],
        },
    })
}
