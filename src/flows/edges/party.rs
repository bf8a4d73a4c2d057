//! One end of an edge.

use std::fmt;

use crate::{
    hubble::flow::{Endpoint, Flow, Service},
    model::Identity,
};

/// Who speaks, as coarse as people think: the workload rather than its pods, the world rather than its
/// addresses, unless DNS or a policy gives them a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Party {
    /// What made a pod.
    Workload {
        /// Its namespace.
        namespace: String,
        /// Such as Deployment.
        kind: String,
        /// Its name.
        name: String,
    },
    /// A pod of unknown origin.
    Pod {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// A service, before its address is translated.
    Service {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// A reserved identity: host, remote-node, world and so on.
    Reserved(String),
    /// A name of the world's.
    Name(String),
    /// An address, or the prefix that a policy speaks of.
    Address(String),
}

/// What a flow tells of one end.
struct Facts<'a> {
    end: &'a Endpoint,
    service: Option<&'a Service>,
    names: &'a [String],
    address: &'a str,
}

impl Party {
    /// Returns who sent the packet.
    pub fn sender(flow: &Flow) -> Self {
        Self::of(&Facts {
            end: flow.sender(),
            service: flow.source_service.as_ref(),
            names: &flow.source_names,
            address: flow.ip.as_ref().map_or("", |ip| &ip.source),
        })
    }

    /// Returns for whom the packet is.
    pub fn receiver(flow: &Flow) -> Self {
        Self::of(&Facts {
            end: flow.receiver(),
            service: flow.destination_service.as_ref(),
            names: &flow.destination_names,
            address: flow.ip.as_ref().map_or("", |ip| &ip.destination),
        })
    }

    fn of(facts: &Facts<'_>) -> Self {
        let Facts { end, service, names, address } = facts;
        let namespace = end.namespace.clone();
        if let Some(workload) = end.workloads.first().filter(|workload| !workload.name.is_empty()) {
            let (kind, name) = (workload.kind.clone(), workload.name.clone());
            return Self::Workload { namespace, kind, name };
        }
        if !end.pod_name.is_empty() {
            return Self::Pod { namespace, name: end.pod_name.clone() };
        }
        if let Some(service) = service.filter(|service| !service.name.is_empty()) {
            let (namespace, name) = (service.namespace.clone(), service.name.clone());
            return Self::Service { namespace, name };
        }
        if let Some(name) = names.first() {
            return Self::Name(name.trim_end_matches('.').to_owned());
        }
        match (Identity(end.identity).name(), prefix(&end.labels)) {
            (Some("world-ipv4" | "world-ipv6"), _) => Self::Reserved("world".to_owned()),
            (Some(name), _) if end.identity != 0 => Self::Reserved(name.to_owned()),
            (_, Some(prefix)) => Self::Address(prefix.to_owned()),
            _ if address.is_empty() => Self::Reserved("unknown".to_owned()),
            _ => Self::Address((*address).to_owned()),
        }
    }

    /// Returns its namespace, if it is in one.
    pub fn namespace(&self) -> Option<&str> {
        match self {
            Self::Workload { namespace, .. }
            | Self::Pod { namespace, .. }
            | Self::Service { namespace, .. } => Some(namespace),
            _ => None,
        }
    }

    /// Returns its name without its namespace.
    pub fn name(&self) -> &str {
        match self {
            Self::Workload { name, .. } | Self::Pod { name, .. } | Self::Service { name, .. } => {
                name
            }
            Self::Reserved(name) | Self::Name(name) | Self::Address(name) => name,
        }
    }

    /// Returns what it is, such as Deployment, Pod or Reserved.
    pub fn kind(&self) -> &str {
        match self {
            Self::Workload { kind, .. } => kind,
            Self::Pod { .. } => "Pod",
            Self::Service { .. } => "Service",
            Self::Reserved(_) => "Reserved",
            Self::Name(_) => "Name",
            Self::Address(_) => "Address",
        }
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.namespace() {
            Some(namespace) => write!(f, "{namespace}/{}", self.name()),
            None => f.write_str(self.name()),
        }
    }
}

/// Returns the narrowest of the prefixes among the labels of an address outside.
fn prefix(labels: &[String]) -> Option<&str> {
    let prefixes = labels.iter().filter_map(|label| label.strip_prefix("cidr:"));
    let bits =
        |prefix: &&str| prefix.rsplit_once('/').and_then(|(_, bits)| bits.parse::<u8>().ok());
    prefixes.map(|prefix| prefix.trim_end_matches('=')).max_by_key(bits)
}
