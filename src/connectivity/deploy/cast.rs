//! Who plays which part: the pods to make, and the actors they become.

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

use super::{Role, no_place};
use crate::connectivity::{
    churn::{Case, Place},
    topology::Actor,
};

/// Name of the pod that has a port of its node.
const HOST_PORT: &str = "host-port-1";

/// A pod to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::connectivity) struct Part {
    pub(in crate::connectivity) name: String,
    pub(in crate::connectivity) node: String,
    pub(in crate::connectivity) role: Role,
}

/// All pods to make.
pub(in crate::connectivity) struct Cast {
    pub(in crate::connectivity) parts: Vec<Part>,
}

impl Cast {
    /// Returns the parts for these nodes: on each a client, a server and a pod on the host network,
    /// and a second client on the first.
    pub(in crate::connectivity) fn new(nodes: &[String]) -> Self {
        let mut parts = Vec::new();
        for (number, node) in (1..).zip(nodes) {
            let mut part = |name: String, role| {
                parts.push(Part { name, node: node.clone(), role });
            };
            part(format!("client-{number}"), Role::Client);
            if number == 1 {
                part("client-1b".to_owned(), Role::Client);
            }
            part(format!("server-{number}"), Role::Server);
            part(format!("host-{number}"), Role::Host);
        }
        Self { parts }
    }

    /// Adds a pod that has a port of the first node.
    pub(in crate::connectivity) fn with_host_port(mut self) -> Self {
        let first = self.parts.first().map(|part| part.node.clone());
        let part = |node| Part { name: HOST_PORT.to_owned(), node, role: Role::HostPort };
        self.parts.extend(first.map(part));
        self
    }

    /// Adds the servers of a scenario during which they come and go.
    pub(in crate::connectivity) fn with_backends(mut self, case: &Case, nodes: &[String]) -> Self {
        self.parts.extend(case.backends.iter().filter_map(|own| {
            let node = match own.place {
                Place::First => nodes.first(),
                Place::Last => nodes.last(),
            };
            let (name, role) = (own.name.to_owned(), Role::Backend(*own));
            Some(Part { name, node: node?.clone(), role })
        }));
        self
    }

    /// Returns the pod that has a port of its node, or why it has no place there.
    pub(in crate::connectivity) fn at_host_port(&self, pods: &[Pod]) -> Result<Actor, String> {
        let placed: Vec<Pod> = pods.iter().filter(|pod| no_place(pod).is_none()).cloned().collect();
        let refused = pods.iter().find_map(no_place);
        let actor = self.actors(Role::HostPort, &placed).pop();
        actor.ok_or_else(|| refused.unwrap_or_else(|| "it was not made".to_owned()))
    }

    /// Returns the actors of a role, in order of their parts.
    pub(in crate::connectivity) fn actors(&self, role: Role, pods: &[Pod]) -> Vec<Actor> {
        let of_role = self.parts.iter().filter(|part| part.role == role);
        let actor = |part: &Part| {
            let pod = pods.iter().find(|pod| pod.name_any() == part.name)?;
            let ips = pod.status.iter().flat_map(|status| status.pod_ips.iter().flatten());
            let addresses = ips.filter_map(|ip| ip.ip.parse().ok()).collect();
            Some(Actor { name: part.name.clone(), node: part.node.clone(), addresses })
        };
        of_role.filter_map(actor).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_node_has_one_of_each_and_the_first_one_a_second_client() {
        let cast = Cast::new(&["a".to_owned(), "b".to_owned()]);
        let names: Vec<_> = cast.parts.iter().map(|part| part.name.as_str()).collect();
        let expected =
            ["client-1", "client-1b", "server-1", "host-1", "client-2", "server-2", "host-2"];
        assert_eq!(names, expected);
        let pod: Pod = serde_json::from_value(json!({
            "metadata": { "name": "server-2" },
            "status": { "podIPs": [{ "ip": "10.0.0.1" }, { "ip": "fd00::1" }] },
        }))
        .unwrap();
        let servers = cast.actors(Role::Server, &[pod]);
        assert_eq!(servers.len(), 1, "the other pod was not made");
        assert_eq!((servers[0].node.as_str(), servers[0].addresses.len()), ("b", 2));
    }
}
