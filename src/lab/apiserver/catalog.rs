//! Every resource the server serves right now: the built-in ones and those of custom resource definitions.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, RwLock};

use bytes::Bytes;

use super::builtin;
use super::path::ResourcePath;
use super::resource::Resource;

/// An immutable view of all resources.
pub(super) struct Catalog {
    /// In discovery order.
    resources: Vec<Arc<Resource>>,
    by_path: HashMap<(String, String, String), Arc<Resource>>,
    by_id: HashMap<Arc<str>, Arc<Resource>>,
    /// Rises with every change.
    pub(super) generation: u64,
    /// Discovery and OpenAPI documents, made when first asked for.
    documents: RwLock<HashMap<String, Bytes>>,
}

impl Catalog {
    fn new(resources: Vec<Arc<Resource>>, generation: u64) -> Self {
        let by_path = resources
            .iter()
            .map(|r| ((r.group.clone(), r.version.clone(), r.plural.clone()), Arc::clone(r)))
            .collect();
        let mut by_id = HashMap::new();
        for resource in &resources {
            by_id.entry(Arc::clone(&resource.id)).or_insert_with(|| Arc::clone(resource));
        }
        Self { resources, by_path, by_id, generation, documents: RwLock::default() }
    }

    pub(super) fn at(&self, path: &ResourcePath) -> Option<&Arc<Resource>> {
        self.by_path.get(&(path.group.clone(), path.version.clone(), path.plural.clone()))
    }

    /// Returns a resource by `plural.group`, in its first served version.
    pub(super) fn by_id(&self, id: &str) -> Option<&Arc<Resource>> {
        self.by_id.get(id)
    }

    pub(super) fn has_group(&self, group: &str) -> bool {
        self.resources.iter().any(|r| r.group == group)
    }

    /// Returns the served versions of each group, in discovery order, preferred version first.
    pub(super) fn groups(&self) -> Vec<(&str, Vec<&str>)> {
        let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
        for resource in &self.resources {
            let at = groups.iter().position(|(group, _)| *group == resource.group);
            let at = at.unwrap_or_else(|| {
                groups.push((&resource.group, Vec::new()));
                groups.len() - 1
            });
            let versions = &mut groups[at].1;
            if !versions.contains(&resource.version.as_str()) {
                versions.push(&resource.version);
            }
        }
        groups
    }

    pub(super) fn of<'a>(
        &'a self,
        group: &'a str,
        version: &'a str,
    ) -> impl Iterator<Item = &'a Arc<Resource>> {
        self.resources.iter().filter(move |r| r.group == group && r.version == version)
    }

    /// Returns a document, made once per catalog.
    pub(super) fn document(&self, name: &str, make: impl FnOnce() -> String) -> Bytes {
        let known = self.documents.read().expect("no holder panics").get(name).cloned();
        known.unwrap_or_else(|| {
            let made = Bytes::from(make());
            let mut documents = self.documents.write().expect("no holder panics");
            documents.insert(name.to_owned(), made.clone());
            made
        })
    }
}

/// The current catalog.
pub(super) struct Registry {
    current: RwLock<Arc<Catalog>>,
}

fn built_in() -> &'static [Arc<Resource>] {
    static TABLE: OnceLock<Vec<Arc<Resource>>> = OnceLock::new();
    TABLE.get_or_init(|| builtin::resources().map(Arc::new).collect())
}

impl Registry {
    pub(super) fn new() -> Self {
        Self { current: RwLock::new(Arc::new(Catalog::new(built_in().to_vec(), 1))) }
    }

    pub(super) fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.current.read().expect("no holder panics"))
    }

    /// Replaces the resources of one custom resource definition; none removes it. Other definitions stay.
    pub(super) fn define(&self, id: &str, versions: Vec<Resource>) {
        let mut current = self.current.write().expect("no holder panics");
        let mut resources: Vec<_> =
            current.resources.iter().filter(|r| *r.id != *id).cloned().collect();
        resources.extend(versions.into_iter().map(Arc::new));
        *current = Arc::new(Catalog::new(resources, current.generation + 1));
    }
}
