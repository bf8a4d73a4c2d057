//! Everything that policies speak of, from a cluster.

use std::sync::Arc;

use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, GroupVersionKind, ListParams},
};

use super::error::PolicyError;
use crate::{
    cli::cluster::{Cluster, ClusterError},
    policy::{
        rule::PolicyKind,
        text::{Document, Node},
    },
};

/// How many objects are asked for at once.
const PAGE: u32 = 500;

/// Kinds of whom policies speak, with their group, version and plural.
const OTHERS: [(&str, &str, &str, &str); 6] = [
    ("", "v1", "Namespace", "namespaces"),
    ("", "v1", "Pod", "pods"),
    ("", "v1", "Node", "nodes"),
    ("", "v1", "Service", "services"),
    ("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices"),
    ("cilium.io", "v2", "CiliumCIDRGroup", "ciliumcidrgroups"),
];

/// Kinds of policies, with their version and plural.
const POLICIES: [(PolicyKind, &str, &str); 6] = [
    (PolicyKind::NetworkPolicy, "v1", "networkpolicies"),
    (PolicyKind::CiliumNetworkPolicy, "v2", "ciliumnetworkpolicies"),
    (PolicyKind::CiliumClusterwideNetworkPolicy, "v2", "ciliumclusterwidenetworkpolicies"),
    (PolicyKind::ClusterNetworkPolicy, "v1alpha2", "clusternetworkpolicies"),
    (PolicyKind::AdminNetworkPolicy, "v1alpha1", "adminnetworkpolicies"),
    (PolicyKind::BaselineAdminNetworkPolicy, "v1alpha1", "baselineadminnetworkpolicies"),
];

/// Kinds that only lint looks at.
const CALLERS: [(&str, &str, &str, &str); 3] = [
    (
        "admissionregistration.k8s.io",
        "v1",
        "ValidatingWebhookConfiguration",
        "validatingwebhookconfigurations",
    ),
    (
        "admissionregistration.k8s.io",
        "v1",
        "MutatingWebhookConfiguration",
        "mutatingwebhookconfigurations",
    ),
    ("apiregistration.k8s.io", "v1", "APIService", "apiservices"),
];

/// Lists all objects, and those that say whom the API server calls.
pub(super) async fn fetch_all(cluster: &Cluster) -> Result<Vec<Document>, PolicyError> {
    let mut documents = fetch(cluster).await?;
    for (group, version, kind, plural) in CALLERS {
        let gvk = GroupVersionKind::gvk(group, version, kind);
        let resource = ApiResource::from_gvk_with_plural(&gvk, plural);
        documents.extend(list(cluster.client(), &resource, plural).await?);
    }
    Ok(documents)
}

/// Lists all objects. Kinds that the cluster does not have are left out.
pub(super) async fn fetch(cluster: &Cluster) -> Result<Vec<Document>, PolicyError> {
    let policies =
        POLICIES.map(|(kind, version, plural)| (kind.group(), version, kind.name(), plural));
    let mut documents = Vec::new();
    for (group, version, kind, plural) in OTHERS.into_iter().chain(policies) {
        let gvk = GroupVersionKind::gvk(group, version, kind);
        let resource = ApiResource::from_gvk_with_plural(&gvk, plural);
        documents.extend(list(cluster.client(), &resource, plural).await?);
    }
    Ok(documents)
}

async fn list(
    client: &Client,
    resource: &ApiResource,
    what: &'static str,
) -> Result<Vec<Document>, PolicyError> {
    let api: Api<DynamicObject> = Api::all_with(client.clone(), resource);
    let mut params = ListParams::default().limit(PAGE);
    let mut documents = Vec::new();
    loop {
        let page = match api.list(&params).await {
            Ok(page) => page,
            Err(kube::Error::Api(status)) if status.code == 404 => return Ok(documents),
            Err(source) => {
                return Err(ClusterError::List { what, source: Box::new(source) }.into());
            }
        };
        documents.extend(page.items.iter().map(|object| document(resource, object)));
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(documents),
        }
    }
}

/// Items of lists do not say what they are.
fn document(resource: &ApiResource, object: &DynamicObject) -> Document {
    let mut json = serde_json::to_value(object).expect("objects that were read can be written");
    json["apiVersion"] = resource.api_version.clone().into();
    json["kind"] = resource.kind.clone().into();
    Document { file: Arc::from(""), root: Node::from(&json) }
}
