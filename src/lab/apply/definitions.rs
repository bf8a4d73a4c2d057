//! Custom resource definitions: applied and waited for, and made up for kinds that nobody defines.

use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, CustomResourceDefinitionCondition,
};
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
    discovery::Scope,
};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{ApplyError, MANAGER};
use crate::lab::manifest::Manifest;

/// How long a definition may take to be established.
const WITHIN: Duration = Duration::from_secs(10);
/// Label of definitions that no manifest has.
const UNTYPED: &str = "lab.skep.io/untyped";

/// Applies a definition and waits until its kinds are served.
pub(super) async fn apply(client: &Client, manifest: &Manifest) -> Result<(), ApplyError> {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    let refused = |source| ApplyError::refused(manifest, source);
    let params = PatchParams::apply(MANAGER).force();
    let mut current = api
        .patch(manifest.name(), &params, &Patch::Apply(&manifest.object))
        .await
        .map_err(refused)?;
    let deadline = Instant::now() + WITHIN;
    while !is_established(&current) {
        if Instant::now() > deadline {
            return Err(ApplyError::NotEstablished {
                origin: manifest.origin.clone(),
                title: manifest.title(),
                reason: reason(&current),
            });
        }
        sleep(Duration::from_millis(20)).await;
        current = api.get(manifest.name()).await.map_err(refused)?;
    }
    Ok(())
}

fn conditions(
    definition: &CustomResourceDefinition,
) -> impl Iterator<Item = &CustomResourceDefinitionCondition> {
    definition.status.iter().filter_map(|status| status.conditions.as_ref()).flatten()
}

fn is_established(definition: &CustomResourceDefinition) -> bool {
    conditions(definition).any(|one| one.type_ == "Established" && one.status == "True")
}

fn reason(definition: &CustomResourceDefinition) -> String {
    let said = conditions(definition)
        .filter(|one| one.status == "False")
        .filter_map(|one| one.message.as_deref());
    let said: Vec<&str> = said.collect();
    if said.is_empty() { "it has no conditions".to_owned() } else { said.join("; ") }
}

/// A kind that nobody defines.
pub(super) struct Unknown<'a> {
    pub(super) group: &'a str,
    pub(super) version: &'a str,
    pub(super) kind: &'a str,
    pub(super) scope: Scope,
}

impl Unknown<'_> {
    /// Returns the name of the definition.
    pub(super) fn definition_name(&self) -> String {
        format!("{}.{}", plural(self.kind), self.group)
    }

    /// Returns a definition that accepts any object of the kind.
    pub(super) fn definition(&self) -> Value {
        let scope = if self.scope == Scope::Cluster { "Cluster" } else { "Namespaced" };
        json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {
                "name": self.definition_name(),
                "labels": { UNTYPED: "true" },
                // Groups of Kubernetes itself need it.
                "annotations": { "api-approved.kubernetes.io": "unapproved, stored untyped by a lab" },
            },
            "spec": {
                "group": self.group,
                "scope": scope,
                "names": {
                    "kind": self.kind,
                    "listKind": format!("{}List", self.kind),
                    "plural": plural(self.kind),
                    "singular": self.kind.to_lowercase(),
                },
                "versions": [{
                    "name": self.version,
                    "served": true,
                    "storage": true,
                    "schema": { "openAPIV3Schema": {
                        "type": "object",
                        "x-kubernetes-preserve-unknown-fields": true,
                    } },
                }],
            },
        })
    }
}

/// Returns the plural of a kind as code generators form it.
fn plural(kind: &str) -> String {
    let name = kind.to_lowercase();
    let before = name.chars().rev().nth(1).unwrap_or('a');
    match name.strip_suffix('y') {
        Some(stem) if !"aeiou".contains(before) => format!("{stem}ies"),
        _ if ["s", "x", "z", "ch", "sh"].iter().any(|end| name.ends_with(end)) => {
            format!("{name}es")
        }
        _ => format!("{name}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plurals_are_those_of_code_generators() {
        for (kind, expected) in [
            ("ServiceMonitor", "servicemonitors"),
            ("NetworkPolicy", "networkpolicies"),
            ("Gateway", "gateways"),
            ("GatewayClass", "gatewayclasses"),
            ("Patch", "patches"),
        ] {
            assert_eq!(plural(kind), expected);
        }
    }
}
