//! Names of objects.

use std::{fmt, sync::Arc};

/// What tells a pod's name among those of services, which have no strokes.
const POD: &str = "pod/";
/// What tells a policy's name among those of services.
const REDIRECT: &str = "redirect/";

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

    /// Returns the name that a policy of redirects has among services.
    pub(in crate::service) fn of_redirect(policy: &Self) -> Self {
        Self::new(Arc::clone(&policy.namespace), format!("{REDIRECT}{}", policy.name))
    }
}

/// The name of an object with its kind, for people. The kind is that of objects without strokes in their
/// names; a pod or a policy among them is called so.
pub(super) struct Titled<'a>(pub(super) &'static str, pub(super) &'a ObjectName);

impl fmt::Display for Titled<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(kind, name) = self;
        let (kind, bare) = if let Some(pod) = name.name.strip_prefix(POD) {
            ("pod", pod)
        } else if let Some(policy) = name.name.strip_prefix(REDIRECT) {
            ("policy", policy)
        } else {
            (*kind, &*name.name)
        };
        write!(f, "{kind} {}/{bare}", name.namespace)
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}
