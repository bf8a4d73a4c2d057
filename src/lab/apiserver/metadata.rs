//! Object metadata: names, times, and the members that clients may not change.

use rand::RngExt as _;
use serde_json::{Map, Value};

use super::refusal::{Cause, Refusal};
use super::resource::Resource;

/// Returns the current time as Kubernetes prints it, in whole seconds.
pub(super) fn now() -> String {
    seconds_from_now(0)
}

/// Returns a time some seconds from now.
pub(super) fn seconds_from_now(seconds: i64) -> String {
    let at = jiff::Timestamp::now().as_second().saturating_add(seconds);
    jiff::Timestamp::from_second(at).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string()
}

/// Returns a random suffix as generated names have: no vowels, nothing that looks alike.
pub(super) fn suffix() -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut random = rand::rng();
    (0..5).map(|_| char::from(LETTERS[random.random_range(0..LETTERS.len())])).collect()
}

/// Returns the metadata of an object, made if absent.
pub(super) fn of(object: &mut Value) -> Result<&mut Map<String, Value>, Refusal> {
    let object = object
        .as_object_mut()
        .ok_or_else(|| Refusal::BadRequest("the object is not a JSON object".to_owned()))?;
    object
        .entry("metadata")
        .or_insert_with(|| Value::Object(Map::new()))
        .as_object_mut()
        .ok_or_else(|| Refusal::BadRequest("metadata is not a JSON object".to_owned()))
}

/// Returns a text member of the metadata, empty if absent.
pub(super) fn text<'a>(object: &'a Value, member: &str) -> &'a str {
    object["metadata"][member].as_str().unwrap_or_default()
}

