//! A cluster's skeleton: what remains of its objects without what the cluster made of them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::Manifest;
use crate::install;

/// Namespaces of clusters themselves: what is in them is the lab's own business.
const SYSTEM: [&str; 4] = ["kube-system", "kube-public", "kube-node-lease", "local-path-storage"];
/// Kinds that only describe what runs, or where.
const RUNTIME: [(&str, &[&str]); 10] = [
    ("", &["Node", "Event", "Endpoints", "ComponentStatus", "PersistentVolume"]),
    ("events.k8s.io", &["Event"]),
    ("coordination.k8s.io", &["Lease"]),
    ("apps", &["ControllerRevision"]),
    ("storage.k8s.io", &["CSINode", "CSIDriver", "VolumeAttachment", "CSIStorageCapacity"]),
    ("certificates.k8s.io", &["CertificateSigningRequest"]),
    ("apiregistration.k8s.io", &["APIService"]),
    ("networking.k8s.io", &["IPAddress", "ServiceCIDR"]),
    ("metrics.k8s.io", &["NodeMetrics", "PodMetrics"]),
    ("flowcontrol.apiserver.k8s.io", &["FlowSchema", "PriorityLevelConfiguration"]),
];
/// Cilium's kinds that its agents write themselves.
const AGENTS: [&str; 6] = [
    "CiliumEndpoint",
    "CiliumEndpointSlice",
    "CiliumIdentity",
    "CiliumNode",
    "SkepEndpointSlice",
    "SkepIdentity",
];
/// Fields of `metadata` that the API server fills.
const METADATA: [&str; 9] = [
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "generation",
    "managedFields",
    "selfLink",
    "ownerReferences",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
];
/// Annotations that tools and controllers keep.
const ANNOTATIONS: [&str; 4] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    "deployment.kubernetes.io/revision",
    "deprecated.daemonset.template.generation",
    "endpoints.kubernetes.io/last-change-trigger-time",
];
/// Fields of pods and services that the cluster chose, which another cluster chooses anew.
const CHOSEN: [(&str, &[&str]); 3] = [
    ("Pod", &["nodeName", "preemptionPolicy", "priority"]),
    ("Service", &["clusterIP", "clusterIPs", "healthCheckNodePort"]),
    ("PersistentVolumeClaim", &["volumeName"]),
];

/// Whether the values of Secrets are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// As they are.
    Kept,
    /// Only the keys: a skeleton is passed around.
    Dropped,
}

/// What a cluster's objects come down to.
#[derive(Debug, Default)]
pub(crate) struct Skeleton {
    /// What is left, without runtime fields.
    pub(crate) manifests: Vec<Manifest>,
    /// What was left out, in words.
    pub(crate) notes: Vec<String>,
}

/// Makes a skeleton of objects as a cluster returns them.
pub(crate) fn skeleton(manifests: Vec<Manifest>, values: Values) -> Skeleton {
    let mut out = Skeleton::default();
    let mut dropped = BTreeMap::<&'static str, BTreeSet<String>>::new();
    for mut manifest in manifests {
        match reason_to_drop(&manifest) {
            Some(reason) => {
                dropped.entry(reason).or_default().insert(manifest.title());
            }
            None => {
                strip(&mut manifest.object, values);
                out.manifests.push(manifest);
            }
        }
    }
    let counted = dropped.iter().map(|(reason, all)| format!("left out: {reason} ({})", all.len()));
    out.notes = counted.collect();
    out
}

/// Tells why an object is no part of a skeleton.
fn reason_to_drop(manifest: &Manifest) -> Option<&'static str> {
    let (group, kind) = (manifest.group(), manifest.kind());
    if kind == "Node" && group.is_empty() {
        return Some("nodes, as a lab has its own; --nodes says how many");
    }
    let runtime = RUNTIME.iter().any(|(of, kinds)| *of == group && kinds.contains(&kind));
    if runtime || AGENTS.contains(&kind) {
        return Some("objects that only tell what runs");
    }
    let owners = manifest.object.pointer("/metadata/ownerReferences").and_then(Value::as_array);
    let mut owners = owners.into_iter().flatten();
    if owners.any(|owner| owner["controller"] == true || owner["kind"] == "Node") {
        return Some("objects that controllers make from others");
    }
    if is_of_every_cluster(manifest) {
        return Some("objects that every cluster has");
    }
    // Policies of these namespaces are the user's.
    if SYSTEM.contains(&manifest.namespace()) && !kind.ends_with("NetworkPolicy") {
        return Some("objects of the cluster's own namespaces");
    }
    None
}

