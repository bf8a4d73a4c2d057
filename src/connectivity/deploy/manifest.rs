//! The test's objects.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::connectivity::{
    churn::{BACKS, Backend},
    serve,
    topology::team,
};

/// Label of what the test made, so that later runs find leftovers.
pub(in crate::connectivity) const LABEL: &str = "app.kubernetes.io/managed-by";
/// Its value.
pub(in crate::connectivity) const MANAGER: &str = "skep-connectivity-test";
/// Annotation with the time after which an object is a leftover of a run that died.
pub(in crate::connectivity) const EXPIRES: &str = "connectivity.skep.io/expires";
/// How long a run may take.
const LIFE_SECONDS: i64 = 3600;
/// How long a pod goes on serving that does so when it is told to end: longer than nodes take to know.
const LINGER_SECONDS: i64 = 15;
/// The headless service of the servers.
pub(in crate::connectivity) const SERVICE: &str = "servers";
/// The one container of every pod.
pub(in crate::connectivity) const CONTAINER: &str = "skep";

/// Returns the image of this version.
pub fn default_image() -> String {
    format!("ghcr.io/skep-io/skep:{}", env!("CARGO_PKG_VERSION"))
}

/// What a pod of the test is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::connectivity) enum Role {
    /// It tries; its kubelet probes it by TCP.
    Client,
    /// It serves; its kubelet probes it by HTTP.
    Server,
    /// It is on the host network; its kubelet probes it by a command.
    Host,
    /// It serves at a port of its node, too.
    HostPort,
    /// It serves for one scenario.
    Backend(Backend),
}

impl Role {
    pub(in crate::connectivity) const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Host => "host",
            Self::HostPort => "host-port",
            Self::Backend(_) => "backend",
        }
    }
}

/// What distinguishes a pod of the test.
pub(in crate::connectivity) struct PodSpec<'a> {
    pub(in crate::connectivity) namespace: &'a str,
    pub(in crate::connectivity) name: &'a str,
    pub(in crate::connectivity) node: &'a str,
    pub(in crate::connectivity) role: Role,
    pub(in crate::connectivity) image: &'a str,
}

/// Returns the time at which what is made now is a leftover.
pub(in crate::connectivity) fn expiry() -> String {
    let expires = Timestamp::from_second(Timestamp::now().as_second() + LIFE_SECONDS);
    expires.map(|at| at.to_string()).unwrap_or_default()
}

pub(super) fn namespace(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {
            "name": name,
            "labels": {
                LABEL: MANAGER,
                // Pods on the host network are not admitted otherwise.
                "pod-security.kubernetes.io/enforce": "privileged",
            },
            "annotations": { EXPIRES: expiry() },
        },
    })
}

pub(super) fn service(namespace: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "name": SERVICE, "namespace": namespace },
        "spec": {
            "clusterIP": "None",
            "ipFamilyPolicy": "PreferDualStack",
            // Names are a matter of their own: they must not wait for probes.
            "publishNotReadyAddresses": true,
            "selector": { "app.kubernetes.io/name": label(Role::Server) },
            "ports": [{ "name": "echo", "port": serve::PORT }],
        },
    })
}

/// The service accounts of the pods.
pub(super) const ACCOUNTS: [&str; 6] =
    ["client-a", "client-b", "server", "host", "host-port", "backend"];

pub(super) fn account(namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": { "name": name, "namespace": namespace },
    })
}

pub(super) fn label(role: Role) -> String {
    format!("skep-connectivity-{}", role.name())
}

