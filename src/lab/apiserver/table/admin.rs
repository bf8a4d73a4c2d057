//! Columns of the kinds that administrators look at: storage, quotas, autoscalers, admission, certificates.

use serde_json::Value;

use super::columns::{Column, age, at, items, joined, name, text_at};

fn list_length(name: &str, pointer: &'static str) -> Column {
    Column::new(name, move |object, _| items(object, pointer).count().into()).kind("integer")
}

fn reference(value: &Value) -> String {
    match (value["kind"].as_str(), value["name"].as_str()) {
        (Some(kind), Some(name)) => format!("{kind}/{name}"),
        _ => "<none>".to_owned(),
    }
}

fn modes(object: &Value) -> String {
    let short = |mode: &str| match mode {
        "ReadWriteOnce" => "RWO",
        "ReadOnlyMany" => "ROX",
        "ReadWriteMany" => "RWX",
        "ReadWriteOncePod" => "RWOP",
        _ => "",
    };
    let modes = items(object, "/spec/accessModes").filter_map(Value::as_str).map(short);
    let modes: Vec<&str> = modes.filter(|mode| !mode.is_empty()).collect();
    modes.join(",")
}

/// Text, nothing if absent.
fn or_empty(name: &str, pointer: &'static str) -> Column {
    Column::text(name, move |object| match text_at(object, pointer).as_str() {
        "<none>" => String::new(),
        text => text.to_owned(),
    })
}

fn claim() -> Vec<Column> {
    vec![
        name(),
        at("Status", "/status/phase"),
        or_empty("Volume", "/spec/volumeName"),
        or_empty("Capacity", "/status/capacity/storage"),
        Column::text("Access Modes", modes),
        or_empty("StorageClass", "/spec/storageClassName"),
        Column::text("VolumeAttributesClass", |o| {
            match text_at(o, "/spec/volumeAttributesClassName").as_str() {
                "<none>" => "<unset>".to_owned(),
                text => text.to_owned(),
            }
        }),
        age(),
        at("VolumeMode", "/spec/volumeMode").wide(),
    ]
}

fn volume() -> Vec<Column> {
    vec![
        name(),
        or_empty("Capacity", "/spec/capacity/storage"),
        Column::text("Access Modes", modes),
        or_empty("Reclaim Policy", "/spec/persistentVolumeReclaimPolicy"),
        at("Status", "/status/phase"),
        Column::text("Claim", |o| match o["spec"]["claimRef"]["name"].as_str() {
            Some(name) => {
                format!("{}/{name}", text_at(o, "/spec/claimRef/namespace"))
            }
            None => String::new(),
        }),
        or_empty("StorageClass", "/spec/storageClassName"),
        or_empty("Reason", "/status/reason"),
        age(),
        at("VolumeMode", "/spec/volumeMode").wide(),
    ]
}

/// `cpu: 1/2, pods: 0/5`, of requests or of limits.
fn used(object: &Value, limits: bool) -> String {
    let hard = object.pointer("/status/hard").or_else(|| object.pointer("/spec/hard"));
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let parts: Vec<String> = hard
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter(|(name, _)| name.starts_with("limits.") == limits)
        .map(|(name, most)| {
            let used = object["status"]["used"].get(name);
            format!("{name}: {}/{}", used.map_or_else(|| "0".to_owned(), text), text(most))
        })
        .collect();
    parts.join(", ")
}

fn target(object: &Value) -> String {
    let spec = items(object, "/spec/metrics");
    let current: Vec<&Value> = items(object, "/status/currentMetrics").collect();
    let parts: Vec<String> = spec
        .enumerate()
        .map(|(index, metric)| {
            let resource = &metric["resource"];
            let name = resource["name"].as_str().unwrap_or_default();
            let now = current
                .get(index)
                .and_then(|c| c["resource"]["current"]["averageUtilization"].as_i64())
                .map_or_else(|| "<unknown>".to_owned(), |n| format!("{n}%"));
            match resource["target"]["averageUtilization"].as_i64() {
                Some(wanted) => format!("{name}: {now}/{wanted}%"),
                None => "<unknown>".to_owned(),
            }
        })
        .collect();
    if parts.is_empty() { "<none>".to_owned() } else { parts.join(", ") }
}

fn request_condition(object: &Value) -> String {
    let conditions = items(object, "/status/conditions").filter_map(|c| c["type"].as_str());
    let all: Vec<&str> = conditions.collect();
    if all.is_empty() { "Pending".to_owned() } else { all.join(",") }
}

