//! The objects of policy scenarios at the API server.

use jiff::Timestamp;
use kube::{
    Api, Client, ResourceExt,
    api::{ApiResource, DeleteParams, DynamicObject, ListParams, ObjectMeta, PostParams},
};

use super::manifest::Manifest;
use crate::connectivity::deploy::{EXPIRES, LABEL, MANAGER, code, expiry, has_expired, message};

/// Label of objects of the cluster: the run that made them.
const RUN: &str = "connectivity.skep.io/run";

/// A kind as the API server has it.
pub(super) struct Resource {
    group: &'static str,
    version: &'static str,
    pub(super) kind: &'static str,
    plural: &'static str,
    pub(super) namespaced: bool,
}

impl Resource {
    const fn new(
        (group, version): (&'static str, &'static str),
        kind: &'static str,
        plural: &'static str,
        namespaced: bool,
    ) -> Self {
        Self { group, version, kind, plural, namespaced }
    }

    pub(super) fn api(&self) -> ApiResource {
        let Self { group, version, kind, plural, .. } = *self;
        ApiResource {
            group: group.into(),
            version: version.into(),
            api_version: format!("{group}/{version}"),
            kind: kind.into(),
            plural: plural.into(),
        }
    }
}

const CILIUM_GROUP: (&str, &str) = ("cilium.io", "v2");
pub(super) const NETWORK_POLICY: Resource =
    Resource::new(("networking.k8s.io", "v1"), "NetworkPolicy", "networkpolicies", true);
pub(super) const CILIUM: Resource =
    Resource::new(CILIUM_GROUP, "CiliumNetworkPolicy", "ciliumnetworkpolicies", true);
pub(super) const CILIUM_CLUSTERWIDE: Resource = Resource::new(
    CILIUM_GROUP,
    "CiliumClusterwideNetworkPolicy",
    "ciliumclusterwidenetworkpolicies",
    false,
);
pub(super) const CLUSTER_NETWORK_POLICY: Resource = Resource::new(
    ("policy.networking.k8s.io", "v1alpha2"),
    "ClusterNetworkPolicy",
    "clusternetworkpolicies",
    false,
);
pub(super) const ADMIN_NETWORK_POLICY: Resource = Resource::new(
    ("policy.networking.k8s.io", "v1alpha1"),
    "AdminNetworkPolicy",
    "adminnetworkpolicies",
    false,
);
pub(super) const CIDR_GROUP: Resource =
    Resource::new(CILIUM_GROUP, "CiliumCIDRGroup", "ciliumcidrgroups", false);
/// Kinds whose objects no namespace takes with it.
const OF_CLUSTER: [&Resource; 4] =
    [&CILIUM_CLUSTERWIDE, &CLUSTER_NETWORK_POLICY, &ADMIN_NETWORK_POLICY, &CIDR_GROUP];

/// An object could not be made.
pub(super) enum Refused {
    /// It cannot be here: the kind is not served, or this user may not.
    Cannot(String),
    /// Something went wrong.
    Failed(String),
}

/// Marks an object of the cluster, so that this run and later ones find it.
pub(super) fn mark(metadata: &mut ObjectMeta, run: &str) {
    let labels = metadata.labels.get_or_insert_default();
    labels.insert(LABEL.into(), MANAGER.into());
    labels.insert(RUN.into(), run.into());
    metadata.annotations.get_or_insert_default().insert(EXPIRES.into(), expiry());
}

fn api(client: &Client, manifest: &Manifest) -> Api<DynamicObject> {
    match &manifest.object.metadata.namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &manifest.resource),
        None => Api::all_with(client.clone(), &manifest.resource),
    }
}

/// Makes an object.
pub(super) async fn create(client: &Client, manifest: &Manifest) -> Result<(), Refused> {
    let ApiResource { kind, api_version, .. } = &manifest.resource;
    let made = api(client, manifest).create(&PostParams::default(), &manifest.object).await;
    made.map(drop).map_err(|error| match code(&error) {
        Some(404) => Refused::Cannot(format!("the cluster has no {kind} of {api_version}")),
        Some(403) => Refused::Cannot(message(&error)),
        _ => Refused::Failed(format!("cannot create a {kind}: {}", message(&error))),
    })
}

/// Deletes an object; what is not there is fine.
pub(super) async fn delete(client: &Client, manifest: &Manifest) -> Result<(), String> {
    let name = manifest.object.name_any();
    let kind = &manifest.resource.kind;
    match api(client, manifest).delete(&name, &DeleteParams::default()).await {
        Err(error) if code(&error) != Some(404) => {
            Err(format!("cannot delete the {kind} {name}: {}", message(&error)))
        }
        _ => Ok(()),
    }
}

/// Deletes what a run that was cut short has left in the cluster; returns what stays.
pub(in crate::connectivity) async fn remove_all(client: &Client, run: &str) -> Vec<String> {
    let mut stays = Vec::new();
    for resource in OF_CLUSTER {
        let (_, failed) = purge(client, resource, &format!("{RUN}={run}"), |_| true).await;
        stays.extend(failed);
    }
    stays
}

/// Deletes objects of runs that died long ago; returns their names.
pub(in crate::connectivity) async fn sweep(client: &Client) -> Vec<String> {
    let mut swept = Vec::new();
    let is_old = |object: &DynamicObject| {
        let expires = object.annotations().get(EXPIRES).map(String::as_str);
        has_expired(expires, Timestamp::now())
    };
    for resource in OF_CLUSTER {
        let selector = format!("{LABEL}={MANAGER}");
        let (gone, _) = purge(client, resource, &selector, is_old).await;
        swept.extend(gone);
    }
    swept
}

/// Deletes the objects of a kind that have the labels and fit; returns those that are gone and
/// those that are not. A kind that cannot be listed has none.
async fn purge(
    client: &Client,
    resource: &Resource,
    selector: &str,
    fits: impl Fn(&DynamicObject) -> bool,
) -> (Vec<String>, Vec<String>) {
    let api = Api::<DynamicObject>::all_with(client.clone(), &resource.api());
    let (mut gone, mut stays) = (Vec::new(), Vec::new());
    let Ok(found) = api.list(&ListParams::default().labels(selector)).await else {
        return (gone, stays);
    };
    for object in found.items.iter().filter(|object| fits(object)) {
        let name = object.name_any();
        let text = format!("{} {name}", resource.kind);
        match api.delete(&name, &DeleteParams::default()).await {
            Err(error) if code(&error) != Some(404) => stays.push(text),
            _ => gone.push(text),
        }
    }
    (gone, stays)
}
