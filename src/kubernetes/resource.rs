//! Kinds by name, for objects without a type of their own.

use kube::api::{ApiResource, GroupVersionKind};

/// Returns how the API server calls a kind.
pub fn resource(group: &str, version: &str, kind: &str, plural: &str) -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural)
}