/// A pod that runs `skep connectivity serve`. In a lab, where there are no images, the annotation
/// runs the same command.
pub(super) fn pod(pod: &PodSpec<'_>) -> Value {
    let port = serve::PORT.to_string();
    let mut command = vec!["skep", "connectivity", "serve", "--port", &port, "--name", pod.name];
    // On a node's own network it would speak for the node.
    if pod.role != Role::Host {
        command.push("--sctp");
    }
    let mut grace = 2;
    let alive =
        ["skep", "connectivity", "probe", "--quiet", "--wait", "--timeout", "5"].map(str::to_owned);
    let alive: Vec<String> = alive.into_iter().chain([format!("tcp://127.0.0.1:{port}")]).collect();
    let mut ready = match pod.role {
        Role::Client => json!({ "tcpSocket": { "port": serve::PORT } }),
        Role::Server | Role::HostPort | Role::Backend(_) => {
            json!({ "httpGet": { "path": "/", "port": serve::PORT } })
        }
        Role::Host => json!({ "exec": { "command": alive } }),
    };
    let mut labels = json!({
        "app.kubernetes.io/name": label(pod.role), LABEL: MANAGER, "app": pod.role.name(),
    });
    let mut account = pod.role.name().to_owned();
    if pod.role == Role::Client {
        let team = team(pod.name);
        labels["team"] = team.into();
        account = format!("{account}-{team}");
    }
    if let Role::Backend(own) = pod.role {
        if own.joined {
            labels[BACKS] = own.backs.into();
        }
        if own.lingers {
            command.push("--linger");
            grace = LINGER_SECONDS;
        }
    }
    ready["periodSeconds"] = 2.into();
    ready["timeoutSeconds"] = 10.into();
    let mut object = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": pod.name,
            "namespace": pod.namespace,
            "labels": labels,
            "annotations": { "lab.skep.io/command": format!("exec {}", command.join(" ")) },
        },
        "spec": {
            "nodeName": pod.node,
            "hostNetwork": pod.role == Role::Host,
            "restartPolicy": "Always",
            // A run that dies leaves nothing that works for ever.
            "activeDeadlineSeconds": LIFE_SECONDS,
            "terminationGracePeriodSeconds": grace,
            "serviceAccountName": account,
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            "containers": [{
                "name": CONTAINER,
                "image": pod.image,
                "command": command,
                "ports": [
                    { "name": "tcp", "containerPort": serve::PORT, "protocol": "TCP" },
                    { "name": "udp", "containerPort": serve::PORT, "protocol": "UDP" },
                ],
                "startupProbe": {
                    "exec": { "command": alive }, "periodSeconds": 1, "timeoutSeconds": 10, "failureThreshold": 60,
                },
                "readinessProbe": ready,
                "securityContext": {
                    "runAsUser": 0,
                    "allowPrivilegeEscalation": false,
                    // Echo requests, where the system does not let everyone send them.
                    "capabilities": { "drop": ["ALL"], "add": ["NET_RAW"] },
                },
            }],
        },
    });
    if pod.role == Role::HostPort {
        at_host_port(&mut object, pod.node);
    }
    object
}

/// Makes a pod ask for a port of a node. The scheduler decides whether it gets it: it knows who has which,
/// and says so at once, where a kubelet would end the pod.
fn at_host_port(pod: &mut Value, node: &str) {
    let spec = &mut pod["spec"];
    for port in spec["containers"][0]["ports"].as_array_mut().into_iter().flatten() {
        port["hostPort"] = serve::HOST_PORT.into();
    }
    spec.as_object_mut().map(|spec| spec.remove("nodeName"));
    let by_name = json!({ "key": "metadata.name", "operator": "In", "values": [node] });
    spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] =
        json!({ "nodeSelectorTerms": [{ "matchFields": [by_name] }] });
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{Namespace, Pod, Service, ServiceAccount};
    use serde::{Serialize, de::DeserializeOwned};

    use super::*;
    use crate::connectivity::churn::{ENDING, MOVING};

    /// Reads and writes an object by its type: what the type does not know gets lost.
    fn through<K: Serialize + DeserializeOwned>(object: &Value) -> Value {
        let typed: K = serde_json::from_value(object.clone()).expect("a valid object");
        serde_json::to_value(typed).expect("it is written")
    }

    #[test]
    fn every_field_is_known_to_kubernetes() {
        assert_eq!(through::<Namespace>(&namespace("n")), namespace("n"));
        assert_eq!(through::<Service>(&service("n")), service("n"));
        assert_eq!(through::<ServiceAccount>(&account("n", "a")), account("n", "a"));
        let own = MOVING.backends.iter().chain(ENDING.backends).copied().map(Role::Backend);
        for role in [Role::Client, Role::Server, Role::Host, Role::HostPort].into_iter().chain(own)
        {
            let spec = PodSpec { namespace: "n", name: "p", node: "node-1", role, image: "skep:1" };
            assert_eq!(through::<Pod>(&pod(&spec)), pod(&spec));
        }
    }

    #[test]
    fn the_lab_runs_what_the_image_runs() {
        let spec = PodSpec {
            namespace: "n",
            name: "client-1",
            node: "node-1",
            role: Role::Client,
            image: "skep:1",
        };
        let pod = pod(&spec);
        let words = pod["spec"]["containers"][0]["command"].as_array().unwrap().clone();
        let words: Vec<_> = words.iter().map(|word| word.as_str().unwrap()).collect();
        let annotation = pod["metadata"]["annotations"]["lab.skep.io/command"].as_str().unwrap();
        assert_eq!(annotation, format!("exec {}", words.join(" ")));
    }
}
