//! Everything that policies speak of, from a cluster.

use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, ListParams},
};

use super::error::PolicyError;
use crate::{
    cli::cluster::{Cluster, ClusterError},
    kubernetes::resource,
    policy::{rule::PolicyKind, text::Document},
};

/// How many objects are asked for at once.
const PAGE: u32 = 500;

/// Kinds of whom policies speak, with their group, version and plural.
const OTHERS: [(&str, &str, &str, &str); 8] = [
    ("", "v1", "Namespace", "namespaces"),
    ("", "v1", "Pod", "pods"),
    ("", "v1", "Node", "nodes"),
    ("", "v1", "Service", "services"),
    ("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices"),
    ("cilium.io", "v2", "CiliumCIDRGroup", "ciliumcidrgroups"),
    ("cilium.io", "v2", "CiliumIdentity", "ciliumidentities"),
    ("skep.io", "v1alpha1", "SkepIdentity", "skepidentities"),
];

/// Kinds that only lint looks at.
const CALLERS: [(&str, &str, &str, &str); 5] = [
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
    ("monitoring.coreos.com", "v1", "ServiceMonitor", "servicemonitors"),
    ("monitoring.coreos.com", "v1", "PodMonitor", "podmonitors"),
];

/// ConfigMaps that say whether there is a host firewall.
const SETTINGS: [&str; 2] = ["skep-config", "cilium-config"];

/// What a cluster has, and what it would not tell.
#[derive(Debug)]
pub(super) struct Everything {
    /// All objects.
    pub(super) documents: Vec<Document>,
    /// Kinds that the caller may not read; lint does without them.
    pub(super) refused: Vec<&'static str>,
}

/// Lists all objects, and those that say who calls whom and how the network is set up.
pub(super) async fn fetch_all(cluster: &Cluster) -> Result<Everything, PolicyError> {
    let mut documents = fetch(cluster).await?;
    let mut refused = Vec::new();
    for (group, version, kind, plural) in CALLERS {
        let resource = resource(group, version, kind, plural);
        match list(cluster.client(), &resource, plural).await {
            Err(error) if is_forbidden(&error) => refused.push(plural),
            found => documents.extend(found?),
        }
    }
    match settings(cluster).await {
        Err(error) if is_forbidden(&error) => refused.push("configmaps"),
        found => documents.extend(found?),
    }
    Ok(Everything { documents, refused })
}

fn is_forbidden(error: &PolicyError) -> bool {
    let PolicyError::Cluster(ClusterError::List { source, .. }) = error else { return false };
    matches!(&**source, kube::Error::Api(status) if status.code == 403)
}

/// Gets the settings of the network, as far as there are any.
async fn settings(cluster: &Cluster) -> Result<Vec<Document>, PolicyError> {
    let what = "configmaps";
    let resource = resource("", "v1", "ConfigMap", what);
    let api: Api<DynamicObject> =
        Api::namespaced_with(cluster.client().clone(), cluster.namespace(), &resource);
    let mut documents = Vec::new();
    for name in SETTINGS {
        let found = api.get_opt(name).await;
        let found =
            found.map_err(|source| ClusterError::List { what, source: Box::new(source) })?;
        documents.extend(found.iter().map(|object| document(&resource, object)));
    }
    Ok(documents)
}

/// Lists all objects. Kinds that the cluster does not have are left out.
pub(super) async fn fetch(cluster: &Cluster) -> Result<Vec<Document>, PolicyError> {
    let policies = PolicyKind::ALL.map(|kind| {
        let (version, plural) = kind.resource();
        (kind.group(), version, kind.name(), plural)
    });
    let mut documents = Vec::new();
    for (group, version, kind, plural) in OTHERS.into_iter().chain(policies) {
        let resource = resource(group, version, kind, plural);
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

fn document(resource: &ApiResource, object: &DynamicObject) -> Document {
    let json = serde_json::to_value(object).expect("objects that were read can be written");
    Document::of_item(&resource.api_version, &resource.kind, json)
}
