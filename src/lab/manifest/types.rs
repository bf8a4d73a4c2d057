//! Checking objects of built-in kinds against their types.

use k8s_openapi::{
    api::{
        apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet},
        autoscaling::v2::HorizontalPodAutoscaler,
        batch::v1::{CronJob, Job},
        core::v1::{
            ConfigMap, LimitRange, Namespace, PersistentVolume, PersistentVolumeClaim, Pod,
            ReplicationController, ResourceQuota, Secret, Service, ServiceAccount,
        },
        discovery::v1::EndpointSlice,
        networking::v1::{Ingress, IngressClass, NetworkPolicy},
        policy::v1::PodDisruptionBudget,
        rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding},
        scheduling::v1::PriorityClass,
        storage::v1::StorageClass,
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// An object is not of its kind.
pub(super) enum Mistake {
    /// At a place of the document.
    Placed(serde_yaml::Error),
    /// Somewhere in it.
    Somewhere(String),
}

/// Checks an object, or the objects of a list. `document` is the text it was read from.
pub(super) fn check(value: &Value, document: &str) -> Result<(), Mistake> {
    if let Some(items) = value.get("items").and_then(Value::as_array) {
        return items.iter().try_for_each(|item| check_one(item, None));
    }
    check_one(value, Some(document))
}

fn as_kind<K: DeserializeOwned>(value: &Value, document: Option<&str>) -> Result<(), Mistake> {
    let Err(error) = K::deserialize(value) else { return Ok(()) };
    // Read once more from the text, for only that knows lines.
    let placed =
        document.and_then(|text| K::deserialize(serde_yaml::Deserializer::from_str(text)).err());
    Err(match placed {
        Some(placed) => Mistake::Placed(placed),
        None => {
            let name = value.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
            let kind = value["kind"].as_str().unwrap_or_default();
            Mistake::Somewhere(format!("{kind} {name}: {error}"))
        }
    })
}

fn check_one(value: &Value, document: Option<&str>) -> Result<(), Mistake> {
    let text = |field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default();
    let (version, kind) = (text("apiVersion"), text("kind"));
    macro_rules! check {
        ($($version:literal: $($kind:ident)+;)+) => {
            match (version, kind) {
                $($(($version, stringify!($kind)) => as_kind::<$kind>(value, document),)+)+
                _ => Ok(()),
            }
        };
    }
    check! {
        "v1": ConfigMap LimitRange Namespace PersistentVolume PersistentVolumeClaim Pod
            ReplicationController ResourceQuota Secret Service ServiceAccount;
        "apps/v1": DaemonSet Deployment ReplicaSet StatefulSet;
        "autoscaling/v2": HorizontalPodAutoscaler;
        "batch/v1": CronJob Job;
        "discovery.k8s.io/v1": EndpointSlice;
        "networking.k8s.io/v1": Ingress IngressClass NetworkPolicy;
        "policy/v1": PodDisruptionBudget;
        "rbac.authorization.k8s.io/v1": ClusterRole ClusterRoleBinding Role RoleBinding;
        "scheduling.k8s.io/v1": PriorityClass;
        "storage.k8s.io/v1": StorageClass;
        "apiextensions.k8s.io/v1": CustomResourceDefinition;
    }
}
