//! The objects that have names, arranged for look-ups.

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
    sync::Arc,
};

use k8s_openapi::api::{
    core::v1::{Namespace, Service},
    discovery::v1::{Endpoint, EndpointSlice},
};
use kube::ResourceExt;

/// The label of a slice that names its service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// Everything the cluster's zone consists of.
#[derive(Debug, Default)]
pub(crate) struct Index {
    pub(super) namespaces: HashSet<String>,
    services: HashMap<(String, String), ServiceNames>,
    /// Names of addresses: namespace, service and, for endpoints, host.
    reverse: HashMap<IpAddr, Vec<(String, String, Option<String>)>>,
}

/// What a service's name stands for.
#[derive(Debug)]
pub(super) enum Target {
    /// Addresses that stand for all endpoints.
    Cluster(Vec<IpAddr>),
    /// The endpoints themselves.
    Headless,
    /// Another name.
    External(String),
}

/// A service.
#[derive(Debug)]
pub(super) struct ServiceNames {
    pub(super) target: Target,
    pub(super) ports: Vec<PortName>,
    pub(super) endpoints: Vec<HostName>,
}

/// A port with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PortName {
    /// Empty when the service has only one port and did not name it.
    pub(super) name: String,
    /// In lower case.
    pub(super) protocol: String,
    pub(super) number: u16,
}

/// An endpoint that is ready.
#[derive(Debug)]
pub(super) struct HostName {
    /// Its host name, or its address with dashes.
    pub(super) host: String,
    pub(super) address: IpAddr,
    pub(super) ports: Vec<PortName>,
}

impl Index {
    /// Arranges objects.
    pub(crate) fn of(
        namespaces: &[Arc<Namespace>],
        services: &[Arc<Service>],
        slices: &[Arc<EndpointSlice>],
    ) -> Self {
        let mut index = Self {
            namespaces: namespaces.iter().map(|namespace| namespace.name_any()).collect(),
            ..Self::default()
        };
        let mut endpoints = HashMap::<(String, String), Vec<HostName>>::new();
        for slice in slices {
            let Some(service) = slice.labels().get(SERVICE_NAME) else { continue };
            let key = (slice.namespace().unwrap_or_default(), service.clone());
            endpoints.entry(key).or_default().extend(hosts(slice));
        }
        for service in services {
            let key = (service.namespace().unwrap_or_default(), service.name_any());
            let endpoints = endpoints.remove(&key).unwrap_or_default();
            index.add(key, service, endpoints);
        }
        index
    }

    fn add(&mut self, key: (String, String), service: &Service, endpoints: Vec<HostName>) {
        let Some(names) = ServiceNames::of(service, endpoints) else { return };
        if let Target::Cluster(addresses) = &names.target {
            for address in addresses {
                let name = (key.0.clone(), key.1.clone(), None);
                self.reverse.entry(*address).or_default().push(name);
            }
        }
        for endpoint in &names.endpoints {
            let name = (key.0.clone(), key.1.clone(), Some(endpoint.host.clone()));
            self.reverse.entry(endpoint.address).or_default().push(name);
        }
        self.services.insert(key, names);
    }

    pub(super) fn service(&self, namespace: &str, name: &str) -> Option<&ServiceNames> {
        self.services.get(&(namespace.to_owned(), name.to_owned()))
    }

    /// Returns the names of an address: those of services before those of endpoints.
    pub(super) fn names_of(&self, address: IpAddr) -> Vec<String> {
        let Some(names) = self.reverse.get(&address) else { return Vec::new() };
        let of_services: Vec<_> = names.iter().filter(|(_, _, host)| host.is_none()).collect();
        let all = if of_services.is_empty() { names.iter().collect() } else { of_services };
        let mut texts: Vec<String> = all
            .into_iter()
            .map(|(namespace, service, host)| match host {
                Some(host) => format!("{host}.{service}.{namespace}.svc"),
                None => format!("{service}.{namespace}.svc"),
            })
            .collect();
        texts.sort();
        texts
    }
}

impl ServiceNames {
    /// Returns none for a service that has no addresses yet.
    fn of(service: &Service, endpoints: Vec<HostName>) -> Option<Self> {
        let spec = service.spec.as_ref()?;
        let target = if spec.type_.as_deref() == Some("ExternalName") {
            let name = spec.external_name.as_deref()?;
            Target::External(name.trim_end_matches('.').to_lowercase())
        } else if spec.cluster_ip.as_deref() == Some("None") {
            Target::Headless
        } else {
            let all = spec.cluster_ips.clone().filter(|ips| !ips.is_empty());
            let all = all.unwrap_or_else(|| spec.cluster_ip.clone().into_iter().collect());
            let addresses: Vec<IpAddr> = all.iter().filter_map(|ip| ip.parse().ok()).collect();
            if addresses.is_empty() {
                return None;
            }
            Target::Cluster(addresses)
        };
        let ports = spec.ports.iter().flatten().filter_map(|port| {
            PortName::new(port.name.as_deref(), port.protocol.as_deref(), port.port)
        });
        Some(Self { target, ports: ports.collect(), endpoints })
    }
}

impl PortName {
    fn new(name: Option<&str>, protocol: Option<&str>, number: i32) -> Option<Self> {
        Some(Self {
            name: name.unwrap_or_default().to_lowercase(),
            protocol: protocol.unwrap_or("TCP").to_lowercase(),
            number: u16::try_from(number).ok()?,
        })
    }
}

fn hosts(slice: &EndpointSlice) -> Vec<HostName> {
    let ports: Vec<PortName> = slice
        .ports
        .iter()
        .flatten()
        .filter_map(|port| {
            PortName::new(port.name.as_deref(), port.protocol.as_deref(), port.port?)
        })
        .collect();
    // Unknown counts as ready (the API's own rule).
    let ready = |endpoint: &&Endpoint| {
        endpoint.conditions.as_ref().and_then(|conditions| conditions.ready) != Some(false)
    };
    let mut hosts = Vec::new();
    for endpoint in slice.endpoints.iter().flatten().filter(ready) {
        for address in endpoint.addresses.iter().filter_map(|text| text.parse().ok()) {
            let host = endpoint.hostname.clone().filter(|host| !host.is_empty());
            let host = host.unwrap_or_else(|| dashed(address));
            hosts.push(HostName { host: host.to_lowercase(), address, ports: ports.clone() });
        }
    }
    hosts
}

/// Returns an address as a label: 10-0-0-1, fd00--1.
pub(super) fn dashed(address: IpAddr) -> String {
    address.to_string().replace(['.', ':'], "-")
}

/// Reads a label that is an address.
pub(super) fn from_dashed(label: &str) -> Option<IpAddr> {
    let v4 = label.replace('-', ".").parse().ok().map(IpAddr::V4);
    v4.or_else(|| label.replace('-', ":").parse().ok().map(IpAddr::V6))
}
