//! Everything in a set of objects that policies speak of.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ipnet::IpNet;

use super::{
    actor::{Actor, Role},
    group::CidrGroup,
    pod::{PodObject, strings, text_at},
    service::Service,
};
use crate::{
    model::{Derivation, LabelFilter, Labels},
    policy::{
        parse::Settings,
        text::{Document, Node},
    },
};

/// Two objects of one name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {what} was given before")]
pub struct Conflict {
    /// The file.
    pub file: String,
    /// The line where the second one begins.
    pub line: u32,
    /// Which object.
    pub what: String,
}

/// What policies can tell of a node.
#[derive(Debug)]
struct NodeObject {
    labels: BTreeMap<String, String>,
    addresses: Vec<IpNet>,
}

impl NodeObject {
    fn read(root: &Node) -> Self {
        let listed = root.at(&["status", "addresses"]).map(Node::items).unwrap_or_default();
        let texts = listed.iter().filter_map(|address| text_at(address, &["address"]));
        Self { labels: strings(root.at(&["metadata", "labels"])), addresses: nets(texts) }
    }
}

/// Pods, namespaces, nodes, services, groups and identities.
#[derive(Debug, Default)]
pub struct Inventory {
    namespaces: BTreeMap<String, BTreeMap<String, String>>,
    pods: Vec<PodObject>,
    nodes: Vec<NodeObject>,
    services: Vec<Service>,
    groups: Vec<CidrGroup>,
    identities: BTreeMap<u32, Labels>,
    seen: BTreeSet<String>,
}

impl Inventory {
    /// Takes a document if it is of a kind that matters; tells whether it was.
    ///
    /// # Errors
    /// When an object of this kind and name was taken before.
    pub fn add(&mut self, document: &Document) -> Result<bool, Conflict> {
        let root = &document.root;
        let Some(kind) = text_at(root, &["kind"]) else { return Ok(false) };
        let Some(name) = text_at(root, &["metadata", "name"]) else { return Ok(false) };
        if !self.take(kind, name, root) {
            return Ok(false);
        }
        let namespace = text_at(root, &["metadata", "namespace"]).unwrap_or_default();
        let what = format!("{kind} {namespace}/{name}").replace(" /", " ");
        if !self.seen.insert(what.clone()) {
            let line = root.span.start.line;
            return Err(Conflict { file: document.file.to_string(), line, what });
        }
        Ok(true)
    }

    fn take(&mut self, kind: &str, name: &str, root: &Node) -> bool {
        match kind {
            "Namespace" => {
                let mut labels = strings(root.at(&["metadata", "labels"]));
                labels.insert("kubernetes.io/metadata.name".to_owned(), name.to_owned());
                self.namespaces.insert(name.to_owned(), labels);
            }
            "Node" => self.nodes.push(NodeObject::read(root)),
            "Service" => self.services.push(service(name, root)),
            "EndpointSlice" | "Endpoints" => return self.take_endpoints(kind, name, root),
            "SkepIdentity" => self.take_identity(name, root.at(&["spec", "labels"])),
            "CiliumIdentity" => self.take_identity(name, root.get("security-labels")),
            "CiliumCIDRGroup" => self.groups.push(CidrGroup::read(name, root)),
            _ => match PodObject::read(kind, root) {
                Some(pod) => self.pods.push(pod),
                None => return false,
            },
        }
        true
    }

    fn take_endpoints(&mut self, kind: &str, name: &str, root: &Node) -> bool {
        let namespace = text_at(root, &["metadata", "namespace"]).unwrap_or("default");
        let of = text_at(root, &["metadata", "labels", "kubernetes.io/service-name"]);
        let of = of.unwrap_or(name).to_owned();
        let addresses: Vec<IpNet> = addresses(kind, root);
        let own = self.services.iter_mut().find(|s| s.namespace == namespace && s.name == of);
        match own {
            Some(service) => service.addresses.extend(addresses),
            None => self.services.push(Service {
                namespace: namespace.to_owned(),
                name: of,
                labels: BTreeMap::new(),
                selector: BTreeMap::new(),
                addresses,
            }),
        }
        true
    }

