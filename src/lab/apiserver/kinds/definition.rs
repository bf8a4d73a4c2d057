//! Custom resource definitions: names, conditions, and serving what they define.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{checks, default, structural};
use crate::lab::apiserver::cluster::Cluster;
use crate::lab::apiserver::metadata;
use crate::lab::apiserver::refusal::Cause;
use crate::lab::apiserver::resource::{ALL_VERBS, Custom, Resource, ScalePaths, Subresource};
use crate::lab::apiserver::store::Object;

pub(in crate::lab::apiserver) const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";

fn default_names(value: &mut Value) {
    default(value, "spec", json!({}));
    let names = &mut value["spec"]["names"];
    let kind = names["kind"].as_str().unwrap_or_default().to_owned();
    default(names, "singular", kind.to_lowercase());
    default(names, "listKind", format!("{kind}List"));
    default(&mut value["spec"], "conversion", json!({"strategy": "None"}));
}

pub(super) fn prepare_create(value: &mut Value) {
    default_names(value);
    value["status"] = json!({"conditions": null, "acceptedNames": {"kind": "", "plural": ""},
        "storedVersions": stored_version(value).into_iter().collect::<Vec<_>>()});
}

pub(super) fn prepare_update(_old: &Value, value: &mut Value) {
    default_names(value);
}

fn stored_version(value: &Value) -> Option<String> {
    let versions = value["spec"]["versions"].as_array()?;
    let stored = versions.iter().find(|v| v["storage"] == true)?;
    Some(stored["name"].as_str()?.to_owned())
}

pub(super) fn validate(old: Option<&Value>, value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &value["spec"];
    let names = &spec["names"];
    checks::word(&mut causes, spec, "scope", "spec", &["Cluster", "Namespaced"]);
    if spec["preserveUnknownFields"] == true {
        let detail = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead";
        causes.push(Cause::invalid("spec.preserveUnknownFields", &true.into(), detail));
    }
    for member in ["plural", "singular"] {
        let name = checks::text(names, member);
        if !name.is_empty() {
            checks::label(&mut causes, name, format!("spec.names.{member}"));
        }
    }
    for (at, name) in checks::items(names, "shortNames", "spec.names") {
        checks::label(&mut causes, name.as_str().unwrap_or_default(), at);
    }
    for member in ["kind", "listKind"] {
        let name = checks::text(names, member);
        if !name.is_empty() {
            checks::label(&mut causes, &name.to_lowercase(), format!("spec.names.{member}"));
        }
    }
    if let Some(old) = old {
        for (field, before, after) in [
            ("spec.group", &old["spec"]["group"], &spec["group"]),
            ("spec.scope", &old["spec"]["scope"], &spec["scope"]),
            ("spec.names.plural", &old["spec"]["names"]["plural"], &names["plural"]),
        ] {
            if before != after {
                causes.push(Cause::invalid(field, after, "field is immutable"));
            }
        }
    }
    for member in ["group", "scope"] {
        if spec[member].as_str().is_none_or(str::is_empty) {
            causes.push(Cause::required(format!("spec.{member}"), ""));
        }
    }
    for member in ["plural", "kind"] {
        if spec["names"][member].as_str().is_none_or(str::is_empty) {
            causes.push(Cause::required(format!("spec.names.{member}"), ""));
        }
    }
    let name = metadata::text(value, "name");
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let wanted = format!("{}.{}", text(&spec["names"]["plural"]), text(&spec["group"]));
    if name != wanted {
        let detail = format!("must be spec.names.plural+\".\"+spec.group ({wanted})");
        causes.push(Cause::invalid("metadata.name", &name.into(), &detail));
    }
    let versions = spec["versions"].as_array().map_or(&[][..], Vec::as_slice);
    if versions.iter().filter(|v| v["storage"] == true).count() != 1 {
        let detail = "must have exactly one version marked as storage version";
        causes.push(Cause::invalid("spec.versions", &spec["versions"], detail));
    }
    for (index, version) in versions.iter().enumerate() {
        let at = format!("spec.versions[{index}]");
        let name = checks::text(version, "name");
        checks::label(&mut causes, name, format!("{at}.name"));
        if versions[..index].iter().any(|other| other["name"] == name) {
            causes.push(Cause::duplicate(format!("{at}.name"), &version["name"]));
        }
        version_causes(&mut causes, version, &at);
    }
    if spec["group"].as_str().is_some_and(|g| !g.contains('.')) {
        let detail = "should be a domain with at least one dot";
        causes.push(Cause::invalid("spec.group", &spec["group"], detail));
    }
    causes
}

/// Checks the schema, the columns and the subresources of one version.
fn version_causes(causes: &mut Vec<Cause>, version: &Value, at: &str) {
    const TYPES: &[&str] = &["boolean", "date", "integer", "number", "string"];
    let field = format!("{at}.schema.openAPIV3Schema");
    match &version["schema"]["openAPIV3Schema"] {
        Value::Null => causes.push(Cause::required(field, "schemas are required")),
        schema => structural::check(causes, schema, &field),
    }
    for (at, column) in checks::items(version, "additionalPrinterColumns", at) {
        checks::require(causes, column, "name", &at);
        checks::require(causes, column, "type", &at);
        checks::word(causes, column, "type", &at, TYPES);
        let path = checks::text(column, "jsonPath");
        if path.is_empty() {
            causes.push(Cause::required(format!("{at}.jsonPath"), ""));
        } else if !path.starts_with('.') {
            let detail = "must start with a dot, such as .spec.replicas";
            causes.push(Cause::invalid(format!("{at}.jsonPath"), &column["jsonPath"], detail));
        }
    }
    let scale = &version["subresources"]["scale"];
    if scale.is_object() {
        let at = format!("{at}.subresources.scale");
        for (member, root) in [("specReplicasPath", ".spec."), ("statusReplicasPath", ".status.")] {
            if !checks::text(scale, member).starts_with(root) {
                let detail = format!("should be a json path under {root}");
                let field = format!("{at}.{member}");
                causes.push(Cause::invalid(field, &checks::text(scale, member).into(), &detail));
            }
        }
    }
}

