//! Users' manifests: reading them with a place for every mistake, and telling what a lab makes of
//! them.

mod document;
mod error;
mod limits;
mod pods;
mod skeleton;
mod source;
mod types;

use serde_json::Value;

pub use error::ManifestError;
pub use source::read;

pub(crate) use limits::not_simulated;
pub use skeleton::Values;
pub(crate) use skeleton::{Skeleton, skeleton};

/// One object and where it came from.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The object.
    pub object: Value,
    /// File, line and document, for messages.
    pub origin: String,
}

impl Manifest {
    /// Returns a text of the object by its JSON pointer; empty when there is none.
    pub(crate) fn text(&self, path: &str) -> &str {
        self.object.pointer(path).and_then(Value::as_str).unwrap_or_default()
    }

    /// Returns the kind.
    pub(crate) fn kind(&self) -> &str {
        self.text("/kind")
    }

    /// Returns group and version, as in `apps/v1`.
    pub(crate) fn version(&self) -> &str {
        self.text("/apiVersion")
    }

    /// Returns the API group; the core group is empty.
    pub(crate) fn group(&self) -> &str {
        self.version().rsplit_once('/').map_or("", |(group, _)| group)
    }

    /// Returns the name; empty when the API server is to make one.
    pub(crate) fn name(&self) -> &str {
        self.text("/metadata/name")
    }

    /// Returns the namespace; empty when none is named.
    pub(crate) fn namespace(&self) -> &str {
        self.text("/metadata/namespace")
    }

    /// Returns how messages call the object, such as `Deployment shop/web`.
    pub(crate) fn title(&self) -> String {
        let generated = || format!("{}*", self.text("/metadata/generateName"));
        let name = match self.name() {
            "" => generated(),
            name => name.to_owned(),
        };
        match self.namespace() {
            "" => format!("{} {name}", self.kind()),
            namespace => format!("{} {namespace}/{name}", self.kind()),
        }
    }
}

#[cfg(test)]
mod tests;