    fn take_identity(&mut self, name: &str, labels: Option<&Node>) {
        if let Ok(number) = name.parse() {
            self.identities.insert(number, Labels(strings(labels)));
        }
    }

    /// Returns the labels that a number stands for.
    pub(super) fn identity(&self, number: u32) -> Option<&Labels> {
        self.identities.get(&number)
    }

    /// Returns the services, those of one name joined.
    pub fn services(&self) -> Vec<Service> {
        let mut joined: BTreeMap<(&str, &str), Service> = BTreeMap::new();
        for service in &self.services {
            match joined.get_mut(&(service.namespace.as_str(), service.name.as_str())) {
                None => {
                    joined.insert((&service.namespace, &service.name), service.clone());
                }
                Some(own) => {
                    own.addresses.extend(&service.addresses);
                    own.labels.extend(service.labels.clone());
                    own.selector.extend(service.selector.clone());
                }
            }
        }
        joined.into_values().collect()
    }

    /// Returns all pods, by name.
    pub fn pods(&self, settings: &Settings) -> Vec<Actor> {
        let rules =
            Derivation { filter: LabelFilter::default(), cluster: settings.cluster.clone() };
        let mut pods: Vec<Actor> =
            self.pods.iter().map(|pod| pod.actor(&rules, &self.namespaces)).collect();
        pods.sort_by(|a, b| a.name.cmp(&b.name));
        pods
    }

    /// Returns this node, with the labels that all nodes have.
    pub fn host(&self) -> Actor {
        let mut nodes = self.nodes.iter().map(|node| &node.labels);
        let mut shared = nodes.next().cloned().unwrap_or_default();
        for node in nodes {
            shared.retain(|key, value| node.get(key) == Some(value));
        }
        let mut labels = of_node(&shared);
        labels.0.insert("reserved:host".to_owned(), String::new());
        Actor::new("entity:host", Role::Host, labels)
    }

    /// Finds who in the cluster has an address: a node, as other nodes and pods of other nodes see it, or a pod.
    pub(super) fn owner(&self, addr: IpAddr, settings: &Settings) -> Option<Actor> {
        let net = IpNet::from(addr);
        let Some(node) = self.nodes.iter().find(|node| node.addresses.contains(&net)) else {
            return self.pods(settings).into_iter().find(|pod| pod.nets.contains(&net));
        };
        let mut labels = of_node(&node.labels);
        labels.0.insert("reserved:remote-node".to_owned(), String::new());
        Some(Actor::new(addr.to_string(), Role::Peer, labels).with_addr(addr))
    }

    /// Returns the groups of prefixes.
    pub fn groups(&self) -> &[CidrGroup] {
        &self.groups
    }
}

/// Returns the labels of a node's identity.
fn of_node(labels: &BTreeMap<String, String>) -> Labels {
    labels.iter().map(|(key, value)| (format!("node:{key}"), value.clone())).collect()
}

fn nets<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<IpNet> {
    let addrs = texts.into_iter().filter_map(|text| text.parse::<IpAddr>().ok());
    addrs.map(IpNet::from).collect()
}

fn service(name: &str, root: &Node) -> Service {
    Service {
        namespace: text_at(root, &["metadata", "namespace"]).unwrap_or("default").to_owned(),
        name: name.to_owned(),
        labels: strings(root.at(&["metadata", "labels"])),
        selector: strings(root.at(&["spec", "selector"])),
        addresses: Vec::new(),
    }
}

fn addresses(kind: &str, root: &Node) -> Vec<IpNet> {
    if kind == "EndpointSlice" {
        let endpoints = root.get("endpoints").map(Node::items).unwrap_or_default();
        let listed = endpoints.iter().filter_map(|e| e.get("addresses"));
        nets(listed.flat_map(Node::items).filter_map(Node::text))
    } else {
        let subsets = root.get("subsets").map(Node::items).unwrap_or_default();
        let listed = subsets.iter().filter_map(|s| s.get("addresses"));
        nets(listed.flat_map(Node::items).filter_map(|a| text_at(a, &["ip"])))
    }
}
