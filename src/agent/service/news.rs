//! News of watches as edits.

use std::collections::HashSet;

use crate::{
    kubernetes::{Change, PodObject, Watched},
    service::{
        Edit, ObjectName, Services,
        input::{EndpointSlice, Redirect, Service},
    },
};

/// What the agent watches for services.
pub(in crate::agent) trait News: Watched {
    /// Returns the edits for an object that is there.
    fn put(self) -> Vec<Edit>;
    /// Returns the edits for an object that is gone.
    fn remove(name: ObjectName) -> Vec<Edit>;
    /// Returns its name.
    fn name(&self) -> ObjectName;
    /// Returns the names of all that are known.
    fn known(services: &Services) -> Vec<ObjectName>;
}

impl News for Service {
    fn put(self) -> Vec<Edit> {
        vec![Edit::PutService(self)]
    }
    fn remove(name: ObjectName) -> Vec<Edit> {
        vec![Edit::RemoveService(name)]
    }
    fn name(&self) -> ObjectName {
        self.name.clone()
    }
    fn known(services: &Services) -> Vec<ObjectName> {
        services.names().cloned().collect()
    }
}

impl News for EndpointSlice {
    fn put(self) -> Vec<Edit> {
        vec![Edit::PutSlice(self)]
    }
    fn remove(name: ObjectName) -> Vec<Edit> {
        vec![Edit::RemoveSlice(name)]
    }
    fn name(&self) -> ObjectName {
        self.name.clone()
    }
    fn known(services: &Services) -> Vec<ObjectName> {
        services.slices().cloned().collect()
    }
}

impl News for Redirect {
    fn put(self) -> Vec<Edit> {
        vec![Edit::PutRedirect(self)]
    }
    fn remove(name: ObjectName) -> Vec<Edit> {
        vec![Edit::RemoveRedirect(name)]
    }
    fn name(&self) -> ObjectName {
        self.name.clone()
    }
    fn known(services: &Services) -> Vec<ObjectName> {
        services.redirects().map(|policy| policy.name.clone()).collect()
    }
}

/// Most pods have no host ports, and one may lose them when it ends; nothing is redirected to it then.
impl News for PodObject {
    fn put(self) -> Vec<Edit> {
        let name = self.name();
        let ports = self.host_ports.map(Edit::PutHostPorts);
        let pod = self.local.map(Edit::PutPod);
        vec![
            ports.unwrap_or_else(|| Edit::RemoveHostPorts(name.clone())),
            pod.unwrap_or(Edit::RemovePod(name)),
        ]
    }
    fn remove(name: ObjectName) -> Vec<Edit> {
        vec![Edit::RemoveHostPorts(name.clone()), Edit::RemovePod(name)]
    }
    fn name(&self) -> ObjectName {
        ObjectName::new(&*self.pod.namespace, &*self.pod.name)
    }
    fn known(services: &Services) -> Vec<ObjectName> {
        let with_ports = services.pods().map(|ports| &ports.pod);
        let all: HashSet<&ObjectName> = with_ports.chain(services.local_pods()).collect();
        all.into_iter().cloned().collect()
    }
}

/// Returns the edits that news mean.
pub(super) fn edits<N: News>(services: &Services, change: Change<N>) -> Vec<Edit> {
    match change {
        Change::Changed(object) => object.put(),
        Change::Gone(key) => name_of(&key).map(N::remove).unwrap_or_default(),
        Change::Listed(all) => {
            let listed: HashSet<ObjectName> = all.iter().map(N::name).collect();
            let known = N::known(services).into_iter();
            let gone: Vec<Edit> =
                known.filter(|name| !listed.contains(name)).flat_map(N::remove).collect();
            gone.into_iter().chain(all.into_iter().flat_map(N::put)).collect()
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
            input::{Fault, HostPort, HostPorts, LocalPod, Mistake},
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
            local: None,
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

    #[test]
    fn a_pod_that_is_not_listed_gets_nothing_redirected() {
        let mut services = Services::default();
        let local = |name: &str| {
            let mut pod = pod(name, true);
            let ports = pod.host_ports.take().expect("host ports");
            pod.local = Some(LocalPod {
                name: ports.pod,
                labels: pod.labels.clone(),
                node: ports.node,
                addresses: ports.addresses,
                ready: true,
                terminating: false,
                ports: vec![],
            });
            pod
        };
        let mut after = |change: Change<PodObject>| -> Vec<String> {
            let edits = edits(&services, change);
            let _: Changes = services.apply(edits);
            services.local_pods().map(ToString::to_string).collect()
        };
        assert_eq!(after(Change::Changed(local("a"))), ["shop/a"]);
        assert_eq!(after(Change::Listed(vec![local("b"), pod("c", true)])), ["shop/b"]);
        assert_eq!(after(Change::Changed(pod("b", false))), [""; 0], "it has ended");
        assert_eq!(after(Change::Changed(local("b"))), ["shop/b"]);
        assert_eq!(after(Change::Gone("shop/b".into())), [""; 0]);
    }

    #[test]
    fn a_policy_that_is_not_listed_is_gone() {
        let mut services = Services::default();
        let policy = |name: &str| Redirect {
            name: ObjectName::new("shop", name),
            created: 1,
            rule: Err(Mistake { field: "spec", fault: Fault::Missing }),
        };
        let mut after = |change: Change<Redirect>| -> Vec<String> {
            let edits = edits(&services, change);
            let _: Changes = services.apply(edits);
            services.redirects().map(|one| one.name.to_string()).collect()
        };
        assert_eq!(after(Change::Changed(policy("a"))), ["shop/a"]);
        assert_eq!(after(Change::Listed(vec![policy("b")])), ["shop/b"]);
        assert_eq!(after(Change::Gone("shop/b".into())), [""; 0]);
    }
}
