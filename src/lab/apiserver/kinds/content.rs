//! ConfigMaps and Secrets: keys, sizes, and what never changes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::checks::text;
use crate::lab::apiserver::refusal::Cause;
use crate::lab::apiserver::resource::Resource;

/// Bytes of the values of one object.
const MOST: usize = 1 << 20;
const KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

pub(super) fn validate(resource: &Resource, old: Option<&Value>, value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let mut size = 0;
    for member in ["data", "binaryData"] {
        for (key, content) in value[member].as_object().into_iter().flatten() {
            let field = || format!("{member}[{key}]");
            let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            if key.is_empty() || !key.chars().all(allowed) || matches!(key.as_str(), "." | "..") {
                causes.push(Cause::invalid(field(), &key.as_str().into(), KEY));
            } else if key.len() > 253 {
                let detail = "must be no more than 253 characters";
                causes.push(Cause::invalid(field(), &key.as_str().into(), detail));
            }
            if member == "binaryData" && value["data"].get(key).is_some() {
                let detail = format!("duplicate of key present in data: {key}");
                causes.push(Cause::invalid(field(), &key.as_str().into(), &detail));
            }
            size += content.as_str().map_or(0, str::len);
        }
    }
    let kind = resource.kind.as_str();
    if kind == "Secret" {
        // What counts is the content, not its base64.
        size = size / 4 * 3;
        check_secret(&mut causes, value);
    }
    if size > MOST {
        let field = if kind == "Secret" { "data" } else { "" };
        causes.push(Cause::too_long(field, MOST));
    }
    let Some(old) = old else { return causes };
    if kind == "Secret" && old["type"] != value["type"] {
        causes.push(Cause::invalid("type", &value["type"], "field is immutable"));
    }
    if old["immutable"] == true {
        if value["immutable"] != true {
            let detail = "field is immutable when `immutable` is set";
            causes.push(Cause::forbidden("immutable", detail));
        }
        for member in ["data", "binaryData"] {
            if old.get(member) != value.get(member) {
                let detail = "field is immutable when `immutable` is set";
                causes.push(Cause::forbidden(member, detail));
            }
        }
    }
    causes
}

fn check_secret(causes: &mut Vec<Cause>, value: &Value) {
    let needed: &[&str] = match text(value, "type") {
        "kubernetes.io/tls" => &["tls.crt", "tls.key"],
        "kubernetes.io/dockerconfigjson" => &[".dockerconfigjson"],
        "kubernetes.io/dockercfg" => &[".dockercfg"],
        "kubernetes.io/ssh-auth" => &["ssh-privatekey"],
        _ => &[],
    };
    for key in needed {
        if value["data"].get(*key).is_none() {
            causes.push(Cause::required(format!("data[{key}]"), ""));
        }
    }
    let account = "kubernetes.io/service-account.name";
    if text(value, "type") == "kubernetes.io/service-account-token"
        && text(&value["metadata"]["annotations"], account).is_empty()
    {
        causes.push(Cause::required(format!("metadata.annotations[{account}]"), ""));
    }
    for (key, content) in value["data"].as_object().into_iter().flatten() {
        let content = content.as_str().unwrap_or_default();
        if text(value, "type") == "kubernetes.io/dockerconfigjson"
            && key == ".dockerconfigjson"
            && !STANDARD
                .decode(content)
                .is_ok_and(|bytes| serde_json::from_slice::<Value>(&bytes).is_ok())
        {
            let field = format!("data[{key}]");
            causes.push(Cause::invalid(
                field,
                &"<secret contents redacted>".into(),
                "invalid character",
            ));
        }
    }
}
