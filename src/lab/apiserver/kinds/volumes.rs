//! The rules of volumes and of where containers mount them.

use std::collections::HashSet;

use serde_json::Value;

use super::checks::{self, items, text};
use crate::lab::apiserver::refusal::Cause;

/// Checks the volumes of a pod; returns their names.
pub(super) fn check<'a>(causes: &mut Vec<Cause>, spec: &'a Value, path: &str) -> HashSet<&'a str> {
    let mut names = HashSet::new();
    for (at, volume) in items(spec, "volumes", path) {
        let name = text(volume, "name");
        checks::label(causes, name, format!("{at}.name"));
        if !name.is_empty() && !names.insert(name) {
            causes.push(Cause::duplicate(format!("{at}.name"), &name.into()));
        }
        let sources: Vec<&String> = volume
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(member, value)| *member != "name" && value.is_object())
            .map(|(member, _)| member)
            .collect();
        match sources.as_slice() {
            [] => causes.push(Cause::required(at, "must specify a volume type")),
            [source] => check_source(causes, &volume[source.as_str()], source, &at),
            [_, more, ..] => causes.push(Cause::forbidden(
                format!("{at}.{more}"),
                "may not specify more than 1 volume type",
            )),
        }
    }
    names
}

fn check_source(causes: &mut Vec<Cause>, source: &Value, kind: &str, at: &str) {
    let at = format!("{at}.{kind}");
    let member = match kind {
        "configMap" => "name",
        "secret" => "secretName",
        "hostPath" => "path",
        "persistentVolumeClaim" => "claimName",
        _ => return,
    };
    checks::require(causes, source, member, &at);
    if text(source, "path").split('/').any(|step| step == "..") {
        causes.push(Cause::invalid(format!("{at}.path"), &source["path"], "must not contain '..'"));
    }
    for (at, item) in items(source, "items", &at) {
        checks::require(causes, item, "key", &at);
        let target = text(item, "path");
        if target.is_empty() {
            causes.push(Cause::required(format!("{at}.path"), ""));
        } else if target.starts_with('/') {
            let detail = "must be a relative path";
            causes.push(Cause::invalid(format!("{at}.path"), &item["path"], detail));
        } else if target.split('/').any(|step| step == "..") {
            let detail = "must not contain '..'";
            causes.push(Cause::invalid(format!("{at}.path"), &item["path"], detail));
        }
    }
}

/// Checks where a container mounts volumes.
pub(super) fn check_mounts(
    causes: &mut Vec<Cause>,
    container: &Value,
    at: &str,
    volumes: &HashSet<&str>,
) {
    let mut paths = HashSet::new();
    for (at, mount) in items(container, "volumeMounts", at) {
        let name = text(mount, "name");
        if name.is_empty() {
            causes.push(Cause::required(format!("{at}.name"), ""));
        } else if !volumes.contains(name) {
            causes.push(Cause {
                reason: "FieldValueNotFound",
                message: format!("Not found: {name:?}"),
                field: format!("{at}.name"),
            });
        }
        let path = text(mount, "mountPath");
        if path.is_empty() {
            causes.push(Cause::required(format!("{at}.mountPath"), ""));
        } else if !paths.insert(path) {
            let detail = "must be unique";
            causes.push(Cause::invalid(format!("{at}.mountPath"), &mount["mountPath"], detail));
        }
        let sub = text(mount, "subPath");
        if sub.starts_with('/') {
            let detail = "must be a relative path";
            causes.push(Cause::invalid(format!("{at}.subPath"), &mount["subPath"], detail));
        } else if sub.split('/').any(|step| step == "..") {
            let detail = "must not contain '..'";
            causes.push(Cause::invalid(format!("{at}.subPath"), &mount["subPath"], detail));
        }
    }
}
