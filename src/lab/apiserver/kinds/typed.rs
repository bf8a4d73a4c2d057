//! Checks built-in objects against the published types: wrong types and unknown fields.

use k8s_openapi::api::{
    admissionregistration, apps, autoscaling, batch, certificates, coordination, core, discovery,
    events, networking, node, policy, rbac, scheduling, storage,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::lab::apiserver::resource::Resource;

/// Unknown fields of an object, or what is wrong with its types.
type Checked = Result<Vec<String>, serde_json::Error>;

fn check_as<T: DeserializeOwned>(value: &Value) -> Checked {
    let mut unknown = Vec::new();
    let _: T = serde_ignored::deserialize(value, |path| unknown.push(path.to_string()))?;
    Ok(unknown)
}

/// Deserialises an object as the type of its kind; kinds without one pass.
pub(super) fn check(resource: &Resource, value: &Value) -> Checked {
    let check: fn(&Value) -> Checked = match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "ConfigMap") => check_as::<core::v1::ConfigMap>,
        ("", "Endpoints") => check_as::<core::v1::Endpoints>,
        ("", "Event") => check_as::<core::v1::Event>,
        ("", "LimitRange") => check_as::<core::v1::LimitRange>,
        ("", "Namespace") => check_as::<core::v1::Namespace>,
        ("", "Node") => check_as::<core::v1::Node>,
        ("", "PersistentVolumeClaim") => check_as::<core::v1::PersistentVolumeClaim>,
        ("", "PersistentVolume") => check_as::<core::v1::PersistentVolume>,
        ("", "Pod") => check_as::<core::v1::Pod>,
        ("", "PodTemplate") => check_as::<core::v1::PodTemplate>,
        ("", "ReplicationController") => check_as::<core::v1::ReplicationController>,
        ("", "ResourceQuota") => check_as::<core::v1::ResourceQuota>,
        ("", "Secret") => check_as::<core::v1::Secret>,
        ("", "ServiceAccount") => check_as::<core::v1::ServiceAccount>,
        ("", "Service") => check_as::<core::v1::Service>,
        ("events.k8s.io", _) => check_as::<events::v1::Event>,
        ("autoscaling", _) => check_as::<autoscaling::v2::HorizontalPodAutoscaler>,
        ("batch", "CronJob") => check_as::<batch::v1::CronJob>,
        ("batch", "Job") => check_as::<batch::v1::Job>,
        ("apps", "ControllerRevision") => check_as::<apps::v1::ControllerRevision>,
        ("apps", "DaemonSet") => check_as::<apps::v1::DaemonSet>,
        ("apps", "Deployment") => check_as::<apps::v1::Deployment>,
        ("apps", "ReplicaSet") => check_as::<apps::v1::ReplicaSet>,
        ("apps", "StatefulSet") => check_as::<apps::v1::StatefulSet>,
        ("certificates.k8s.io", _) => check_as::<certificates::v1::CertificateSigningRequest>,
        ("coordination.k8s.io", _) => check_as::<coordination::v1::Lease>,
        ("discovery.k8s.io", _) => check_as::<discovery::v1::EndpointSlice>,
        ("networking.k8s.io", "Ingress") => check_as::<networking::v1::Ingress>,
        ("networking.k8s.io", "IngressClass") => check_as::<networking::v1::IngressClass>,
        ("networking.k8s.io", "NetworkPolicy") => check_as::<networking::v1::NetworkPolicy>,
        ("networking.k8s.io", "IPAddress") => check_as::<networking::v1::IPAddress>,
        ("networking.k8s.io", "ServiceCIDR") => check_as::<networking::v1::ServiceCIDR>,
        ("policy", _) => check_as::<policy::v1::PodDisruptionBudget>,
        ("rbac.authorization.k8s.io", "ClusterRoleBinding") => {
            check_as::<rbac::v1::ClusterRoleBinding>
        }
        ("rbac.authorization.k8s.io", "ClusterRole") => check_as::<rbac::v1::ClusterRole>,
        ("rbac.authorization.k8s.io", "RoleBinding") => check_as::<rbac::v1::RoleBinding>,
        ("rbac.authorization.k8s.io", "Role") => check_as::<rbac::v1::Role>,
        ("storage.k8s.io", "CSIDriver") => check_as::<storage::v1::CSIDriver>,
        ("storage.k8s.io", "CSINode") => check_as::<storage::v1::CSINode>,
        ("storage.k8s.io", "StorageClass") => check_as::<storage::v1::StorageClass>,
        ("storage.k8s.io", "VolumeAttachment") => check_as::<storage::v1::VolumeAttachment>,
        ("admissionregistration.k8s.io", "MutatingWebhookConfiguration") => {
            check_as::<admissionregistration::v1::MutatingWebhookConfiguration>
        }
        ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration") => {
            check_as::<admissionregistration::v1::ValidatingWebhookConfiguration>
        }
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy") => {
            check_as::<admissionregistration::v1::ValidatingAdmissionPolicy>
        }
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding") => {
            check_as::<admissionregistration::v1::ValidatingAdmissionPolicyBinding>
        }
        ("apiextensions.k8s.io", _) => check_as::<apiextensions::v1::CustomResourceDefinition>,
        ("scheduling.k8s.io", _) => check_as::<scheduling::v1::PriorityClass>,
        ("node.k8s.io", _) => check_as::<node::v1::RuntimeClass>,
        _ => return Ok(Vec::new()),
    };
    check(value)
}
