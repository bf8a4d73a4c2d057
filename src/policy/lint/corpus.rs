//! What is linted, and what is known around it.

use std::{collections::HashSet, sync::Arc};

use super::{facts::Facts, release::Release};
use crate::policy::{
    cluster::{Actor, CidrGroup, Inventory, Service},
    parse::{Parsed, Settings, parse},
    text::{Document, Node},
};

/// What the objects are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Whole {
    /// Some files: what is not there may still be in the cluster.
    #[default]
    Part,
    /// All of a cluster: what is not there is nowhere.
    Cluster,
}

/// A policy, as written and as read.
#[derive(Debug)]
pub struct Object {
    /// As written.
    pub document: Document,
    /// As read.
    pub parsed: Parsed,
    /// Whether it was given before.
    pub is_repeated: bool,
}

/// Everything that was given.
#[derive(Debug, Default)]
pub struct Corpus {
    /// What the meaning of policies depends on.
    pub settings: Settings,
    /// Whether it is all there is.
    pub whole: Whole,
    /// The release of Cilium that the policies are for; `None` = any.
    pub release: Option<Release>,
    /// The policies, in the order given.
    pub objects: Vec<Object>,
    inventory: Inventory,
    pub(super) facts: Facts,
    seen: HashSet<String>,
}

impl Corpus {
    /// Starts an empty one.
    pub fn new(settings: Settings, whole: Whole) -> Self {
        Self { settings, whole, ..Self::default() }
    }

    /// Takes a document; the items of a list are taken one by one, repeated objects are kept apart.
    pub fn add(&mut self, document: Document) {
        let is_list =
            document.root.get("kind").and_then(Node::text).is_some_and(|k| k.ends_with("List"));
        if let (true, Some(items)) = (is_list, document.root.get("items")) {
            for item in items.items() {
                self.add(Document { file: Arc::clone(&document.file), root: item.clone() });
            }
            return;
        }
        match parse(&document, &self.settings) {
            Some(parsed) => {
                let is_repeated = !self.seen.insert(parsed.reference.to_string());
                self.objects.push(Object { document, parsed, is_repeated });
            }
            None => {
                // Of two objects of a name the first one counts.
                let _ = self.inventory.add(&document);
                self.facts.add(&document.root);
            }
        }
    }

    /// Adds a prefix of pods.
    pub fn add_pod_prefix(&mut self, prefix: ipnet::IpNet) {
        self.facts.pod_prefixes.push(prefix);
    }

    pub(super) fn pods(&self) -> Vec<Actor> {
        self.inventory.pods(&self.settings)
    }

    pub(super) fn host(&self) -> Actor {
        self.inventory.host()
    }

    pub(super) fn groups(&self) -> &[CidrGroup] {
        self.inventory.groups()
    }

    pub(super) fn services(&self) -> Vec<Service> {
        self.inventory.services()
    }
}
