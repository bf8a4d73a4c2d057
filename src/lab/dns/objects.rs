//! The Kubernetes objects of the cluster's DNS.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Value, json};

use crate::{
    install::NAMESPACE,
    lab::{
        plan::{self, NodePlan},
        spec::LabSpec,
        system,
    },
    model::Family,
};

/// The cluster's domain.
pub(crate) const DOMAIN: &str = "cluster.local";
/// Port of DNS servers.
pub(crate) const PORT: u16 = 53;
/// Port at which readiness is asked.
pub(crate) const READY_PORT: u16 = 8181;
/// Namespace and name of the service.
pub(crate) const SERVICE: (&str, &str) = (NAMESPACE, NAME);

const NAME: &str = "kube-dns";
/// Where the service's addresses are in their networks, as kubeadm has them.
const OFFSET: u32 = 10;

/// Returns the name servers of a node's pods: the service, in the node's families, as kubelet's `--cluster-dns` has it.
pub(crate) fn nameservers(node: &NodePlan) -> Vec<IpAddr> {
    let families: Vec<Family> = node.addresses.iter().map(plan::family).collect();
    let own =
        plan::SERVICES.into_iter().filter(|network| families.contains(&plan::family(network)));
    own.map(address).collect()
}

/// Returns the service's address in a network of services.
fn address(network: IpNet) -> IpAddr {
    plan::nth(network, OFFSET)
}

/// Returns the objects, in the order in which they are created.
pub(crate) fn objects(spec: &LabSpec) -> Vec<Value> {
    let meta = json!({ "name": NAME, "namespace": NAMESPACE, "labels": labels() });
    let role = json!({ "name": "skep-dns" });
    vec![
        json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta }),
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": role,
            "rules": [
                { "apiGroups": [""], "resources": ["namespaces", "services"], "verbs": ["list", "watch"] },
                { "apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"] },
            ],
        }),
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": role,
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "skep-dns" },
            "subjects": [{ "kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE }],
        }),
        service(spec),
        deployment(spec),
    ]
}

fn labels() -> Value {
    json!({ "k8s-app": NAME })
}

fn service(spec: &LabSpec) -> Value {
    let networks = plan::of(spec.ip_family, plan::SERVICES);
    let addresses: Vec<String> =
        networks.iter().map(|network| address(*network).to_string()).collect();
    let families: Vec<&str> =
        networks.iter().map(|network| system::family_name(plan::family(network))).collect();
    let policy = if families.len() == 2 { "RequireDualStack" } else { "SingleStack" };
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "name": NAME, "namespace": NAMESPACE, "labels": {
            "k8s-app": NAME,
            "kubernetes.io/cluster-service": "true",
            "kubernetes.io/name": NAME,
        } },
        "spec": {
            "selector": labels(),
            "clusterIP": addresses.first(),
            "clusterIPs": addresses,
            "ipFamilies": families,
            "ipFamilyPolicy": policy,
            "ports": [
                { "name": "dns", "port": PORT, "targetPort": PORT, "protocol": "UDP" },
                { "name": "dns-tcp", "port": PORT, "targetPort": PORT, "protocol": "TCP" },
            ],
        },
    })
}

/// Two pods, so that names can be asked for while one is away; one where there is one node.
fn deployment(spec: &LabSpec) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": NAME, "namespace": NAMESPACE, "labels": labels() },
        "spec": {
            "replicas": spec.nodes.min(2),
            "selector": { "matchLabels": labels() },
            "template": {
                "metadata": {
                    "labels": labels(),
                    "annotations": { "lab.skep.io/command": "exec skep lab dns" },
                },
                "spec": {
                    "serviceAccountName": NAME,
                    "dnsPolicy": "Default",
                    "priorityClassName": "system-cluster-critical",
                    "tolerations": [{ "operator": "Exists" }],
                    "terminationGracePeriodSeconds": 5,
                    "containers": [{
                        "name": "dns",
                        "image": "skep",
                        "ports": [
                            { "name": "dns", "containerPort": PORT, "protocol": "UDP" },
                            { "name": "dns-tcp", "containerPort": PORT, "protocol": "TCP" },
                        ],
                        "readinessProbe": {
                            "httpGet": { "path": "/ready", "port": READY_PORT },
                            "periodSeconds": 5,
                        },
                    }],
                },
            },
        },
    })
}
