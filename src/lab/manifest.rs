//! Users' manifests: reading them with a place for every mistake, and creating their objects.

use std::{
    fs, io,
    io::Read,
    path::{Path, PathBuf},
};

use k8s_openapi::{
    api::{
        apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet},
        batch::v1::{CronJob, Job},
        core::v1::{ConfigMap, Namespace, Pod, Secret, Service, ServiceAccount},
        networking::v1::NetworkPolicy,
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Largest file read.
const LARGEST: u64 = 32 << 20;

/// A manifest cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// A file or directory cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which one.
        path: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// A directory holds no manifest.
    #[error("{} has no .yaml, .yml or .json files", path.display())]
    Empty {
        /// The directory.
        path: PathBuf,
    },
    /// A file is larger than any manifest.
    #[error("{} has more than 32 MiB", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// Not YAML, or not an object of its kind.
    #[error("{}:{line}:{column}: {source}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong.
        #[source]
        source: serde_yaml::Error,
    },
    /// YAML, but not a Kubernetes object.
    #[error("{}:{line}: the object has no {field}", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// Line on which the object begins, from 1.
        line: usize,
        /// What it lacks.
        field: &'static str,
    },
}

/// One object and where it came from.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The object.
    pub object: Value,
    /// File and line, for messages.
    pub origin: String,
}

impl Manifest {
    pub(crate) fn text(&self, path: &str) -> &str {
        self.object.pointer(path).and_then(Value::as_str).unwrap_or_default()
    }
}

/// Reads files, directories (not below them) and, for `-`, standard input.
///
/// # Errors
/// At the first file that cannot be read or object that is not valid.
pub fn read(paths: &[PathBuf]) -> Result<Vec<Manifest>, ManifestError> {
    let mut manifests = Vec::new();
    for path in paths {
        if path == Path::new("-") {
            let mut text = String::new();
            io::stdin()
                .take(LARGEST)
                .read_to_string(&mut text)
                .map_err(|source| ManifestError::Read { path: path.clone(), source })?;
            manifests.extend(parse(Path::new("stdin"), &text)?);
            continue;
        }
        for file in files(path)? {
            manifests.extend(parse(&file, &read_file(&file)?)?);
        }
    }
    Ok(manifests)
}

fn files(path: &Path) -> Result<Vec<PathBuf>, ManifestError> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let failed = |source| ManifestError::Read { path: path.to_owned(), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        let ending = file.extension().and_then(|ending| ending.to_str());
        if matches!(ending, Some("yaml" | "yml" | "json")) {
            found.push(file);
        }
    }
    found.sort();
    if found.is_empty() { Err(ManifestError::Empty { path: path.to_owned() }) } else { Ok(found) }
}

fn read_file(path: &Path) -> Result<String, ManifestError> {
    let failed = |source| ManifestError::Read { path: path.to_owned(), source };
    if fs::metadata(path).map_err(failed)?.len() > LARGEST {
        return Err(ManifestError::TooLarge { path: path.to_owned() });
    }
    fs::read_to_string(path).map_err(failed)
}

/// Reads all documents of a text.
fn parse(path: &Path, text: &str) -> Result<Vec<Manifest>, ManifestError> {
    let mut manifests = Vec::new();
    for (start, document) in documents(text) {
        let invalid = |source: serde_yaml::Error| {
            // Positions count within the document.
            let place = source.location();
            ManifestError::Invalid {
                path: path.to_owned(),
                line: start + place.as_ref().map_or(0, |place| place.line().saturating_sub(1)),
                column: place.map_or(1, |place| place.column()),
                source,
            }
        };
        let value: Value = serde_yaml::from_str(document).map_err(invalid)?;
        if value.is_null() {
            continue;
        }
        let missing = |field| ManifestError::Missing { path: path.to_owned(), line: start, field };
        check(&value, document).map_err(invalid)?;
        let items = match value {
            Value::Object(mut list) if list.get("kind") == Some(&"List".into()) => {
                match list.remove("items") {
                    Some(Value::Array(items)) => items,
                    _ => return Err(missing("items")),
                }
            }
            object => vec![object],
        };
        for object in items {
            let text = |field: &str| object.pointer(field).and_then(Value::as_str);
            for (field, name) in [
                ("/apiVersion", "apiVersion"),
                ("/kind", "kind"),
                ("/metadata/name", "metadata.name"),
            ] {
                let generated = name == "metadata.name" && text("/metadata/generateName").is_some();
                if text(field).is_none_or(str::is_empty) && !generated {
                    return Err(missing(name));
                }
            }
            let origin = format!("{}:{start}", path.display());
            manifests.push(Manifest { object, origin });
        }
    }
    Ok(manifests)
}