/// Returns the columns of a kind, none for a kind that is shown by name and age.
pub(super) fn of(group: &str, kind: &str) -> Option<Vec<Column>> {
    Some(match (group, kind) {
        ("", "PersistentVolumeClaim") => claim(),
        ("", "PersistentVolume") => volume(),
        ("", "ServiceAccount") => vec![name(), list_length("Secrets", "/secrets"), age()],
        ("", "ResourceQuota") => vec![
            name(),
            Column::text("Request", |o| used(o, false)),
            Column::text("Limit", |o| used(o, true)),
            age(),
        ],
        ("", "LimitRange") => vec![
            name(),
            Column::new("Created At", |o, _| o["metadata"]["creationTimestamp"].clone())
                .kind("date"),
        ],
        ("autoscaling", _) => vec![
            name(),
            Column::text("Reference", |o| reference(&o["spec"]["scaleTargetRef"])),
            Column::text("Targets", target),
            Column::text("MinPods", |o| match text_at(o, "/spec/minReplicas").as_str() {
                "<none>" => "<unset>".to_owned(),
                text => text.to_owned(),
            }),
            Column::number("MaxPods", "/spec/maxReplicas"),
            Column::number("Replicas", "/status/currentReplicas"),
            age(),
        ],
        ("storage.k8s.io", "StorageClass") => vec![
            Column::text("Name", |o| {
                let key = "storageclass.kubernetes.io/is-default-class";
                let mark =
                    if o["metadata"]["annotations"][key] == "true" { " (default)" } else { "" };
                format!("{}{mark}", text_at(o, "/metadata/name"))
            }),
            at("Provisioner", "/provisioner"),
            at("ReclaimPolicy", "/reclaimPolicy"),
            at("VolumeBindingMode", "/volumeBindingMode"),
            Column::new("AllowVolumeExpansion", |o, _| (o["allowVolumeExpansion"] == true).into())
                .kind("boolean"),
            age(),
        ],
        ("storage.k8s.io", "CSINode") => {
            vec![name(), list_length("Drivers", "/spec/drivers"), age()]
        }
        ("certificates.k8s.io", _) => vec![
            name(),
            age(),
            at("SignerName", "/spec/signerName"),
            at("Requestor", "/spec/username"),
            at("RequestedDuration", "/spec/expirationSeconds"),
            Column::text("Condition", request_condition),
        ],
        ("networking.k8s.io", "IngressClass") => vec![
            name(),
            at("Controller", "/spec/controller"),
            Column::text("Parameters", |o| reference(&o["spec"]["parameters"])),
            age(),
        ],
        ("node.k8s.io", _) => vec![name(), at("Handler", "/handler"), age()],
        ("apiregistration.k8s.io", _) => vec![
            name(),
            Column::text("Service", |o| match o["spec"]["service"]["name"].as_str() {
                Some(service) => {
                    format!("{}/{service}", text_at(o, "/spec/service/namespace"))
                }
                None => "Local".to_owned(),
            }),
            Column::text("Available", |o| {
                let found = items(o, "/status/conditions").find(|c| c["type"] == "Available");
                found.and_then(|c| c["status"].as_str()).unwrap_or("Unknown").to_owned()
            }),
            age(),
        ],
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy") => vec![
            name(),
            list_length("Validations", "/spec/validations"),
            Column::text("ParamKind", |o| match o["spec"]["paramKind"]["kind"].as_str() {
                Some(kind) => format!("{}/{kind}", text_at(o, "/spec/paramKind/apiVersion")),
                None => "<unset>".to_owned(),
            }),
            age(),
        ],
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding") => vec![
            name(),
            at("PolicyName", "/spec/policyName"),
            Column::text("ParamRef", |o| match o["spec"]["paramRef"]["name"].as_str() {
                Some(name) => name.to_owned(),
                None => "<unset>".to_owned(),
            }),
            age(),
        ],
        ("admissionregistration.k8s.io", _) => {
            vec![name(), list_length("Webhooks", "/webhooks"), age()]
        }
        ("apps", "ControllerRevision") => vec![
            name(),
            Column::text("Controller", |o| {
                let owner = items(o, "/metadata/ownerReferences").find(|o| o["controller"] == true);
                let (kind, name) = owner
                    .map_or((None, None), |owner| (owner["kind"].as_str(), owner["name"].as_str()));
                match (kind, name) {
                    (Some(kind), Some(name)) => {
                        let group = owner
                            .and_then(|o| o["apiVersion"].as_str()?.split_once('/'))
                            .map_or(String::new(), |(group, _)| format!(".{group}"));
                        format!("{}{group}/{name}", kind.to_lowercase())
                    }
                    _ => "<none>".to_owned(),
                }
            }),
            Column::number("Revision", "/revision"),
            age(),
        ],
        ("", "PodTemplate") => {
            let list = |object: &Value, member: &str| {
                let containers = items(object, "/template/spec/containers");
                joined(containers.filter_map(|c| c[member].as_str()))
            };
            vec![
                name(),
                Column::text("Containers", move |o| list(o, "name")),
                Column::text("Images", move |o| list(o, "image")),
            ]
        }
        _ => return None,
    })
}
