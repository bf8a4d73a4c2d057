//! Finding and reading files.

use std::{
    collections::HashMap,
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::{Manifest, ManifestError, document};

/// Largest file read, in bytes.
const LARGEST: u64 = 32 << 20;
/// Files that kustomize reads; they are no objects.
const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Reads files, directories with all below them in order of their names and, for `-`, standard
/// input.
///
/// # Errors
/// At the first file that cannot be read, or object that is not valid or there twice.
pub fn read(paths: &[PathBuf]) -> Result<Vec<Manifest>, ManifestError> {
    let mut manifests = Vec::new();
    for path in paths {
        let mut found = Vec::new();
        if path == Path::new("-") {
            found = document::parse(Path::new("stdin"), &stdin(path)?)?;
        } else {
            for file in files(path)? {
                found.extend(document::parse(&file, &read_file(&file)?)?);
            }
        }
        if found.is_empty() {
            return Err(ManifestError::Empty { path: path.clone() });
        }
        manifests.extend(found);
    }
    refuse_twice(&manifests)?;
    Ok(manifests)
}

/// The second of two objects with one name would silently win.
fn refuse_twice(manifests: &[Manifest]) -> Result<(), ManifestError> {
    let mut seen = HashMap::new();
    for manifest in manifests.iter().filter(|manifest| !manifest.name().is_empty()) {
        let namespace = manifest.namespace();
        let namespace = if namespace.is_empty() { "default" } else { namespace };
        let key = (manifest.group(), manifest.kind(), namespace, manifest.name());
        if let Some(first) = seen.insert(key, &manifest.origin) {
            return Err(ManifestError::Twice {
                origin: manifest.origin.clone(),
                title: manifest.title(),
                first: first.clone(),
            });
        }
    }
    Ok(())
}

fn files(path: &Path) -> Result<Vec<PathBuf>, ManifestError> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    if path.join("Chart.yaml").exists() {
        return Err(ManifestError::Source {
            path: path.to_owned(),
            what: "Helm chart",
            renderer: "helm template",
        });
    }
    if KUSTOMIZATIONS.iter().any(|name| path.join(name).exists()) {
        return Err(ManifestError::Source {
            path: path.to_owned(),
            what: "kustomization",
            renderer: "kubectl kustomize",
        });
    }
    let failed = |source| ManifestError::Read { path: path.to_owned(), source };
    let entries = fs::read_dir(path).map_err(failed)?;
    let mut entries: Vec<PathBuf> = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, io::Error>>()
        .map_err(failed)?;
    entries.sort();
    let mut found = Vec::new();
    for entry in entries.iter().filter(|entry| !is_hidden(entry)) {
        // Links to directories are not followed: they may lead back up.
        if entry.is_dir() && !entry.is_symlink() {
            found.extend(files(entry)?);
        } else if is_manifest(entry) {
            found.push(entry.clone());
        }
    }
    Ok(found)
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

fn is_manifest(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    matches!(ending, Some("yaml" | "yml" | "json")) && path.is_file()
}

fn stdin(path: &Path) -> Result<String, ManifestError> {
    let mut text = String::new();
    let length = io::stdin()
        .take(LARGEST + 1)
        .read_to_string(&mut text)
        .map_err(|source| ManifestError::Read { path: path.to_owned(), source })?;
    if length as u64 > LARGEST {
        return Err(ManifestError::TooLarge { path: path.to_owned() });
    }
    Ok(text)
}

fn read_file(path: &Path) -> Result<String, ManifestError> {
    let failed = |source| ManifestError::Read { path: path.to_owned(), source };
    if fs::metadata(path).map_err(failed)?.len() > LARGEST {
        return Err(ManifestError::TooLarge { path: path.to_owned() });
    }
    fs::read_to_string(path).map_err(failed)
}
