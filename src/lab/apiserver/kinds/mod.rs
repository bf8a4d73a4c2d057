//! What is special about some kinds: defaults, rules, and what follows from their changes.

mod checks;
mod content;
mod custom;
mod definition;
mod mismatch;
mod namespace;
mod networking;
mod node;
mod pod;
mod pod_spec;
mod rbac;
mod service;
mod service_rules;
mod storage;
mod strict;
mod structural;
mod typed;
mod volumes;
mod workload;
mod workload_rules;

pub(super) use definition::{CLEANUP, register as serve_definition};
pub(super) use namespace::{BOOTSTRAP, bootstrap_namespace};
pub(super) use strict::write_quantities;
pub(super) use typed::schema;

use std::sync::Arc;

use serde_json::Value;

use super::access;
use super::call::Call;
use super::cluster::Cluster;
use super::metadata;
use super::refusal::{Cause, Refusal};
use super::resource::Resource;
use super::store::Object;

const RBAC: &str = "rbac.authorization.k8s.io";

/// Kinds with a spec whose changes are not counted.
const WITHOUT_GENERATION: &[&str] = &[
    "ConfigMap",
    "Endpoints",
    "Event",
    "LimitRange",
    "Namespace",
    "Node",
    "PersistentVolumeClaim",
    "PersistentVolume",
    "PodTemplate",
    "ResourceQuota",
    "Secret",
    "ServiceAccount",
    "Service",
    "Lease",
    "ControllerRevision",
];

/// Tells whether `metadata.generation` counts changes of this kind.
pub(super) fn has_generation(resource: &Resource) -> bool {
    resource.custom.is_some()
        || !(WITHOUT_GENERATION.contains(&resource.kind.as_str())
            || matches!(
                resource.group.as_str(),
                RBAC | "storage.k8s.io" | "scheduling.k8s.io" | "node.k8s.io"
            ))
}

/// Completes a new object: status, defaults, and what the server decides.
pub(super) fn prepare_create(
    cluster: &Cluster,
    resource: &Resource,
    value: &mut Value,
    call: &Call,
) -> Result<(), Refusal> {
    check_types(resource, value, call)?;
    let keeps_status = resource.is("", "Node");
    if resource.has_status()
        && !keeps_status
        && let Some(members) = value.as_object_mut()
    {
        members.shift_remove("status");
    }
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Namespace") => namespace::prepare(value),
        ("", "Pod") => pod::prepare_create(cluster, value, call)?,
        ("apiextensions.k8s.io", _) => definition::prepare_create(value),
        _ => {}
    }
    prepare(resource, value, call)?;
    if resource.group == RBAC { access::check_grant(cluster, call, value) } else { Ok(()) }
}

/// Completes an updated object.
pub(super) fn prepare_update(
    cluster: &Cluster,
    resource: &Resource,
    old: &Value,
    value: &mut Value,
    call: &Call,
) -> Result<(), Refusal> {
    check_types(resource, value, call)?;
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("apiextensions.k8s.io", _) => definition::prepare_update(old, value),
        (RBAC, _) => rbac::keep_aggregate(old, value),
        ("", "Namespace") => namespace::prepare_update(old, value),
        ("", "Service") => service::keep_allocated(old, value),
        _ => {}
    }
    prepare(resource, value, call)?;
    if resource.group == RBAC && rbac::grants_differ(old, value) {
        return access::check_grant(cluster, call, value);
    }
    Ok(())
}

/// Refuses built-in objects with members of a wrong type, so that everything after this can rely on them, and drops
/// members they do not have.
fn check_types(resource: &Resource, value: &mut Value, call: &Call) -> Result<(), Refusal> {
    let unknown = typed::check(resource, value).map_err(|error| {
        let detail = mismatch::explain(resource, value).unwrap_or_else(|| error.to_string());
        Refusal::BadRequest(format!(
            "{} in version {:?} cannot be handled as a {}: {detail}",
            resource.kind, resource.version, resource.kind
        ))
    })?;
    strict::report(call, &unknown)?;
    unknown.iter().for_each(|path| strict::remove(value, path));
    if resource.custom.is_none() {
        strict::remove_nulls(value);
        write_quantities(value);
    }
    Ok(())
}