fn is_of_every_cluster(manifest: &Manifest) -> bool {
    let (name, own_label) = (manifest.name(), "/metadata/labels/kubernetes.io~1bootstrapping");
    match (manifest.group(), manifest.kind()) {
        ("", "Namespace") => name == "default" || SYSTEM.contains(&name),
        ("", "Service") => name == "kubernetes" && manifest.namespace() == "default",
        ("", "ServiceAccount") => name == "default",
        ("", "ConfigMap") => name == "kube-root-ca.crt",
        ("", "Secret") => {
            let kind = manifest.text("/type");
            kind == "kubernetes.io/service-account-token" || kind == "bootstrap.kubernetes.io/token"
        }
        ("scheduling.k8s.io", "PriorityClass") => name.starts_with("system-"),
        ("rbac.authorization.k8s.io", _) => {
            name.starts_with("system:")
                || name.starts_with("kubeadm:")
                || name == "skep"
                || name.starts_with("skep-")
                || !manifest.text(own_label).is_empty()
                || ["cluster-admin", "admin", "edit", "view"].contains(&name)
        }
        ("apiextensions.k8s.io", _) => name.ends_with(".skep.io") || install::is_defined(name),
        ("discovery.k8s.io", "EndpointSlice") => {
            let keeper = manifest.text("/metadata/labels/endpointslice.kubernetes.io~1managed-by");
            keeper.ends_with(".k8s.io") || name == "kubernetes"
        }
        _ => false,
    }
}

/// Takes everything from an object that a cluster added, and the values of Secrets if so told.
fn strip(object: &mut Value, values: Values) {
    let kind = object["kind"].as_str().unwrap_or_default().to_owned();
    let Value::Object(fields) = object else { return };
    fields.remove("status");
    if let Some(Value::Object(metadata)) = fields.get_mut("metadata") {
        strip_metadata(metadata);
    }
    if let Some(Value::Object(spec)) = fields.get_mut("spec") {
        strip_spec(&kind, spec);
        if let Some(Value::Object(metadata)) =
            spec.get_mut("template").and_then(|it| it.get_mut("metadata"))
        {
            metadata.retain(|_, value| !value.is_null());
        }
    }
    if kind == "Secret" && values == Values::Dropped {
        for data in ["data", "stringData"] {
            if let Some(Value::Object(data)) = fields.get_mut(data) {
                data.values_mut().for_each(|value| *value = Value::from(""));
            }
        }
    }
    if kind == "ServiceAccount" {
        fields.remove("secrets");
    }
}

fn strip_metadata(metadata: &mut Map<String, Value>) {
    metadata.retain(|name, _| !METADATA.contains(&name.as_str()));
    if let Some(Value::Object(annotations)) = metadata.get_mut("annotations") {
        annotations.retain(|name, _| !ANNOTATIONS.contains(&name.as_str()));
        if annotations.is_empty() {
            metadata.remove("annotations");
        }
    }
}

fn strip_spec(kind: &str, spec: &mut Map<String, Value>) {
    let headless = kind == "Service" && spec.get("clusterIP").is_some_and(|ip| ip == "None");
    for (_, fields) in CHOSEN.iter().filter(|(of, _)| *of == kind && !headless) {
        spec.retain(|name, _| !fields.contains(&name.as_str()));
    }
    match kind {
        "Service" => {
            // A lab may have other families; what must be dual stack still says so.
            spec.remove("ipFamilies");
            if spec.get("ipFamilyPolicy").is_some_and(|policy| policy == "SingleStack") {
                spec.remove("ipFamilyPolicy");
            }
        }
        "Pod" => strip_pod(spec),
        "Job" => strip_job(spec),
        "Namespace" => {
            spec.remove("finalizers");
        }
        _ => {}
    }
}

/// Tokens are mounted anew, with another name.
fn strip_pod(spec: &mut Map<String, Value>) {
    let is_token = |value: &Value| {
        value["name"].as_str().is_some_and(|name| name.starts_with("kube-api-access-"))
    };
    let drop = |list: Option<&mut Value>| {
        if let Some(Value::Array(list)) = list {
            list.retain(|one| !is_token(one));
        }
    };
    drop(spec.get_mut("volumes"));
    for containers in ["containers", "initContainers"] {
        let all = spec.get_mut(containers).and_then(Value::as_array_mut);
        for container in all.into_iter().flatten() {
            drop(container.get_mut("volumeMounts"));
        }
    }
}

/// The selector of a job is made from its uid.
fn strip_job(spec: &mut Map<String, Value>) {
    if spec.get("manualSelector") == Some(&Value::Bool(true)) {
        return;
    }
    spec.remove("selector");
    let labels = spec.get_mut("template").and_then(|it| it.pointer_mut("/metadata/labels"));
    if let Some(Value::Object(labels)) = labels {
        labels.retain(|name, _| !name.ends_with("controller-uid") && !name.ends_with("job-name"));
    }
}
