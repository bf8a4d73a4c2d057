//! Creating the objects of manifests, by server-side apply.

mod definitions;
mod error;
mod kinds;
mod order;

use std::collections::BTreeSet;

use k8s_openapi::{api::core::v1::Namespace, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::{
    Api, Client, ResourceExt,
    api::{DynamicObject, ListParams, Patch, PatchParams, PostParams},
    discovery::Scope,
};

use super::manifest::Manifest;
use kinds::{Kinds, Served};

pub use error::ApplyError;

/// How the lab signs what comes from manifests.
const MANAGER: &str = "skep-lab-up";
/// Where objects are that name no namespace.
const DEFAULT_NAMESPACE: &str = "default";

/// Creates or updates all objects, those that others need first. Returns what the user should
/// know about them.
pub(crate) async fn apply(
    client: &Client,
    manifests: &[Manifest],
) -> Result<Vec<String>, ApplyError> {
    let (definitions, others): (Vec<&Manifest>, Vec<&Manifest>) =
        order::sorted(manifests).into_iter().partition(|one| order::is_definition(one));
    for definition in definitions {
        definitions::apply(client, definition).await?;
    }
    let mut kinds = Kinds::new(client, manifests);
    let mut notes = Vec::new();
    let mut served = Vec::new();
    for manifest in others {
        served.push((manifest, kinds.find(manifest).await?));
    }
    notes.extend(kinds.notes());
    let (namespaces, others): (Vec<_>, Vec<_>) =
        served.into_iter().partition(|(one, _)| order::is_namespace(one));
    for (manifest, kind) in &namespaces {
        apply_one(client, manifest, kind).await?;
    }
    notes.extend(add_namespaces(client, &others).await?);
    for (manifest, kind) in &others {
        apply_one(client, manifest, kind).await?;
    }
    Ok(notes)
}

/// Creates the namespaces that objects are in and no manifest has.
async fn add_namespaces(
    client: &Client,
    objects: &[(&Manifest, Served)],
) -> Result<Option<String>, ApplyError> {
    let api: Api<Namespace> = Api::all(client.clone());
    let failed = |source| ApplyError::Namespaces { source: Box::new(source) };
    let known = api.list_metadata(&ListParams::default()).await.map_err(failed)?;
    let known: BTreeSet<String> = known.items.iter().map(ResourceExt::name_any).collect();
    let missing: BTreeSet<&str> = objects
        .iter()
        .filter(|(_, kind)| kind.scope == Scope::Namespaced)
        .map(|(manifest, _)| manifest.namespace())
        .filter(|name| !name.is_empty() && !known.contains(*name))
        .collect();
    for name in &missing {
        let metadata = ObjectMeta { name: Some((*name).to_owned()), ..ObjectMeta::default() };
        let namespace = Namespace { metadata, ..Namespace::default() };
        api.create(&PostParams::default(), &namespace).await.map_err(failed)?;
    }
    let names = missing.into_iter().collect::<Vec<_>>().join(", ");
    Ok((!names.is_empty()).then(|| format!("created namespaces that no manifest has: {names}")))
}

async fn apply_one(client: &Client, manifest: &Manifest, kind: &Served) -> Result<(), ApplyError> {
    let api: Api<DynamicObject> = match kind.scope {
        Scope::Cluster => Api::all_with(client.clone(), &kind.resource),
        Scope::Namespaced => {
            let namespace = manifest.namespace();
            let namespace = if namespace.is_empty() { DEFAULT_NAMESPACE } else { namespace };
            Api::namespaced_with(client.clone(), namespace, &kind.resource)
        }
    };
    let refused = |source| ApplyError::refused(manifest, source);
    let mut object = manifest.object.clone();
    if kind.scope == Scope::Cluster
        && let Some(metadata) = object["metadata"].as_object_mut()
    {
        // Rendered by tools that put one into everything.
        metadata.remove("namespace");
    }
    let name = manifest.name();
    if name.is_empty() {
        let object = serde_json::from_value(object)
            .map_err(|error| refused(kube::Error::SerdeError(error)))?;
        return api.create(&PostParams::default(), &object).await.map(drop).map_err(refused);
    }
    let params = PatchParams::apply(MANAGER).force();
    api.patch(name, &params, &Patch::Apply(&object)).await.map(drop).map_err(refused)
}