/// Splits a text at its `---` lines; yields the number of each document's first line.
fn documents(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let (mut start, mut first, mut at) = (0, 1, 0);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let is_mark = line.trim_end() == "---" || line.starts_with("--- ");
        if is_mark {
            found.push((first, &text[start..at]));
            start = at + line.len();
            first = number + 2;
        }
        at += line.len();
    }
    found.push((first, &text[start..]));
    found
}

/// Checks an object of a built-in kind against its type, which finds misspelt values by line.
fn check(value: &Value, document: &str) -> Result<(), serde_yaml::Error> {
    fn as_kind<K: DeserializeOwned>(document: &str) -> Result<(), serde_yaml::Error> {
        K::deserialize(serde_yaml::Deserializer::from_str(document)).map(drop)
    }
    let text = |field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default();
    match (text("apiVersion"), text("kind")) {
        ("v1", "Pod") => as_kind::<Pod>(document),
        ("v1", "Service") => as_kind::<Service>(document),
        ("v1", "ConfigMap") => as_kind::<ConfigMap>(document),
        ("v1", "Secret") => as_kind::<Secret>(document),
        ("v1", "Namespace") => as_kind::<Namespace>(document),
        ("v1", "ServiceAccount") => as_kind::<ServiceAccount>(document),
        ("apps/v1", "Deployment") => as_kind::<Deployment>(document),
        ("apps/v1", "ReplicaSet") => as_kind::<ReplicaSet>(document),
        ("apps/v1", "StatefulSet") => as_kind::<StatefulSet>(document),
        ("apps/v1", "DaemonSet") => as_kind::<DaemonSet>(document),
        ("batch/v1", "Job") => as_kind::<Job>(document),
        ("batch/v1", "CronJob") => as_kind::<CronJob>(document),
        ("networking.k8s.io/v1", "NetworkPolicy") => as_kind::<NetworkPolicy>(document),
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition") => {
            as_kind::<CustomResourceDefinition>(document)
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        parse(Path::new("app.yaml"), text).unwrap_err().to_string()
    }

    #[test]
    fn documents_lists_and_comments_are_read() {
        let text = "# only a comment\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n---\n\
                    apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: b}}\n";
        let found = parse(Path::new("x.yaml"), text).unwrap();
        let origins: Vec<_> = found.iter().map(|one| one.origin.as_str()).collect();
        assert_eq!(origins, ["x.yaml:3", "x.yaml:7"]);
        assert_eq!(found[1].text("/metadata/name"), "b");
    }

    #[test]
    fn mistakes_are_named_with_file_and_line() {
        let broken = "a: b\n---\nkind: [\n";
        assert!(
            problem("apiVersion: v1\nkind: Pod\nmetadata: {}\n")
                .contains("app.yaml:1: the object has no metadata.name")
        );
        assert!(problem(broken).starts_with("app.yaml:"), "{}", problem(broken));
        let wrong = "---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: three\n  selector: {}\n  template: {}\n";
        let message = problem(wrong);
        assert!(message.starts_with("app.yaml:7:"), "{message}");
        assert!(message.contains("replicas"), "{message}");
    }
}
