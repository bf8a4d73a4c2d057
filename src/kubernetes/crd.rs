//! skep's own kinds: `skep.io/v1alpha1`, cluster-scoped.

use std::collections::BTreeMap;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{CustomResource, CustomResourceExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An identity: the object's name is the number, the labels never change.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, CustomResource,
)]
#[kube(
    group = "skep.io",
    version = "v1alpha1",
    kind = "SkepIdentity",
    plural = "skepidentities",
    shortname = "sid",
    category = "skep",
    printcolumn = r#"{"name":"Namespace","type":"string","jsonPath":".spec.labels['k8s:io\\.kubernetes\\.pod\\.namespace']"}"#,
    printcolumn = r#"{"name":"Retired","type":"date","jsonPath":".spec.retiredAt"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct SkepIdentitySpec {
    /// The label set, keys with their source. Immutable.
    pub labels: BTreeMap<String, String>,
    /// When the operator found it unused for long (RFC 3339); any user clears it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired_at: Option<String>,
}

/// Up to 64 endpoints of one node; owned by the Node object.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, CustomResource,
)]
#[kube(
    group = "skep.io",
    version = "v1alpha1",
    kind = "SkepEndpointSlice",
    plural = "skependpointslices",
    shortname = "seps",
    category = "skep",
    printcolumn = r#"{"name":"Node","type":"string","jsonPath":".spec.node"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct SkepEndpointSliceSpec {
    /// Name of the node whose endpoints these are.
    pub node: String,
    /// The endpoints, 64 at most.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub endpoints: Vec<SliceEndpoint>,
}

/// One endpoint as other nodes see it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SliceEndpoint {
    /// Namespace of the pod.
    pub namespace: String,
    /// Name of the pod.
    pub pod: String,
    /// At most one address of each family.
    pub addresses: Vec<String>,
    /// Number of the identity.
    pub identity: u32,
    /// Which use of the addresses this is; of two entries for one address the higher wins.
    pub incarnation: u32,
    /// Ports that the pod names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub named_ports: Vec<NamedPort>,
    /// What made the pod; only flows tell of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<PodWorkload>,
}

/// What made a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PodWorkload {
    /// Such as Deployment.
    pub kind: String,
    /// Its name, in the namespace of the pod.
    pub name: String,
}

/// A port with a name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NamedPort {
    /// Name.
    pub name: String,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: String,
    /// Number.
    pub port: u16,
}

/// Returns the definitions of all kinds of `skep.io`.
pub fn all() -> Vec<CustomResourceDefinition> {
    vec![SkepIdentity::crd(), SkepEndpointSlice::crd()]
}
