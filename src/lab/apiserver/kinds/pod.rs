//! Pods: defaults, rules, and how long their deletion waits.

use serde_json::{Value, json};

use super::{default, items_mut, pod_spec};
use crate::lab::apiserver::call::Call;
use crate::lab::apiserver::cluster::Cluster;
use crate::lab::apiserver::metadata;
use crate::lab::apiserver::refusal::{Cause, Refusal};
use crate::lab::apiserver::store::Key;

const CONTAINER_LISTS: &[&str] = &["initContainers", "containers", "ephemeralContainers"];

/// Completes a new pod: what the admission of a real cluster adds.
pub(super) fn prepare_create(
    cluster: &Cluster,
    value: &mut Value,
    call: &Call,
) -> Result<(), Refusal> {
    default(value, "spec", json!({}));
    let spec = &mut value["spec"];
    default(spec, "serviceAccountName", "default");
    spec["serviceAccount"] = spec["serviceAccountName"].clone();
    check_account(cluster, call, spec["serviceAccountName"].as_str().unwrap_or_default())?;
    default(spec, "priority", priority(spec));
    default(spec, "preemptionPolicy", "PreemptLowerPriority");
    tolerate(spec, "node.kubernetes.io/not-ready");
    tolerate(spec, "node.kubernetes.io/unreachable");
    if spec["automountServiceAccountToken"] != false {
        mount_token(spec);
    }
    value["status"] = json!({"phase": "Pending", "qosClass": quality(&value["spec"])});
    Ok(())
}

/// A pod cannot run in the name of an account that does not exist.
fn check_account(cluster: &Cluster, call: &Call, name: &str) -> Result<(), Refusal> {
    let key = Key::new(call.namespace(), name);
    if cluster.store.get("serviceaccounts", &key).is_some() {
        return Ok(());
    }
    Err(Refusal::Forbidden {
        target: call.resource.target(call.path.name.as_deref().unwrap_or_default()),
        detail: format!(
            "error looking up service account {}/{name}: serviceaccount {name:?} not found",
            call.namespace()
        ),
    })
}

fn priority(spec: &Value) -> i64 {
    match spec["priorityClassName"].as_str() {
        Some("system-node-critical") => 2_000_001_000,
        Some("system-cluster-critical") => 2_000_000_000,
        _ => 0,
    }
}

/// Tolerates a failed node for five minutes, unless the pod says something about that taint.
fn tolerate(spec: &mut Value, taint: &str) {
    default(spec, "tolerations", json!([]));
    let Some(tolerations) = spec["tolerations"].as_array_mut() else { return };
    let covered = tolerations.iter().any(|t| {
        (t["key"] == taint
            || t["key"].as_str().is_none_or(str::is_empty) && t["operator"] == "Exists")
            && (t["effect"].as_str().is_none_or(str::is_empty) || t["effect"] == "NoExecute")
    });
    if !covered {
        tolerations.push(json!({"key": taint, "operator": "Exists", "effect": "NoExecute",
            "tolerationSeconds": 300}));
    }
}