pub(super) fn finalizers(object: &Value) -> Vec<&str> {
    object["metadata"]["finalizers"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

pub(super) fn is_deleting(object: &Value) -> bool {
    object["metadata"]["deletionTimestamp"].is_string()
}

/// Returns the causes why a name cannot be the name of an object of this kind.
pub(super) fn check_name(resource: &Resource, name: &str) -> Vec<Cause> {
    const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
    const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
    let invalid = |detail: &str| vec![Cause::invalid("metadata.name", &name.into(), detail)];
    if name.is_empty() {
        return vec![Cause::required("metadata.name", "name or generateName is required")];
    }
    if resource.group == "rbac.authorization.k8s.io" || resource.group == "certificates.k8s.io" {
        // Names that can be a segment of a path.
        let bad = matches!(name, "." | "..") || name.contains(['/', '%']);
        return if bad {
            invalid("may not be '.' or '..' or contain '/' or '%'")
        } else {
            Vec::new()
        };
    }
    let (limit, label) = match resource.kind.as_str() {
        "Namespace" | "Service" if resource.group.is_empty() => (63, true),
        _ => (253, false),
    };
    if name.len() > limit {
        return invalid(&format!("must be no more than {limit} bytes"));
    }
    if label {
        if is_label(name) { Vec::new() } else { invalid(LABEL) }
    } else if name.split('.').all(is_label) {
        Vec::new()
    } else {
        invalid(SUBDOMAIN)
    }
}

/// Tells whether text is an RFC 1123 label, whatever its length.
pub(super) fn is_label(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// Bytes of all annotations of an object.
const ANNOTATIONS: usize = 256 << 10;

fn is_edged(text: &str) -> bool {
    let edge = |c: char| c.is_ascii_alphanumeric();
    text.starts_with(edge) && text.ends_with(edge)
}

fn is_name_part(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    text.len() <= 63 && text.chars().all(allowed) && is_edged(text)
}

/// Returns what is wrong with the key of a label or annotation.
pub(super) fn label_key(field: &str, key: &str) -> Option<Cause> {
    let invalid = |detail: &str| Some(Cause::invalid(field, &key.into(), detail));
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    if name.contains('/') {
        return invalid(
            "a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
        );
    }
    if prefix.is_some_and(|p| p.len() > 253 || !p.to_lowercase().split('.').all(is_label)) {
        return invalid(
            "prefix part a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
        );
    }
    if name.len() > 63 {
        return invalid("name part must be no more than 63 bytes");
    }
    if is_name_part(name) {
        None
    } else {
        invalid(
            "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
        )
    }
}

/// Returns what is wrong with the value of a label.
pub(super) fn label_value(field: &str, value: &Value) -> Option<Cause> {
    let text = value.as_str().unwrap_or_default();
    if text.is_empty() || is_name_part(text) {
        return None;
    }
    let detail = if text.len() > 63 {
        "must be no more than 63 bytes"
    } else {
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
    };
    Some(Cause::invalid(field, value, detail))
}

/// Checks the members of metadata that every kind has.
pub(super) fn check(object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let metadata = &object["metadata"];
    for member in ["labels", "annotations"] {
        let field = format!("metadata.{member}");
        for (key, value) in metadata[member].as_object().into_iter().flatten() {
            causes.extend(label_key(&field, key));
            if member == "labels" {
                causes.extend(label_value(&field, value));
            }
        }
    }
    let annotations = metadata["annotations"].as_object().into_iter().flatten();
    let size: usize = annotations.map(|(k, v)| k.len() + v.as_str().map_or(0, str::len)).sum();
    if size > ANNOTATIONS {
        causes.push(Cause::too_long("metadata.annotations", ANNOTATIONS));
    }
    for finalizer in finalizers(object) {
        if !finalizer.contains('/') && !matches!(finalizer, "orphan" | "foregroundDeletion") {
            let detail = "name is neither a standard finalizer name nor is it fully qualified";
            causes.push(Cause::invalid("metadata.finalizers", &finalizer.into(), detail));
        }
    }
    for (index, owner) in metadata["ownerReferences"].as_array().into_iter().flatten().enumerate() {
        for member in ["apiVersion", "kind", "name", "uid"] {
            if owner[member].as_str().is_none_or(str::is_empty) {
                let field = format!("metadata.ownerReferences[{index}].{member}");
                causes.push(Cause::required(field, ""));
            }
        }
    }
    causes
}

/// Checks that the shapes of metadata are those of ObjectMeta; the message is for a 400.
pub(super) fn check_types(object: &Value) -> Result<(), Refusal> {
    let metadata = &object["metadata"];
    let bad = |member: &str, wanted: &str| {
        Err(Refusal::BadRequest(format!("metadata.{member} must be {wanted}")))
    };
    for member in
        ["name", "namespace", "generateName", "uid", "resourceVersion", "deletionTimestamp"]
    {
        if !metadata[member].is_null() && !metadata[member].is_string() {
            return bad(member, "a string");
        }
    }
    for member in ["labels", "annotations"] {
        let map = &metadata[member];
        let strings = map.as_object().is_some_and(|m| m.values().all(Value::is_string));
        if !map.is_null() && !strings {
            return bad(member, "a map of strings");
        }
    }
    for member in ["finalizers", "ownerReferences", "managedFields"] {
        if !metadata[member].is_null() && !metadata[member].is_array() {
            return bad(member, "a list");
        }
    }
    let strings = |v: &Value| v.as_array().is_none_or(|items| items.iter().all(Value::is_string));
    if strings(&metadata["finalizers"]) { Ok(()) } else { bad("finalizers", "a list of strings") }
}

/// Members that only the server writes; an update keeps the old ones.
const FIXED: &[&str] = &[
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "generateName",
    "name",
    "namespace",
    "managedFields",
];

/// Copies the members that a client may not change from the old version of an object.
pub(super) fn keep_fixed(old: &Value, new: &mut Value) -> Result<(), Refusal> {
    let metadata = of(new)?;
    metadata.shift_remove("selfLink");
    for member in FIXED {
        match old["metadata"].get(*member) {
            Some(value) => {
                metadata.insert((*member).to_owned(), value.clone());
            }
            None => {
                metadata.shift_remove(*member);
            }
        }
    }
    Ok(())
}
