//! Why policies cannot be looked at.

use std::{io, path::PathBuf};

use crate::{
    cli::cluster::ClusterError,
    policy::{InputError, cluster::SpecError, text::TextError},
};

/// Why policies cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PolicyError {
    /// A file or directory cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which one.
        path: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// Which one.
        path: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// No code of lint.
    #[error("{0:?} is no code of lint")]
    Code(String),
    /// A file is larger than any manifest.
    #[error("{} has more than {limit} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// What is read at most.
        limit: u64,
    },
    /// A file is not text.
    #[error("{} is not UTF-8: byte {at} begins no character", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
        /// Where.
        at: usize,
    },
    /// A directory holds no manifest.
    #[error("{} has no .yaml, .yml or .json files", path.display())]
    Empty {
        /// The directory.
        path: PathBuf,
    },
    /// Not YAML.
    #[error(transparent)]
    Yaml(#[from] TextError),
    /// Objects that do not go together.
    #[error(transparent)]
    Input(#[from] InputError),
    /// An end of a connection that is not there.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// Policies that no agent would accept.
    #[error("{0} of the policies cannot be accepted")]
    Rejected(usize),
    /// There is no such policy.
    #[error("there is no policy {name} in namespace {namespace}, nor one of the cluster")]
    Absent {
        /// Its name.
        name: String,
        /// Where it was looked for.
        namespace: String,
    },
    /// Only a cluster knows which version of a policy is the newest.
    #[error("an agent alone does not know which version of a policy is the newest")]
    NoCluster,
    /// Nobody to compare.
    #[error("neither OLD nor NEW has pods or workloads, and connectivity is between those")]
    NoPods,
    /// Objects of a cluster cannot be listed.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
}
