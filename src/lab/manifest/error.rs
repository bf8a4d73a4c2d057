//! What can be wrong with manifests.

use std::{io, path::PathBuf};

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
    /// Nothing to create.
    #[error("{} has no Kubernetes objects", path.display())]
    Empty {
        /// The file or directory.
        path: PathBuf,
    },
    /// A chart or kustomization, which other programs turn into manifests.
    #[error("{} is a {what}, not a manifest", path.display())]
    Source {
        /// The file or directory.
        path: PathBuf,
        /// What it is.
        what: &'static str,
        /// The command that makes manifests of it.
        renderer: &'static str,
    },
    /// A file is larger than any manifest.
    #[error("{} has more than 32 MiB", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// Not YAML, or not an object of its kind.
    #[error("{origin}:{column}: {reason}")]
    Invalid {
        /// File, document and line.
        origin: Origin,
        /// Column, from 1.
        column: usize,
        /// What is wrong.
        reason: String,
    },
    /// YAML, but not a Kubernetes object.
    #[error("{origin}: the object has no {field}")]
    Missing {
        /// File, document and line.
        origin: Origin,
        /// What it lacks.
        field: &'static str,
    },
    /// One object twice.
    #[error("{origin}: {title} is in {first} already")]
    Twice {
        /// File, document and line.
        origin: String,
        /// The object.
        title: String,
        /// Where it was first.
        first: String,
    },
}

/// Where something is: file and line, and which document of the file if there are several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub(super) path: PathBuf,
    /// From 1; none when the file has only one document.
    pub(super) document: Option<usize>,
    /// From 1.
    pub(super) line: usize,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.document {
            Some(number) => {
                write!(f, "document {number} of {}:{}", self.path.display(), self.line)
            }
            None => write!(f, "{}:{}", self.path.display(), self.line),
        }
    }
}
