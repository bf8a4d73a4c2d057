//! What skep itself is in the lab: the objects that an installation would create.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use serde_json::{Value, json};

use super::{plan, spec::LabSpec, state::inside};
use crate::{
    config::IpFamilies,
    install::{self, AGENT, NAMESPACE, OPERATOR, RELAY},
    model::{
        Family,
        hubble::{NODE_PORT, RELAY_METRICS_PORT, RELAY_PORT, RELAY_SERVICE},
    },
};

/// Seconds that policies for nodes have to prove themselves: the API server is near.
const HOST_TRIAL: u32 = 15;
/// Connections that an agent of the lab tracks.
const CONNECTIONS: u32 = 16_384;
/// Backends of services that an agent of the lab has room for.
const BACKENDS: u32 = 32_768;
/// What policies tell apart on a node.
const POLICY_ENTRIES: u32 = 65_536;

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
        api_service(spec),
        api_endpoints(spec),
        agent(spec),
        operator(),
        relay(spec),
        relay_service(),
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
        "data": {
            "lab": spec.name.to_string(),
            "world": addresses.join(" "),
            "world-echo": plan::WORLD_ECHO.to_string(),
            "world-names": "example.com example.net",
        },
    })
}

/// The API server as every cluster has it: first address of the services, of the first family.
fn api_service(spec: &LabSpec) -> Value {
    let network = plan::of(spec.ip_family, plan::SERVICES)[0];
    let address = plan::nth(network, 1).to_string();
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": api_meta(),
        "spec": {
            "clusterIP": address,
            "clusterIPs": [address],
            "ipFamilies": [family_name(plan::family(&network))],
            "ipFamilyPolicy": "SingleStack",
            "ports": [{ "name": "https", "port": 443, "targetPort": plan::API_PORT, "protocol": "TCP" }],
        },
    })
}

fn api_endpoints(spec: &LabSpec) -> Value {
    let family = plan::family(&plan::of(spec.ip_family, plan::SERVICES)[0]);
    let address = plan::FABRIC.iter().find(|ip| ip.is_ipv4() == (family == Family::V4));
    let mut metadata = api_meta();
    metadata["labels"]["kubernetes.io/service-name"] = "kubernetes".into();
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": metadata,
        "addressType": family_name(family),
        "endpoints": [{ "addresses": [address.expect("the fabric has both")], "conditions": { "ready": true } }],
        "ports": [{ "name": "https", "port": plan::API_PORT, "protocol": "TCP" }],
    })
}

fn api_meta() -> Value {
    let labels = json!({ "component": "apiserver", "provider": "kubernetes" });
    json!({ "name": "kubernetes", "namespace": "default", "labels": labels })
}

/// Returns what Kubernetes calls a family.
pub(crate) fn family_name(family: Family) -> &'static str {
    match family {
        Family::V4 => "IPv4",
        Family::V6 => "IPv6",
    }
}

fn settings(spec: &LabSpec) -> BTreeMap<&'static str, String> {
    [
        ("routing", spec.routing.to_string()),
        ("ip-family", spec.ip_family.to_string()),
        // The relay asks from a pod, by TLS.
        ("hubble-listen", anywhere(spec, NODE_PORT)),
        ("conntrack-entries", CONNECTIONS.to_string()),
        ("backend-entries", BACKENDS.to_string()),
        ("policy-entries", POLICY_ENTRIES.to_string()),
        // Policies for nodes are tried here before they meet real ones.
        ("host-firewall", true.to_string()),
        ("host-firewall-confirm", HOST_TRIAL.to_string()),
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

/// An ordinary pod: it finds the nodes and its certificates as it would in any cluster.
fn relay(spec: &LabSpec) -> Value {
    let listen = anywhere(spec, RELAY_PORT);
    let metrics = anywhere(spec, RELAY_METRICS_PORT);
    let command =
        format!("exec skep relay --in-cluster --listen {listen} --metrics-address {metrics}");
    let container = json!({
        "name": "relay",
        "image": "skep",
        "ports": [{ "name": "grpc", "containerPort": RELAY_PORT }],
        "readinessProbe": { "tcpSocket": { "port": "grpc" }, "periodSeconds": 5 },
    });
    let mut template = template("skep-relay", RELAY, &command, &container);
    template["spec"]["hostNetwork"] = false.into();
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": "skep-relay", "namespace": NAMESPACE, "labels": labels("skep-relay") },
        "spec": {
            "replicas": 1,
            "selector": { "matchLabels": labels("skep-relay") },
            "template": template,
        },
    })
}

/// Hubble's clients look for it by this name.
fn relay_service() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "name": RELAY_SERVICE, "namespace": NAMESPACE, "labels": labels("skep-relay") },
        "spec": {
            "selector": labels("skep-relay"),
            "ipFamilyPolicy": "PreferDualStack",
            "ports": [{ "name": "grpc", "port": 443, "targetPort": "grpc" }],
        },
    })
}

/// Returns the address that stands for all of the lab's families.
fn anywhere(spec: &LabSpec, port: u16) -> String {
    let any: IpAddr = match spec.ip_family {
        IpFamilies::V4 => Ipv4Addr::UNSPECIFIED.into(),
        IpFamilies::V6 | IpFamilies::Dual => Ipv6Addr::UNSPECIFIED.into(),
    };
    SocketAddr::new(any, port).to_string()
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
