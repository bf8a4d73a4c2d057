//! Selectable fields: which fields of which kind field selectors may name.

use serde_json::Value;

use super::resource::Resource;

const POD: &[&str] = &[
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "spec.hostNetwork",
    "status.phase",
    "status.podIP",
    "status.nominatedNodeName",
];
const EVENT: &[&str] = &[
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "source",
    "type",
];
const EVENTS_GROUP: &[&str] = &[
    "regarding.kind",
    "regarding.namespace",
    "regarding.name",
    "regarding.uid",
    "reason",
    "reportingController",
    "type",
];

/// Returns the fields of a built-in kind that selectors may name, besides name and namespace.
fn known(resource: &Resource) -> &'static [&'static str] {
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Pod") => POD,
        ("", "Event") => EVENT,
        ("events.k8s.io", "Event") => EVENTS_GROUP,
        ("", "Namespace") => &["status.phase"],
        ("", "Node") => &["spec.unschedulable"],
        ("", "Secret") => &["type"],
        ("", "Service") => &["spec.clusterIP", "spec.type"],
        ("", "ReplicationController") | ("apps", "ReplicaSet") => &["status.replicas"],
        ("batch", "Job") => &["status.successful"],
        ("certificates.k8s.io", _) => &["spec.signerName"],
        _ => &[],
    }
}

/// Tells whether a field selector may name this field.
pub(super) fn is_known(resource: &Resource, field: &str) -> bool {
    known(resource).contains(&field)
        || resource
            .custom
            .as_ref()
            .is_some_and(|c| c.selectable.iter().any(|s| s.trim_start_matches('.') == field))
}

/// Returns the selectable fields of an object; absent ones are left out and compare as empty.
pub(super) fn selectable(resource: &Resource, value: &Value) -> Box<[(Box<str>, Box<str>)]> {
    let custom = resource.custom.iter().flat_map(|c| &c.selectable);
    known(resource)
        .iter()
        .copied()
        .chain(custom.map(|path| path.trim_start_matches('.')))
        .filter_map(|path| Some((path.into(), text(value, path)?)))
        .collect()
}

fn text(value: &Value, path: &str) -> Option<Box<str>> {
    let path = if path == "source" { "source.component" } else { path };
    let found = path.split('.').try_fold(value, |value, member| value.get(member))?;
    match found {
        Value::String(text) => Some(text.as_str().into()),
        Value::Bool(flag) => Some(flag.to_string().into()),
        Value::Number(number) => Some(number.to_string().into()),
        _ => None,
    }
}
