//! Which kinds the API server has, and what to do about those it has not.

use std::collections::{BTreeMap, HashMap};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client,
    core::{ApiResource, GroupVersionKind},
    discovery::{self, Scope},
    error::DiscoveryError,
};

use super::{
    ApplyError,
    definitions::{self, Unknown},
};
use crate::lab::manifest::Manifest;

/// A kind that the API server has.
#[derive(Clone)]
pub(super) struct Served {
    pub(super) resource: ApiResource,
    pub(super) scope: Scope,
}

/// Kinds looked up so far.
pub(super) struct Kinds<'a> {
    client: &'a Client,
    manifests: &'a [Manifest],
    found: HashMap<(String, String), Served>,
    /// Objects of kinds that nobody defines, by kind and version.
    untyped: BTreeMap<String, usize>,
}

impl<'a> Kinds<'a> {
    pub(super) fn new(client: &'a Client, manifests: &'a [Manifest]) -> Self {
        Self { client, manifests, found: HashMap::new(), untyped: BTreeMap::new() }
    }

    /// Finds the kind of an object; one that nobody defines is defined untyped.
    pub(super) async fn find(&mut self, manifest: &Manifest) -> Result<Served, ApplyError> {
        let key = (manifest.version().to_owned(), manifest.kind().to_owned());
        if let Some(served) = self.found.get(&key) {
            return Ok(served.clone());
        }
        let served = match self.discover(manifest).await? {
            Some(served) => served,
            None => self.define(manifest).await?,
        };
        self.found.insert(key, served.clone());
        Ok(served)
    }

    /// Returns what the user should know about kinds.
    pub(super) fn notes(self) -> impl Iterator<Item = String> {
        self.untyped.into_iter().map(|(kind, count)| {
            let objects = if count == 1 { "1 object is" } else { &format!("{count} objects are") };
            format!("nothing defines {kind}: {objects} stored as written, without checks")
        })
    }

    async fn discover(&self, manifest: &Manifest) -> Result<Option<Served>, ApplyError> {
        let version = manifest.version().rsplit('/').next().unwrap_or_default();
        let wanted = GroupVersionKind::gvk(manifest.group(), version, manifest.kind());
        match discovery::pinned_kind(self.client, &wanted).await {
            Ok((resource, capabilities)) => {
                Ok(Some(Served { resource, scope: capabilities.scope }))
            }
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
            Err(kube::Error::Discovery(
                DiscoveryError::MissingKind(_)
                | DiscoveryError::MissingResource(_)
                | DiscoveryError::MissingApiGroup(_)
                | DiscoveryError::EmptyApiGroup(_),
            )) => Ok(None),
            Err(source) => Err(ApplyError::Discovery {
                kind: manifest.kind().to_owned(),
                version: manifest.version().to_owned(),
                source: Box::new(source),
            }),
        }
    }

    /// Defines the kind of an object so that anything can be stored.
    async fn define(&mut self, manifest: &Manifest) -> Result<Served, ApplyError> {
        let (group, kind) = (manifest.group(), manifest.kind());
        self.refuse_other_version(manifest).await?;
        if is_kubernetes_own(group) {
            return Err(ApplyError::Kind {
                origin: manifest.origin.clone(),
                kind: kind.to_owned(),
                version: manifest.version().to_owned(),
            });
        }
        let version = manifest.version().rsplit('/').next().unwrap_or_default();
        let same = |one: &&Manifest| one.version() == manifest.version() && one.kind() == kind;
        let objects: Vec<&Manifest> = self.manifests.iter().filter(same).collect();
        let in_namespace = objects.iter().any(|one| !one.namespace().is_empty());
        let cluster = !in_namespace && (kind.starts_with("Cluster") || kind.ends_with("Class"));
        let scope = if cluster { Scope::Cluster } else { Scope::Namespaced };
        let unknown = Unknown { group, version, kind, scope };
        let definition = Manifest { object: unknown.definition(), origin: manifest.origin.clone() };
        definitions::apply(self.client, &definition).await?;
        self.untyped.insert(format!("kind {kind} of {}", manifest.version()), objects.len());
        self.discover(manifest).await?.ok_or_else(|| ApplyError::Kind {
            origin: manifest.origin.clone(),
            kind: kind.to_owned(),
            version: manifest.version().to_owned(),
        })
    }

    /// A kind that is there in another version is misspelt or outdated, not unknown.
    async fn refuse_other_version(&self, manifest: &Manifest) -> Result<(), ApplyError> {
        let mut served = Vec::new();
        if is_kubernetes_own(manifest.group()) {
            if let Ok(group) = discovery::group(self.client, manifest.group()).await {
                for version in group.versions() {
                    let mut kinds = group.versioned_resources(version).into_iter();
                    if kinds.any(|(resource, _)| resource.kind == manifest.kind()) {
                        served.push(format!("{}/{version}", manifest.group()));
                    }
                }
            }
        } else {
            let api: Api<CustomResourceDefinition> = Api::all(self.client.clone());
            let all =
                api.list(&Default::default()).await.map_err(|source| ApplyError::Discovery {
                    kind: manifest.kind().to_owned(),
                    version: manifest.version().to_owned(),
                    source: Box::new(source),
                })?;
            let same = all.items.into_iter().filter(|one| {
                one.spec.group == manifest.group() && one.spec.names.kind == manifest.kind()
            });
            served.extend(same.flat_map(|one| {
                let group = one.spec.group.clone();
                let served = one.spec.versions.into_iter().filter(|version| version.served);
                served.map(move |version| format!("{group}/{}", version.name))
            }));
        }
        if served.is_empty() {
            return Ok(());
        }
        Err(ApplyError::Version {
            origin: manifest.origin.clone(),
            kind: manifest.kind().to_owned(),
            version: manifest.version().to_owned(),
            served: served.join(", "),
        })
    }
}

/// Groups that no custom resource can have; those with a dot and `.k8s.io` may be anyone's.
fn is_kubernetes_own(group: &str) -> bool {
    const OWN: [&str; 13] = [
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "apiregistration.k8s.io",
        "authentication.k8s.io",
        "authorization.k8s.io",
        "certificates.k8s.io",
        "coordination.k8s.io",
        "discovery.k8s.io",
        "events.k8s.io",
        "networking.k8s.io",
        "rbac.authorization.k8s.io",
        "scheduling.k8s.io",
        "storage.k8s.io",
    ];
    !group.contains('.') || OWN.contains(&group)
}
