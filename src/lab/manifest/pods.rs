//! Where objects say what their pods are.

use serde_json::Value;

use super::Manifest;

/// Returns the pod specification of an object that has one.
pub(super) fn pod_spec(manifest: &Manifest) -> Option<&Value> {
    let path = match (manifest.group(), manifest.kind()) {
        ("", "Pod") => "/spec",
        ("", "PodTemplate") => "/template/spec",
        ("", "ReplicationController")
        | ("apps", "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet")
        | ("batch", "Job") => "/spec/template/spec",
        ("batch", "CronJob") => "/spec/jobTemplate/spec/template/spec",
        _ => return None,
    };
    manifest.object.pointer(path)
}

/// Returns every element of an array; nothing when it is absent.
pub(super) fn each<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    value.get(field).and_then(Value::as_array).into_iter().flatten()
}

/// Returns all containers of a pod specification.
pub(super) fn containers(spec: &Value) -> impl Iterator<Item = &Value> {
    each(spec, "initContainers").chain(each(spec, "containers"))
}