pub(super) fn mark_deleted(object: &mut Value) {
    let metadata = &mut object["metadata"];
    default(metadata, "finalizers", json!([]));
    if let Some(list) =
        metadata["finalizers"].as_array_mut().filter(|l| !l.contains(&CLEANUP.into()))
    {
        list.push(CLEANUP.into());
    }
}

/// Serves what a definition defines and says so in its status.
pub(super) fn establish(cluster: &Cluster, object: &Arc<Object>) {
    let value = object.value();
    if metadata::is_deleting(&value) {
        return;
    }
    register(cluster, &value);
    let is_true = |kind: &str| {
        value["status"]["conditions"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|c| c["type"] == kind && c["status"] == "True")
    };
    if is_true("Established") && value["status"]["acceptedNames"] == value["spec"]["names"] {
        return;
    }
    cluster.change("customresourcedefinitions.apiextensions.k8s.io", &object.key, |value| {
        let now = metadata::now();
        let condition = |kind: &str, reason: &str, message: &str| {
            json!({"type": kind, "status": "True", "lastTransitionTime": now,
                "reason": reason, "message": message})
        };
        value["status"]["conditions"] = json!([
            condition("NamesAccepted", "NoConflicts", "no conflicts found"),
            condition(
                "Established",
                "InitialNamesAccepted",
                "the initial names have been accepted"
            ),
        ]);
        value["status"]["acceptedNames"] = value["spec"]["names"].clone();
        if let Some(stored) = stored_version(value) {
            default(&mut value["status"], "storedVersions", json!([]));
            if let Some(list) = value["status"]["storedVersions"].as_array_mut()
                && !list.contains(&stored.as_str().into())
            {
                list.push(stored.into());
            }
        }
    });
}

/// Stops serving a definition.
pub(super) fn forget(cluster: &Cluster, name: &str) {
    cluster.registry.define(name, Vec::new());
    cluster.store.drop_resource(name);
}

/// Puts the served versions of a definition into the catalog.
pub(in crate::lab::apiserver) fn register(cluster: &Cluster, definition: &Value) {
    let name = metadata::text(definition, "name");
    let mut versions = resources(name, definition);
    versions.sort_by_key(|r| std::cmp::Reverse(priority(&r.version)));
    cluster.registry.define(name, versions);
}

/// `v2` before `v1`, both before `v1beta1`, that before `v1alpha1`, anything else last.
fn priority(version: &str) -> (u8, u64, u64) {
    let digits = |text: &str| text.parse().ok();
    let Some(rest) = version.strip_prefix('v') else { return (0, 0, 0) };
    for (word, rank) in [("alpha", 1), ("beta", 2)] {
        if let Some((major, minor)) = rest.split_once(word)
            && let (Some(major), Some(minor)) = (digits(major), digits(minor))
        {
            return (rank, major, minor);
        }
    }
    digits(rest).map_or((0, 0, 0), |major| (3, major, 0))
}

fn resources(id: &str, definition: &Value) -> Vec<Resource> {
    let spec = &definition["spec"];
    let names = &spec["names"];
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let list = |v: &Value| v.as_array().into_iter().flatten().map(text).collect::<Vec<_>>();
    let served = spec["versions"].as_array().into_iter().flatten().filter(|v| v["served"] == true);
    served
        .map(|version| Resource {
            id: id.into(),
            group: text(&spec["group"]),
            version: text(&version["name"]),
            kind: text(&names["kind"]),
            list_kind: text(&names["listKind"]),
            plural: text(&names["plural"]),
            singular: text(&names["singular"]),
            namespaced: spec["scope"] == "Namespaced",
            short_names: list(&names["shortNames"]),
            categories: list(&names["categories"]),
            verbs: ALL_VERBS,
            subresources: subresources(&version["subresources"]),
            scale: version["subresources"].get("scale").map(|scale| ScalePaths {
                spec_replicas: text(&scale["specReplicasPath"]),
                status_replicas: text(&scale["statusReplicasPath"]),
                selector: scale["labelSelectorPath"].as_str().map(str::to_owned),
            }),
            alias: None,
            custom: Some(Custom {
                schema: version["schema"].get("openAPIV3Schema").cloned(),
                columns: version["additionalPrinterColumns"]
                    .as_array()
                    .cloned()
                    .unwrap_or_default(),
                selectable: version["selectableFields"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|f| text(&f["jsonPath"]))
                    .collect(),
            }),
        })
        .collect()
}

fn subresources(value: &Value) -> Vec<Subresource> {
    const VERBS: &[&str] = &["get", "patch", "update"];
    let mut out = Vec::new();
    if value.get("status").is_some() {
        out.push(Subresource { name: "status", kind: ("", "", ""), verbs: VERBS });
    }
    if value.get("scale").is_some() {
        let kind = ("autoscaling", "v1", "Scale");
        out.push(Subresource { name: "scale", kind, verbs: VERBS });
    }
    out
}
