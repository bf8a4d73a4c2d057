//! Why objects are not created.

use crate::lab::manifest::Manifest;

/// An object of a manifest was not created.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The API server has the kind in other versions only.
    #[error("{origin}: the lab has no {kind} of {version}, but of {served}")]
    Version {
        /// Where the object is.
        origin: String,
        /// The kind.
        kind: String,
        /// The group and version that the manifest names.
        version: String,
        /// Those that there are.
        served: String,
    },
    /// The API server knows no such kind, and it cannot be stored untyped.
    #[error("{origin}: Kubernetes has no kind {kind} of {version}")]
    Kind {
        /// Where the object is.
        origin: String,
        /// The kind.
        kind: String,
        /// Its group and version.
        version: String,
    },
    /// The API server does not tell what it serves.
    #[error("cannot find out whether the lab knows kind {kind} of {version}")]
    Discovery {
        /// The kind.
        kind: String,
        /// Its group and version.
        version: String,
        /// The reason.
        #[source]
        source: Box<kube::Error>,
    },
    /// The API server refused it.
    #[error("{origin}: {title} is refused")]
    Refused {
        /// Where the object is.
        origin: String,
        /// Kind, namespace and name.
        title: String,
        /// The reason.
        #[source]
        source: Box<kube::Error>,
    },
    /// A definition of a kind is not accepted.
    #[error("{origin}: {title} is not established: {reason}")]
    NotEstablished {
        /// Where the definition is.
        origin: String,
        /// Kind and name.
        title: String,
        /// What its conditions say.
        reason: String,
    },
    /// Namespaces could not be listed or created.
    #[error("cannot create the namespaces that objects are in")]
    Namespaces {
        /// The reason.
        #[source]
        source: Box<kube::Error>,
    },
}

impl ApplyError {
    pub(super) fn refused(manifest: &Manifest, source: kube::Error) -> Self {
        Self::Refused {
            origin: manifest.origin.clone(),
            title: manifest.title(),
            source: Box::new(source),
        }
    }
}
