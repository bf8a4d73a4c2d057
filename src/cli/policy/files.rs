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

/// Reads all documents of a path: a file, a directory with all below it, or `-`.
pub(super) fn read(path: &Path) -> Result<Vec<Document>, PolicyError> {
    if path == Path::new("-") {
        return documents(path, io::stdin().lock());
    }
    let failed = |source| PolicyError::Read { path: path.to_owned(), source };
    if !fs::metadata(path).map_err(failed)?.is_dir() {
        return documents(path, File::open(path).map_err(failed)?);
    }
    let mut files = Vec::new();
    collect(path, &mut files)?;
    if files.is_empty() {
        return Err(PolicyError::Empty { path: path.to_owned() });
    }
    files.sort();
    let read = files.iter().map(|file| {
        let failed = |source| PolicyError::Read { path: file.clone(), source };
        documents(file, File::open(file).map_err(failed)?)
    });
    Ok(read.collect::<Result<Vec<_>, PolicyError>>()?.into_iter().flatten().collect())
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

fn documents(path: &Path, source: impl Read) -> Result<Vec<Document>, PolicyError> {
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
    Ok(text::parse(&path.display().to_string(), &text)?)
}
