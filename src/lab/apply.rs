//! Creating the objects of manifests, by server-side apply.

use std::{collections::HashMap, time::Duration};

use kube::{
    Api, Client,
    api::{DynamicObject, Patch, PatchParams, PostParams},
    core::{ApiResource, GroupVersionKind},
    discovery::{self, Scope},
};
use tokio::time::{Instant, sleep};

use super::manifest::Manifest;

/// How the lab signs what comes from manifests.
const MANAGER: &str = "skep-lab-up";
/// How long a kind that another manifest defines may take to be served.
const KIND_WITHIN: Duration = Duration::from_secs(5);
/// Kinds that others need, in the order of their creation; all others follow.
const FIRST: [&str; 6] = [
    "Namespace",
    "CustomResourceDefinition",
    "PriorityClass",
    "ServiceAccount",
    "ConfigMap",
    "Secret",
];

/// An object of a manifest was not created.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The API server knows no such kind.
    #[error("{origin}: the lab knows no kind {kind} of {version}")]
    Kind {
        /// File and line.
        origin: String,
        /// The kind.
        kind: String,
        /// Its group and version.
        version: String,
    },
    /// The API server refused it.
    #[error("{origin}: {kind} {name} is refused")]
    Refused {
        /// File and line.
        origin: String,
        /// The kind.
        kind: String,
        /// The name.
        name: String,
        /// The reason.
        #[source]
        source: Box<kube::Error>,
    },
}

/// Creates or updates all objects, those that others need first.
pub(crate) async fn apply(client: &Client, manifests: &[Manifest]) -> Result<(), ApplyError> {
    let mut ordered: Vec<&Manifest> = manifests.iter().collect();
    let rank = |manifest: &&Manifest| {
        FIRST.iter().position(|kind| manifest.text("/kind") == *kind).unwrap_or(FIRST.len())
    };
    ordered.sort_by_key(rank);
    let mut kinds = HashMap::new();
    for manifest in ordered {
        let key = (manifest.text("/apiVersion").to_owned(), manifest.text("/kind").to_owned());
        if !kinds.contains_key(&key) {
            kinds.insert(key.clone(), find_kind(client, manifest).await?);
        }
        let (resource, scope) = &kinds[&key];
        apply_one(client, manifest, resource, scope).await?;
    }
    Ok(())
}

async fn find_kind(
    client: &Client,
    manifest: &Manifest,
) -> Result<(ApiResource, Scope), ApplyError> {
    let (version, kind) = (manifest.text("/apiVersion"), manifest.text("/kind"));
    let (group, number) = version.rsplit_once('/').unwrap_or(("", version));
    let wanted = GroupVersionKind::gvk(group, number, kind);
    let deadline = Instant::now() + KIND_WITHIN;
    loop {
        match discovery::pinned_kind(client, &wanted).await {
            Ok((resource, capabilities)) => return Ok((resource, capabilities.scope)),
            // A kind of a manifest before this one may take a moment to be served.
            Err(_) if Instant::now() < deadline => sleep(Duration::from_millis(50)).await,
            Err(_) => {
                return Err(ApplyError::Kind {
                    origin: manifest.origin.clone(),
                    kind: kind.to_owned(),
                    version: version.to_owned(),
                });
            }
        }
    }
}

async fn apply_one(
    client: &Client,
    manifest: &Manifest,
    resource: &ApiResource,
    scope: &Scope,
) -> Result<(), ApplyError> {
    let name = manifest.text("/metadata/name");
    let api: Api<DynamicObject> = match scope {
        Scope::Cluster => Api::all_with(client.clone(), resource),
        Scope::Namespaced => {
            let namespace = manifest.text("/metadata/namespace");
            let namespace = if namespace.is_empty() { "default" } else { namespace };
            Api::namespaced_with(client.clone(), namespace, resource)
        }
    };
    let refused = |source| ApplyError::Refused {
        origin: manifest.origin.clone(),
        kind: resource.kind.clone(),
        name: if name.is_empty() { "without a name" } else { name }.to_owned(),
        source: Box::new(source),
    };
    if name.is_empty() {
        let object = serde_json::from_value(manifest.object.clone())
            .map_err(|error| refused(kube::Error::SerdeError(error)))?;
        return api.create(&PostParams::default(), &object).await.map(drop).map_err(refused);
    }
    let params = PatchParams::apply(MANAGER).force();
    api.patch(name, &params, &Patch::Apply(&manifest.object)).await.map(drop).map_err(refused)
}
