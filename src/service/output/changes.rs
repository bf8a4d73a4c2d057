//! How the tables change.

use std::collections::HashSet;

use super::{BackendId, BackendKey, FrontendKey, ServiceId};
use crate::service::{
    ObjectName,
    input::{EndpointSlice, HostPorts, LocalPod, Redirect, Service},
};

/// A change of the cluster.
#[derive(Clone, Debug)]
pub enum Edit {
    /// A service is new or has changed.
    PutService(Service),
    /// A service is gone.
    RemoveService(ObjectName),
    /// A slice is new or has changed, maybe whose it is.
    PutSlice(EndpointSlice),
    /// A slice is gone.
    RemoveSlice(ObjectName),
    /// A pod of this node has host ports, or others than before.
    PutHostPorts(HostPorts),
    /// A pod, called by its own name, has none or is gone.
    RemoveHostPorts(ObjectName),
    /// A pod of this node, to which traffic may be redirected, is new or has changed.
    PutPod(LocalPod),
    /// A pod of this node is gone.
    RemovePod(ObjectName),
    /// A policy that redirects is new or has changed.
    PutRedirect(Redirect),
    /// A policy, called by its own name, is gone.
    RemoveRedirect(ObjectName),
}

/// What is different after some edits.
#[derive(Debug, Default, PartialEq, Eq)]
#[must_use = "maps have to follow"]
pub struct Changes {
    /// Frontends that are new or differ, in order. Look them up.
    pub changed: Vec<FrontendKey>,
    /// Frontends that are gone, in order.
    pub removed: Vec<FrontendKey>,
    /// Backends that are new.
    pub backends: Vec<(BackendId, BackendKey)>,
    /// Services whose findings differ, in order.
    pub findings: Vec<ObjectName>,
    /// Numbers that nothing has any more.
    pub retired: Retired,
}

/// Numbers that somebody still names.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// Of frontends.
    pub services: HashSet<u32>,
    /// Of backends.
    pub backends: HashSet<u32>,
}

/// Numbers that nothing has any more. Connections may still be remembered by them, so nothing else gets
/// them until they are handed back ([`Services::release`](crate::service::Services::release)): write
/// the tables, wait for programs that still read the old ones, then release.
#[derive(Debug, Default, PartialEq, Eq)]
#[must_use = "numbers are used again only after they are released"]
pub struct Retired {
    pub(in crate::service) services: Vec<u32>,
    pub(in crate::service) backends: Vec<(u32, BackendKey)>,
}

impl Retired {
    /// Yields the numbers of frontends.
    pub fn services(&self) -> impl Iterator<Item = ServiceId> {
        self.services.iter().copied().map(ServiceId)
    }

    /// Yields the numbers of backends.
    pub fn backends(&self) -> impl Iterator<Item = BackendId> {
        self.backends.iter().map(|(id, _)| BackendId(*id))
    }

    /// Yields the backends themselves.
    pub fn gone(&self) -> impl Iterator<Item = BackendKey> {
        self.backends.iter().map(|(_, key)| *key)
    }

    /// Takes out those that somebody still names, and returns them.
    pub fn split_off(&mut self, is_named: &Named) -> Self {
        let Named { services, backends } = is_named;
        Self {
            services: self.services.extract_if(.., |id| services.contains(id)).collect(),
            backends: self.backends.extract_if(.., |(id, _)| backends.contains(id)).collect(),
        }
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.services.is_empty() && self.backends.is_empty()
    }

    /// Adds those of a later change, to release both at once.
    pub fn join(&mut self, later: Self) {
        self.services.extend(later.services);
        self.backends.extend(later.backends);
    }
}
