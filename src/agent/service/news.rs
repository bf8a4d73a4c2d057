//! News of watches as edits.

use std::collections::HashSet;

use crate::{
    kubernetes::{Change, Watched},
    service::{
        Edit, ObjectName, Services,
        input::{EndpointSlice, Service},
    },
};

/// What the agent watches for services.
pub(in crate::agent) trait News: Watched {
    /// Returns the edit for an object that is there.
    fn put(self) -> Edit;
    /// Returns the edit for an object that is gone.
    fn remove(name: ObjectName) -> Edit;
    /// Returns its name.
    fn name(&self) -> &ObjectName;
    /// Returns the names of all that are known.
    fn known(services: &Services) -> Vec<ObjectName>;
}

impl News for Service {
    fn put(self) -> Edit {
        Edit::PutService(self)
    }
    fn remove(name: ObjectName) -> Edit {
        Edit::RemoveService(name)
    }
    fn name(&self) -> &ObjectName {
        &self.name
    }
    fn known(services: &Services) -> Vec<ObjectName> {
        services.names().cloned().collect()
    }
}

impl News for EndpointSlice {
    fn put(self) -> Edit {
        Edit::PutSlice(self)
    }
    fn remove(name: ObjectName) -> Edit {
        Edit::RemoveSlice(name)
    }
    fn name(&self) -> &ObjectName {
        &self.name
    }
    fn known(services: &Services) -> Vec<ObjectName> {
        services.slices().cloned().collect()
    }
}

/// Returns the edits that news mean.
pub(super) fn edits<N: News>(services: &Services, change: Change<N>) -> Vec<Edit> {
    match change {
        Change::Changed(object) => vec![object.put()],
        Change::Gone(key) => name_of(&key).map(N::remove).into_iter().collect(),
        Change::Listed(all) => {
            let listed: HashSet<&ObjectName> = all.iter().map(N::name).collect();
            let known = N::known(services).into_iter();
            let gone: Vec<Edit> =
                known.filter(|name| !listed.contains(name)).map(N::remove).collect();
            gone.into_iter().chain(all.into_iter().map(N::put)).collect()
        }
    }
}

/// Reads `namespace/name`, the key of a watched object.
fn name_of(key: &str) -> Option<ObjectName> {
    let (namespace, name) = key.split_once('/')?;
    Some(ObjectName::new(namespace, name))
}