/// Adds the projected volume with the service account's token.
fn mount_token(spec: &mut Value) {
    const PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
    let mounted = |container: &Value| {
        container["volumeMounts"].as_array().into_iter().flatten().any(|m| m["mountPath"] == PATH)
    };
    let name = format!("kube-api-access-{}", metadata::suffix());
    let mut used = false;
    for list in ["initContainers", "containers"] {
        for container in items_mut(spec, list) {
            if mounted(container) || !container.is_object() {
                continue;
            }
            default(container, "volumeMounts", json!([]));
            if let Some(mounts) = container["volumeMounts"].as_array_mut() {
                mounts.push(json!({"name": name, "readOnly": true, "mountPath": PATH}));
                used = true;
            }
        }
    }
    if !used {
        return;
    }
    default(spec, "volumes", json!([]));
    if let Some(volumes) = spec["volumes"].as_array_mut() {
        volumes.push(json!({"name": name, "projected": {"defaultMode": 420, "sources": [
            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [{"path": "namespace",
                "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}},
        ]}}));
    }
}

fn quality(spec: &Value) -> &'static str {
    let (mut any, mut equal) = (false, true);
    for list in ["initContainers", "containers"] {
        for container in spec[list].as_array().into_iter().flatten() {
            let (limits, requests) =
                (&container["resources"]["limits"], &container["resources"]["requests"]);
            for resource in ["cpu", "memory"] {
                let (limit, request) = (&limits[resource], &requests[resource]);
                any |= !limit.is_null() || !request.is_null();
                equal &= !limit.is_null() && (request.is_null() || request == limit);
            }
        }
    }
    match (any, equal) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

pub(super) fn defaults(value: &mut Value) {
    default(value, "spec", json!({}));
    spec_defaults(&mut value["spec"]);
}

/// Defaults of a pod's spec, in pods and in templates.
pub(super) fn spec_defaults(spec: &mut Value) {
    default(spec, "restartPolicy", "Always");
    default(spec, "dnsPolicy", "ClusterFirst");
    default(spec, "schedulerName", "default-scheduler");
    default(spec, "terminationGracePeriodSeconds", 30);
    default(spec, "securityContext", json!({}));
    default(spec, "enableServiceLinks", true);
    let host = spec["hostNetwork"] == true;
    for list in CONTAINER_LISTS {
        for container in items_mut(spec, list) {
            container_defaults(container, host);
        }
    }
    for volume in items_mut(spec, "volumes") {
        for (source, mode) in
            [("configMap", 420), ("secret", 420), ("projected", 420), ("downwardAPI", 420)]
        {
            if volume[source].is_object() {
                default(&mut volume[source], "defaultMode", mode);
            }
        }
        if volume["hostPath"].is_object() {
            default(&mut volume["hostPath"], "type", "");
        }
    }
}

fn container_defaults(container: &mut Value, host: bool) {
    if !container.is_object() {
        return;
    }
    let image = container["image"].as_str().unwrap_or_default();
    let name = image.rsplit('/').next().unwrap_or_default();
    let floating = !name.contains('@') && (!name.contains(':') || name.ends_with(":latest"));
    let policy = if floating { "Always" } else { "IfNotPresent" };
    default(container, "imagePullPolicy", policy);
    default(container, "resources", json!({}));
    resource_defaults(&mut container["resources"]);
    default(container, "terminationMessagePath", "/dev/termination-log");
    default(container, "terminationMessagePolicy", "File");
    for port in items_mut(container, "ports") {
        default(port, "protocol", "TCP");
        if host {
            let number = port["containerPort"].clone();
            default(port, "hostPort", number);
        }
    }
    for env in items_mut(container, "env") {
        if env["valueFrom"]["fieldRef"].is_object() {
            default(&mut env["valueFrom"]["fieldRef"], "apiVersion", "v1");
        }
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        let probe = match container.get_mut(probe) {
            Some(probe) if probe.is_object() => probe,
            _ => continue,
        };
        default(probe, "timeoutSeconds", 1);
        default(probe, "periodSeconds", 10);
        default(probe, "successThreshold", 1);
        default(probe, "failureThreshold", 3);
        if probe["httpGet"].is_object() {
            default(&mut probe["httpGet"], "scheme", "HTTP");
            default(&mut probe["httpGet"], "path", "/");
        }
    }
}

/// Who names a limit asks for as much.
fn resource_defaults(resources: &mut Value) {
    let Some(limits) = resources["limits"].as_object().cloned() else { return };
    for (name, limit) in limits {
        default(resources, "requests", json!({}));
        default(&mut resources["requests"], &name, limit);
    }
}

/// Checks a pod; of an old one only a few fields may change.
pub(super) fn validate(old: Option<&Value>, value: &Value) -> Vec<Cause> {
    let mut causes = pod_spec::causes(&value["spec"], "spec", &[]);
    let Some(old) = old else { return causes };
    let frozen = |spec: &Value| {
        let mut spec = spec.clone();
        for list in CONTAINER_LISTS {
            for container in items_mut(&mut spec, list) {
                container["image"] = Value::Null;
                container["resources"] = Value::Null;
            }
        }
        for free in [
            "tolerations",
            "activeDeadlineSeconds",
            "terminationGracePeriodSeconds",
            "ephemeralContainers",
            "nodeName",
            "schedulingGates",
        ] {
            spec[free] = Value::Null;
        }
        spec
    };
    let bound = old["spec"]["nodeName"].as_str().filter(|n| !n.is_empty());
    let moved = bound.is_some_and(|node| value["spec"]["nodeName"] != node);
    if moved || (old["spec"] != value["spec"] && frozen(&old["spec"]) != frozen(&value["spec"])) {
        causes.push(Cause::forbidden("spec", "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"));
    }
    causes
}

/// A pod that no kubelet has is deleted at once.
pub(super) fn grace(object: &Value, asked: Option<i64>) -> i64 {
    let finished = matches!(object["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
    if object["spec"]["nodeName"].as_str().is_none_or(str::is_empty) || finished {
        return 0;
    }
    let own = object["spec"]["terminationGracePeriodSeconds"].as_i64().unwrap_or(30);
    asked.unwrap_or(own).max(0)
}
