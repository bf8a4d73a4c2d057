//! News of watches as edits.

use std::collections::HashSet;

use crate::{
    kubernetes::{Change, PodObject, Watched},
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
    fn name(&self) -> ObjectName;
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
    fn name(&self) -> ObjectName {
        self.name.clone()
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
    fn name(&self) -> ObjectName {
        self.name.clone()
    }
    fn known(services: &Services) -> Vec<ObjectName> {
        services.slices().cloned().collect()
    }
}

/// Most pods have no host ports, and one may lose them when it ends.
impl News for PodObject {
    fn put(self) -> Edit {
        let name = self.name();
        self.host_ports.map_or(Edit::RemoveHostPorts(name), Edit::PutHostPorts)
    }
    fn remove(name: ObjectName) -> Edit {
        Edit::RemoveHostPorts(name)
    }
    fn name(&self) -> ObjectName {
        ObjectName::new(&*self.pod.namespace, &*self.pod.name)
    }
    fn known(services: &Services) -> Vec<ObjectName> {
        services.pods().map(|ports| ports.pod.clone()).collect()
    }
}

/// Returns the edits that news mean.
pub(super) fn edits<N: News>(services: &Services, change: Change<N>) -> Vec<Edit> {
    match change {
        Change::Changed(object) => vec![object.put()],
        Change::Gone(key) => name_of(&key).map(N::remove).into_iter().collect(),
        Change::Listed(all) => {
            let listed: HashSet<ObjectName> = all.iter().map(N::name).collect();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Addresses, PodRef},
        service::{
            Changes,
            input::{HostPort, HostPorts},
        },
    };

    fn pod(name: &str, has_ports: bool) -> PodObject {
        let port = std::num::NonZeroU16::new(80).unwrap();
        let protocol = crate::service::Protocol::Tcp;
        let ports = HostPorts {
            pod: ObjectName::new("shop", name),
            created: 1,
            node: "here".into(),
            addresses: Addresses { v4: Some([10, 0, 0, 1].into()), v6: None },
            ports: vec![HostPort { address: None, port, target: port, protocol }],
        };
        PodObject {
            pod: PodRef { namespace: "shop".into(), name: name.into(), uid: String::new() },
            labels: std::collections::BTreeMap::new(),
            service_account: "default".into(),
            ended: false,
            workload: None,
            named_ports: vec![],
            host_ports: has_ports.then_some(ports),
        }
    }

    #[test]
    fn pods_lose_their_host_ports_when_they_end_and_when_they_are_not_listed() {
        let mut services = Services::default();
        let mut after = |change: Change<PodObject>| -> Vec<String> {
            let edits = edits(&services, change);
            let _: Changes = services.apply(edits);
            // A list of services says nothing about pods.
            let others = super::edits(&services, Change::<Service>::Listed(vec![]));
            let _: Changes = services.apply(others);
            let mut names: Vec<_> = services.pods().map(|one| one.pod.name.to_string()).collect();
            names.sort_unstable();
            names
        };
        assert_eq!(after(Change::Changed(pod("a", true))), ["a"]);
        assert_eq!(after(Change::Listed(vec![pod("b", true), pod("c", false)])), ["b"]);
        assert_eq!(after(Change::Changed(pod("c", true))), ["b", "c"]);
        assert_eq!(after(Change::Changed(pod("b", false))), ["c"]);
        assert_eq!(after(Change::Gone("shop/c".into())), [""; 0]);
    }
}
