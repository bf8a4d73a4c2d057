//! What the server knows about one kind of object.

use std::sync::Arc;

use serde_json::Value;

use super::alias::Alias;
use super::refusal::Target;

/// A subresource as discovery lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subresource {
    pub(super) name: &'static str,
    /// Group, version and kind of its objects; empty group and version mean those of the resource.
    pub(super) kind: (&'static str, &'static str, &'static str),
    pub(super) verbs: &'static [&'static str],
}

/// Where the scale subresource finds its numbers; JSON paths such as `.spec.replicas`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ScalePaths {
    pub(super) spec_replicas: String,
    pub(super) status_replicas: String,
    pub(super) selector: Option<String>,
}

/// What only custom resources have.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Custom {
    /// `openAPIV3Schema`; absent for untyped kinds.
    pub(super) schema: Option<Value>,
    /// `additionalPrinterColumns`.
    pub(super) columns: Vec<Value>,
    /// `selectableFields` as JSON paths.
    pub(super) selectable: Vec<String>,
}

/// One served version of one kind.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Resource {
    /// `plural.group`, the name of its collection in the store.
    pub(super) id: Arc<str>,
    pub(super) group: String,
    pub(super) version: String,
    pub(super) kind: String,
    pub(super) list_kind: String,
    pub(super) plural: String,
    pub(super) singular: String,
    pub(super) namespaced: bool,
    pub(super) short_names: Vec<String>,
    pub(super) categories: Vec<String>,
    pub(super) verbs: &'static [&'static str],
    pub(super) subresources: Vec<Subresource>,
    pub(super) scale: Option<ScalePaths>,
    pub(super) custom: Option<Custom>,
    /// Set if its objects are those of another resource.
    pub(super) alias: Option<&'static Alias>,
}

/// The verbs of an ordinary resource, in the order discovery gives them.
pub(super) const ALL_VERBS: &[&str] =
    &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

impl Resource {
    /// Returns `v1` or `apps/v1`.
    pub(super) fn api_version(&self) -> String {
        match self.group.as_str() {
            "" => self.version.clone(),
            group => format!("{group}/{}", self.version),
        }
    }

    /// Names one object of this kind in a refusal.
    pub(super) fn target(&self, name: &str) -> Target {
        Target {
            group: self.group.clone(),
            plural: self.plural.clone(),
            kind: self.kind.clone(),
            name: name.to_owned(),
        }
    }

    /// Tells whether this is a core kind of that name.
    pub(super) fn is(&self, group: &str, kind: &str) -> bool {
        self.group == group && self.kind == kind
    }

    pub(super) fn has_status(&self) -> bool {
        self.subresources.iter().any(|s| s.name == "status")
    }

    pub(super) fn subresource(&self, name: &str) -> Option<&Subresource> {
        self.subresources.iter().find(|s| s.name == name)
    }
}
