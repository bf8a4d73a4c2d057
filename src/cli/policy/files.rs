//! Manifests from files, directories and stdin.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::error::PolicyError;
use crate::policy::text::{self, Document};

/// Largest file read, bytes.
const LARGEST: u64 = 64 << 20;

/// A file and its text.
#[derive(Debug)]
pub(super) struct Manifest {
    /// Where it is; `-` is stdin.
    pub(super) path: PathBuf,
    /// Its text.
    pub(super) text: String,
}

impl Manifest {
    /// Returns its name, as messages say it.
    pub(super) fn name(&self) -> String {
        self.path.display().to_string()
    }
}

/// Reads all documents of a path: a file, a directory with all below it, or `-`.
pub(super) fn read(path: &Path) -> Result<Vec<Document>, PolicyError> {
    let mut documents = Vec::new();
    for manifest in texts(path)? {
        documents.extend(text::parse(&manifest.name(), &manifest.text)?);
    }
    Ok(documents)
}

/// Reads the texts of a path, by name.
pub(super) fn texts(path: &Path) -> Result<Vec<Manifest>, PolicyError> {
    if path == Path::new("-") {
        return Ok(vec![manifest(path, io::stdin().lock())?]);
    }
    let failed = |source| PolicyError::Read { path: path.to_owned(), source };
    if !fs::metadata(path).map_err(failed)?.is_dir() {
        return Ok(vec![manifest(path, File::open(path).map_err(failed)?)?]);
    }
    let mut files = Vec::new();
    collect(path, &mut files)?;
    if files.is_empty() {
        return Err(PolicyError::Empty { path: path.to_owned() });
    }
    files.sort();
    let read = files.iter().map(|file| {
        let failed = |source| PolicyError::Read { path: file.clone(), source };
        manifest(file, File::open(file).map_err(failed)?)
    });
    read.collect()
}

/// Symbolic links to directories are not followed, so that there are no circles.
fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> Result<(), PolicyError> {
    let failed = |source| PolicyError::Read { path: dir.to_owned(), source };
    for entry in fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        if entry.file_type().map_err(failed)?.is_dir() {
            collect(&path, files)?;
        } else if is_manifest(&path) {
            files.push(path);
        }
    }
    Ok(())
}

fn is_manifest(path: &Path) -> bool {
    matches!(path.extension().and_then(OsStr::to_str), Some("yaml" | "yml" | "json"))
}

fn manifest(path: &Path, source: impl Read) -> Result<Manifest, PolicyError> {
    let mut bytes = Vec::new();
    source
        .take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| PolicyError::Read { path: path.to_owned(), source })?;
    if bytes.len() as u64 > LARGEST {
        return Err(PolicyError::TooLarge { path: path.to_owned(), limit: LARGEST });
    }
    let text = String::from_utf8(bytes).map_err(|error| PolicyError::NotText {
        path: path.to_owned(),
        at: error.utf8_error().valid_up_to(),
    })?;
    Ok(Manifest { path: path.to_owned(), text })
}
