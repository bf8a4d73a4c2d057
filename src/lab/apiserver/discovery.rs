//! Discovery documents, aggregated and legacy, and `/version`.

use serde_json::{Value, json};

use super::accept::DiscoveryForm;
use super::catalog::Catalog;
use super::refusal::Refusal;
use super::resource::Resource;

/// The Kubernetes version this server presents itself as.
const MINOR: &str = "36";

/// Returns the body of `/version`.
pub(super) fn version() -> Value {
    json!({
        "major": "1", "minor": MINOR, "gitVersion": format!("v1.{MINOR}.0+skep"),
        "gitCommit": "", "gitTreeState": "clean", "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "", "compiler": "rustc", "platform": format!("linux/{}", architecture()),
    })
}

fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// Returns the Content-Type of an aggregated or legacy document.
pub(super) fn content_type(form: DiscoveryForm) -> &'static str {
    match form {
        DiscoveryForm::Legacy => "application/json",
        DiscoveryForm::Aggregated => {
            "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
        }
        DiscoveryForm::AggregatedBeta => {
            "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"
        }
    }
}

/// Returns the document at `/api`, `/apis` or below; only the two roots have an aggregated form.
pub(super) fn document(
    catalog: &Catalog,
    segments: &[String],
    form: DiscoveryForm,
) -> Result<Value, Refusal> {
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match segments.as_slice() {
        ["api"] if form == DiscoveryForm::Legacy => Ok(json!({
            "kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": ""}],
        })),
        ["apis"] if form == DiscoveryForm::Legacy => Ok(json!({
            "kind": "APIGroupList", "apiVersion": "v1",
            "groups": named_groups(catalog).map(|(g, v)| group(g, &v)).collect::<Vec<_>>(),
        })),
        ["api"] => Ok(aggregated(catalog, form, &|group| group.is_empty())),
        ["apis"] => Ok(aggregated(catalog, form, &|group| !group.is_empty())),
        ["api", version] => resource_list(catalog, "", version),
        ["apis", name] => {
            let (name, versions) = named_groups(catalog)
                .find(|(group, _)| group == name)
                .ok_or(Refusal::NoResource)?;
            let mut group = group(name, &versions);
            group["kind"] = "APIGroup".into();
            group["apiVersion"] = "v1".into();
            Ok(group)
        }
        ["apis", group, version] => resource_list(catalog, group, version),
        _ => Err(Refusal::NoResource),
    }
}

fn named_groups(catalog: &Catalog) -> impl Iterator<Item = (&str, Vec<&str>)> {
    catalog.groups().into_iter().filter(|(group, _)| !group.is_empty())
}

fn group(name: &str, versions: &[&str]) -> Value {
    let version = |v: &str| json!({"groupVersion": format!("{name}/{v}"), "version": v});
    json!({
        "name": name,
        "versions": versions.iter().map(|v| version(v)).collect::<Vec<_>>(),
        "preferredVersion": version(versions[0]),
    })
}

fn resource_list(catalog: &Catalog, group: &str, version: &str) -> Result<Value, Refusal> {
    let mut entries = Vec::new();
    for resource in catalog.of(group, version) {
        entries.push(json!({
            "name": resource.plural, "singularName": resource.singular,
            "namespaced": resource.namespaced, "kind": resource.kind, "verbs": resource.verbs,
            "shortNames": resource.short_names, "categories": resource.categories,
        }));
        for sub in &resource.subresources {
            let (group, version, kind) = sub.kind;
            let mut entry = json!({
                "name": format!("{}/{}", resource.plural, sub.name), "singularName": "",
                "namespaced": resource.namespaced, "kind": own_kind(resource, kind),
                "verbs": sub.verbs,
            });
            if !group.is_empty() {
                entry["group"] = group.into();
                entry["version"] = version.into();
            }
            entries.push(entry);
        }
    }
    if entries.is_empty() {
        return Err(Refusal::NoResource);
    }
    let group_version =
        if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    Ok(json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version,
        "resources": entries,
    }))
}

fn own_kind<'a>(resource: &'a Resource, kind: &'a str) -> &'a str {
    if kind.is_empty() { &resource.kind } else { kind }
}

fn aggregated(catalog: &Catalog, form: DiscoveryForm, wanted: &dyn Fn(&str) -> bool) -> Value {
    let mut items = Vec::new();
    for (group, versions) in catalog.groups().into_iter().filter(|(group, _)| wanted(group)) {
        let versions: Vec<Value> = versions
            .iter()
            .map(|version| {
                let resources: Vec<Value> =
                    catalog.of(group, version).map(|r| aggregated_resource(r)).collect();
                json!({"version": version, "resources": resources, "freshness": "Current"})
            })
            .collect();
        let metadata = if group.is_empty() { json!({}) } else { json!({"name": group}) };
        items.push(json!({"metadata": metadata, "versions": versions}));
    }
    let version = if form == DiscoveryForm::AggregatedBeta { "v2beta1" } else { "v2" };
    json!({
        "kind": "APIGroupDiscoveryList", "apiVersion": format!("apidiscovery.k8s.io/{version}"),
        "metadata": {}, "items": items,
    })
}

fn aggregated_resource(resource: &Resource) -> Value {
    let kind = |(group, version, kind): (&str, &str, &str)| {
        // Custom resources always spell out their group and version.
        let (group, version) = match (group, resource.custom.is_some()) {
            ("", true) => (resource.group.as_str(), resource.version.as_str()),
            _ => (group, version),
        };
        json!({"group": group, "version": version, "kind": own_kind(resource, kind)})
    };
    let mut out = json!({
        "resource": resource.plural,
        "responseKind": kind(("", "", "")),
        "scope": if resource.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": resource.singular,
        "verbs": resource.verbs,
    });
    if !resource.short_names.is_empty() {
        out["shortNames"] = resource.short_names.clone().into();
    }
    if !resource.categories.is_empty() {
        out["categories"] = resource.categories.clone().into();
    }
    if !resource.subresources.is_empty() {
        out["subresources"] = resource
            .subresources
            .iter()
            .map(|s| json!({"subresource": s.name, "responseKind": kind(s.kind), "verbs": s.verbs}))
            .collect();
    }
    out
}
