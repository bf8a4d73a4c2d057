//! Names of objects.

use std::{fmt, sync::Arc};

/// What tells a pod's name among those of services, which have no strokes.
const POD: &str = "pod/";

/// A namespaced object's name. Cheap to clone: both halves are shared.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectName {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

impl ObjectName {
    /// Makes a name from its halves.
    pub fn new(namespace: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// Returns the name that a pod has among services.
    pub(super) fn of_pod(pod: &Self) -> Self {
        Self::new(Arc::clone(&pod.namespace), format!("{POD}{}", pod.name))
    }
}

/// The name of an object with its kind, for people. The kind is that of objects without strokes in their
/// names; a pod among them is called a pod.
pub(super) struct Titled<'a>(pub(super) &'static str, pub(super) &'a ObjectName);

impl fmt::Display for Titled<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(kind, name) = self;
        match name.name.strip_prefix(POD) {
            Some(pod) => write!(f, "pod {}/{pod}", name.namespace),
            None => write!(f, "{kind} {name}"),
        }
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}
