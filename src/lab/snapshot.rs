//! A snapshot: the objects of a cluster as people wrote them, to bring up again elsewhere.

use std::fmt::Write as _;

use kube::{
    Api, Client,
    api::{DynamicObject, ListParams},
    core::ApiResource,
    discovery::{Discovery, verbs},
};
use serde_json::Value;

use super::{
    client::{self, ConnectError},
    manifest::{Manifest, Skeleton, Values, skeleton},
    state::LabDir,
};

/// Objects asked for at once.
const PAGE: u32 = 500;

/// A snapshot could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The API server cannot be reached.
    #[error("cannot connect to the lab's API server")]
    Connect(#[from] ConnectError),
    /// The API server does not tell what it serves.
    #[error("cannot find out which kinds the cluster has")]
    Discovery(#[source] Box<kube::Error>),
    /// Objects of a kind cannot be listed.
    #[error("cannot list {kind} of {version}")]
    List {
        /// The kind.
        kind: String,
        /// Its group and version.
        version: String,
        /// The reason.
        #[source]
        source: Box<kube::Error>,
    },
    /// Something that YAML cannot say.
    #[error("cannot write {title} as YAML")]
    Write {
        /// The object.
        title: String,
        /// The reason.
        #[source]
        source: serde_yaml::Error,
    },
}

/// A cluster's objects, as text.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// YAML, one document for each object.
    pub text: String,
    /// How many objects there are.
    pub objects: usize,
    /// What was left out, in words.
    pub notes: Vec<String>,
}

/// Takes a snapshot of a lab.
///
/// # Errors
/// When its API server does not answer.
pub async fn snapshot(dir: &LabDir, values: Values) -> Result<Snapshot, SnapshotError> {
    snapshot_of(client::connect(&dir.kubeconfig()).await?, values).await
}

/// Takes a snapshot of any cluster.
///
/// # Errors
/// When its API server does not answer, or does not let its objects be listed.
pub async fn snapshot_of(client: Client, values: Values) -> Result<Snapshot, SnapshotError> {
    let discovered = Discovery::new(client.clone()).run().await;
    let discovered = discovered.map_err(|error| SnapshotError::Discovery(Box::new(error)))?;
    let mut manifests = Vec::new();
    for group in discovered.groups_alphabetical() {
        for (resource, capabilities) in group.recommended_resources() {
            if capabilities.supports_operation(verbs::LIST) {
                list(&client, &resource, &mut manifests).await?;
            }
        }
    }
    let Skeleton { manifests, notes } = skeleton(manifests, values);
    let mut text =
        String::from("# A cluster's objects; `skep lab up --from FILE` brings them up again.\n");
    for manifest in &manifests {
        let yaml = serde_yaml::to_string(&manifest.object)
            .map_err(|source| SnapshotError::Write { title: manifest.title(), source })?;
        write!(text, "---\n{yaml}").expect("text grows");
    }
    Ok(Snapshot { text, objects: manifests.len(), notes })
}

async fn list(
    client: &Client,
    resource: &ApiResource,
    into: &mut Vec<Manifest>,
) -> Result<(), SnapshotError> {
    let api: Api<DynamicObject> = Api::all_with(client.clone(), resource);
    let mut params = ListParams::default().limit(PAGE);
    loop {
        let page = match api.list(&params).await {
            Ok(page) => page,
            // Served, but not as a list of all namespaces.
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 405) => return Ok(()),
            Err(source) => {
                return Err(SnapshotError::List {
                    kind: resource.kind.clone(),
                    version: resource.api_version.clone(),
                    source: Box::new(source),
                });
            }
        };
        for object in page.items {
            let mut object = serde_json::to_value(object).expect("it was read from JSON");
            // Lists do not repeat them with each object.
            object["apiVersion"] = Value::from(resource.api_version.as_str());
            object["kind"] = Value::from(resource.kind.as_str());
            into.push(Manifest { object: ordered(object), origin: String::new() });
        }
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(()),
        }
    }
}

/// Puts first what people read first.
fn ordered(object: Value) -> Value {
    let Value::Object(mut fields) = object else { return object };
    let first = ["apiVersion", "kind", "metadata"];
    let head =
        first.into_iter().filter_map(|name| Some((name.to_owned(), fields.shift_remove(name)?)));
    let head: Vec<_> = head.collect();
    head.into_iter().chain(fields).collect::<serde_json::Map<_, _>>().into()
}
