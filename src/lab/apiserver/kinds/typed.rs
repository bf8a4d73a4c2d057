//! The published types of built-in kinds: wrong types, unknown fields, and the schemas of `kubectl explain`.

use k8s_openapi::api::{
    admissionregistration, apps, authentication, authorization, autoscaling, batch, certificates,
    coordination, core, discovery, events, networking, node, policy, rbac, scheduling, storage,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::lab::apiserver::resource::Resource;

/// Unknown fields of an object, or what is wrong with its types.
type Checked = Result<Vec<String>, serde_json::Error>;

/// What is done with the type of a kind.
struct Type {
    check: fn(&Value) -> Checked,
    schema: fn(&mut SchemaGenerator) -> Schema,
}

impl Type {
    const fn of<T: DeserializeOwned + JsonSchema>() -> Self {
        Self { check: check_as::<T>, schema: SchemaGenerator::subschema_for::<T> }
    }
}

fn check_as<T: DeserializeOwned>(value: &Value) -> Checked {
    let mut unknown = Vec::new();
    let _: T = serde_ignored::deserialize(value, |path| unknown.push(path.to_string()))?;
    Ok(unknown)
}

/// Deserialises an object as the type of its kind; kinds without one pass.
pub(super) fn check(resource: &Resource, value: &Value) -> Checked {
    type_of(resource).map_or_else(|| Ok(Vec::new()), |kind| (kind.check)(value))
}

/// Adds the schemas of a kind and of all that it contains; returns a reference to its own.
pub(in crate::lab::apiserver) fn schema(
    resource: &Resource,
    generator: &mut SchemaGenerator,
) -> Option<Schema> {
    type_of(resource).map(|kind| (kind.schema)(generator))
}

/// Returns the type of a built-in kind.
fn type_of(resource: &Resource) -> Option<Type> {
    if resource.custom.is_some() {
        return None;
    }
    Some(match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "ConfigMap") => Type::of::<core::v1::ConfigMap>(),
        ("", "Endpoints") => Type::of::<core::v1::Endpoints>(),
        ("", "Event") => Type::of::<core::v1::Event>(),
        ("", "LimitRange") => Type::of::<core::v1::LimitRange>(),
        ("", "Namespace") => Type::of::<core::v1::Namespace>(),
        ("", "Node") => Type::of::<core::v1::Node>(),
        ("", "PersistentVolumeClaim") => Type::of::<core::v1::PersistentVolumeClaim>(),
        ("", "PersistentVolume") => Type::of::<core::v1::PersistentVolume>(),
        ("", "Pod") => Type::of::<core::v1::Pod>(),
        ("", "PodTemplate") => Type::of::<core::v1::PodTemplate>(),
        ("", "ReplicationController") => Type::of::<core::v1::ReplicationController>(),
        ("", "ResourceQuota") => Type::of::<core::v1::ResourceQuota>(),
        ("", "Secret") => Type::of::<core::v1::Secret>(),
        ("", "ServiceAccount") => Type::of::<core::v1::ServiceAccount>(),
        ("", "Service") => Type::of::<core::v1::Service>(),
        ("events.k8s.io", _) => Type::of::<events::v1::Event>(),
        ("autoscaling", _) if resource.version == "v1" => {
            Type::of::<autoscaling::v1::HorizontalPodAutoscaler>()
        }
        ("autoscaling", _) => Type::of::<autoscaling::v2::HorizontalPodAutoscaler>(),
        ("batch", "CronJob") => Type::of::<batch::v1::CronJob>(),
        ("batch", "Job") => Type::of::<batch::v1::Job>(),
        ("apps", "ControllerRevision") => Type::of::<apps::v1::ControllerRevision>(),
        ("apps", "DaemonSet") => Type::of::<apps::v1::DaemonSet>(),
        ("apps", "Deployment") => Type::of::<apps::v1::Deployment>(),
        ("apps", "ReplicaSet") => Type::of::<apps::v1::ReplicaSet>(),
        ("apps", "StatefulSet") => Type::of::<apps::v1::StatefulSet>(),
        ("certificates.k8s.io", _) => Type::of::<certificates::v1::CertificateSigningRequest>(),
        ("coordination.k8s.io", _) => Type::of::<coordination::v1::Lease>(),
        ("discovery.k8s.io", _) => Type::of::<discovery::v1::EndpointSlice>(),
        ("networking.k8s.io", "Ingress") => Type::of::<networking::v1::Ingress>(),
        ("networking.k8s.io", "IngressClass") => Type::of::<networking::v1::IngressClass>(),
        ("networking.k8s.io", "NetworkPolicy") => Type::of::<networking::v1::NetworkPolicy>(),
        ("networking.k8s.io", "IPAddress") => Type::of::<networking::v1::IPAddress>(),
        ("networking.k8s.io", "ServiceCIDR") => Type::of::<networking::v1::ServiceCIDR>(),
        ("policy", _) => Type::of::<policy::v1::PodDisruptionBudget>(),
        ("rbac.authorization.k8s.io", "ClusterRoleBinding") => {
            Type::of::<rbac::v1::ClusterRoleBinding>()
        }
        ("rbac.authorization.k8s.io", "ClusterRole") => Type::of::<rbac::v1::ClusterRole>(),
        ("rbac.authorization.k8s.io", "RoleBinding") => Type::of::<rbac::v1::RoleBinding>(),
        ("rbac.authorization.k8s.io", "Role") => Type::of::<rbac::v1::Role>(),
        ("storage.k8s.io", "CSIDriver") => Type::of::<storage::v1::CSIDriver>(),
        ("storage.k8s.io", "CSINode") => Type::of::<storage::v1::CSINode>(),
        ("storage.k8s.io", "StorageClass") => Type::of::<storage::v1::StorageClass>(),
        ("storage.k8s.io", "VolumeAttachment") => Type::of::<storage::v1::VolumeAttachment>(),
        ("admissionregistration.k8s.io", "MutatingWebhookConfiguration") => {
            Type::of::<admissionregistration::v1::MutatingWebhookConfiguration>()
        }
        ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration") => {
            Type::of::<admissionregistration::v1::ValidatingWebhookConfiguration>()
        }
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy") => {
            Type::of::<admissionregistration::v1::ValidatingAdmissionPolicy>()
        }
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding") => {
            Type::of::<admissionregistration::v1::ValidatingAdmissionPolicyBinding>()
        }
        ("apiextensions.k8s.io", _) => Type::of::<apiextensions::v1::CustomResourceDefinition>(),
        ("scheduling.k8s.io", _) => Type::of::<scheduling::v1::PriorityClass>(),
        ("node.k8s.io", _) => Type::of::<node::v1::RuntimeClass>(),
        ("authentication.k8s.io", "TokenReview") => Type::of::<authentication::v1::TokenReview>(),
        ("authentication.k8s.io", "SelfSubjectReview") => {
            Type::of::<authentication::v1::SelfSubjectReview>()
        }
        ("authorization.k8s.io", "LocalSubjectAccessReview") => {
            Type::of::<authorization::v1::LocalSubjectAccessReview>()
        }
        ("authorization.k8s.io", "SelfSubjectAccessReview") => {
            Type::of::<authorization::v1::SelfSubjectAccessReview>()
        }
        ("authorization.k8s.io", "SelfSubjectRulesReview") => {
            Type::of::<authorization::v1::SelfSubjectRulesReview>()
        }
        ("authorization.k8s.io", "SubjectAccessReview") => {
            Type::of::<authorization::v1::SubjectAccessReview>()
        }
        ("apiregistration.k8s.io", _) => Type::of::<apiregistration::v1::APIService>(),
        _ => return None,
    })
}