/// Defaults that creating and updating share.
fn prepare(resource: &Resource, value: &mut Value, call: &Call) -> Result<(), Refusal> {
    if resource.custom.is_some() {
        return custom::prepare(resource, value, call);
    }
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Pod") => pod::defaults(value),
        ("", "Service") => service::defaults(value),
        ("", "Secret") => service::secret_defaults(value),
        ("", "Node") => node::defaults(value),
        ("apps" | "batch", _) | ("", "ReplicationController") => {
            workload::defaults(resource, value)
        }
        (RBAC, _) => rbac::defaults(resource, value),
        ("", "PersistentVolumeClaim") | ("storage.k8s.io", "StorageClass") => {
            storage::defaults(resource, value);
        }
        ("autoscaling", _) if value["spec"].is_object() => {
            default(&mut value["spec"], "minReplicas", 1);
        }
        ("networking.k8s.io", "NetworkPolicy") => service::network_policy_defaults(value),
        ("networking.k8s.io", "Ingress") => service::status_balancer(value),
        _ => {}
    }
    Ok(())
}

/// Returns what is wrong with an object.
pub(super) fn validate(resource: &Resource, old: Option<&Value>, value: &Value) -> Vec<Cause> {
    if resource.custom.is_some() {
        return custom::validate(resource, value);
    }
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Pod") => pod::validate(old, value),
        ("", "Service") => service_rules::validate(old, value),
        ("", "ConfigMap" | "Secret") => content::validate(resource, old, value),
        ("", "PersistentVolumeClaim") => storage::claim(old, value),
        ("", "ResourceQuota") => storage::quota(value),
        ("networking.k8s.io", "Ingress") => networking::ingress(value),
        ("networking.k8s.io", "NetworkPolicy") => networking::policy(value),
        ("policy", _) => storage::budget(value),
        ("autoscaling", _) => storage::autoscaler(value),
        ("scheduling.k8s.io", _) => storage::priority(old, value),
        ("apps" | "batch", _) => workload_rules::validate(resource, old, value),
        (RBAC, _) => rbac::validate(resource, old, value),
        ("apiextensions.k8s.io", _) => definition::validate(old, value),
        _ => Vec::new(),
    }
}

/// Returns how long a deletion waits for someone to finish it.
pub(super) fn grace(resource: &Resource, object: &Value, asked: Option<i64>) -> i64 {
    if resource.is("", "Pod") { pod::grace(object, asked) } else { 0 }
}

/// Adds what a deletion changes besides the metadata.
pub(super) fn mark_deleted(resource: &Resource, object: &mut Value) {
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Namespace") => object["status"]["phase"] = "Terminating".into(),
        ("apiextensions.k8s.io", _) => definition::mark_deleted(object),
        _ => {}
    }
}

/// Tells whether nothing holds a deleted object any more.
pub(super) fn is_finished(resource: &Resource, object: &Value) -> bool {
    let held = resource.is("", "Namespace")
        && object["spec"]["finalizers"].as_array().is_some_and(|f| !f.is_empty());
    let waits = object["metadata"]["deletionGracePeriodSeconds"].as_i64().is_some_and(|s| s > 0);
    !held && !waits && metadata::finalizers(object).is_empty()
}

/// Does what follows from a new object.
pub(super) fn after_create(cluster: &Cluster, resource: &Resource, object: &Arc<Object>) {
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Namespace") => namespace::furnish(cluster, &object.key.name),
        ("apiextensions.k8s.io", _) => definition::establish(cluster, object),
        (RBAC, "ClusterRole") => access::aggregate(cluster),
        _ => {}
    }
}

/// Does what follows from a changed object.
pub(super) fn after_update(cluster: &Cluster, resource: &Resource, object: &Arc<Object>) {
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Namespace") => cluster.reaper.wake(),
        ("apiextensions.k8s.io", _) => {
            definition::establish(cluster, object);
            cluster.reaper.wake();
        }
        (RBAC, "ClusterRole") => access::aggregate(cluster),
        _ => {}
    }
}

/// Does what follows from a removed object.
pub(super) fn after_remove(cluster: &Cluster, resource: &Resource, object: &Arc<Object>) {
    if resource.group == "apiextensions.k8s.io" {
        definition::forget(cluster, &object.key.name);
    }
    if resource.is(RBAC, "ClusterRole") {
        access::aggregate(cluster);
    }
    if matches!(resource.kind.as_str(), "ConfigMap" | "ServiceAccount") {
        namespace::refurnish(cluster, &object.key);
    }
    cluster.reaper.wake();
}

/// Sets a member that is absent or null.
fn default(object: &mut Value, member: &str, value: impl Into<Value>) {
    if object.get(member).is_none_or(Value::is_null) && (object.is_object() || object.is_null()) {
        object[member] = value.into();
    }
}

/// Returns the items of a list member, without making the member.
fn items_mut<'a>(object: &'a mut Value, member: &str) -> impl Iterator<Item = &'a mut Value> {
    object.get_mut(member).and_then(Value::as_array_mut).into_iter().flatten()
}
