//! Nodes, namespaces, identities and endpoint slices as skep sees them.

use std::{collections::BTreeMap, net::IpAddr};

use ipnet::IpNet;
use k8s_openapi::api::core::v1 as core;
use kube::ResourceExt;
use serde::{Deserialize, Serialize};

use super::{
    READY_REASON, Watched,
    crd::{NamedPort, PodWorkload, SkepEndpointSlice, SkepIdentity},
};
use crate::model::{Addresses, Identity, Incarnation, Labels};

/// An object that cannot mean anything to skep.
#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    /// The name of an identity object is not a number of a label set.
    #[error("{0:?} is not the number of a label set")]
    Number(String),
    /// A slice with more endpoints than any agent writes.
    #[error("slice {0} has {1} endpoints")]
    TooMany(String, usize),
    /// A secret that lacks something.
    #[error("secret {0} has no {1}")]
    Secret(String, &'static str),
    /// Endpoints that are not addresses.
    #[error("slice {0} has endpoints of type {1}")]
    AddressType(String, String),
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeObject {
    /// Name.
    pub name: String,
    /// Unique id; a node of the same name with another uid is another node.
    pub uid: String,
    /// Internal addresses.
    pub addresses: Addresses,
    /// Pod CIDRs, each address family at most once.
    pub pod_cidrs: Vec<IpNet>,
    /// Whether its agent has published itself ready.
    pub ready: bool,
    /// Labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Where its kubelet listens.
    #[serde(default)]
    pub kubelet_port: Option<u16>,
}

impl Watched for NodeObject {
    type Object = core::Node;
    const NOUN: &'static str = "nodes";

    fn from_object(node: &core::Node) -> Result<Self, Malformed> {
        let status = node.status.as_ref();
        let mut addresses = Addresses::default();
        for entry in status.and_then(|status| status.addresses.as_deref()).unwrap_or_default() {
            match (entry.type_.as_str(), entry.address.parse()) {
                ("InternalIP", Ok(IpAddr::V4(v4))) => drop(addresses.v4.get_or_insert(v4)),
                ("InternalIP", Ok(IpAddr::V6(v6))) => drop(addresses.v6.get_or_insert(v6)),
                _ => {}
            }
        }
        let spec = node.spec.as_ref();
        let mut cidrs: Vec<String> =
            spec.and_then(|spec| spec.pod_cidrs.clone()).unwrap_or_default();
        if cidrs.is_empty() {
            cidrs.extend(spec.and_then(|spec| spec.pod_cidr.clone()));
        }
        let ready =
            status.and_then(|status| status.conditions.as_deref()).unwrap_or_default().iter().any(
                |condition| {
                    condition.type_ == "NetworkUnavailable"
                        && condition.status == "False"
                        && condition.reason.as_deref() == Some(READY_REASON)
                },
            );
        Ok(Self {
            name: node.name_any(),
            uid: node.uid().unwrap_or_default(),
            addresses,
            pod_cidrs: pod_cidrs(&cidrs),
            ready,
            labels: node.labels().clone(),
            kubelet_port: status.and_then(kubelet_port),
        })
    }

    fn key(&self) -> String {
        self.name.clone()
    }
}

fn kubelet_port(status: &core::NodeStatus) -> Option<u16> {
    let endpoint = status.daemon_endpoints.as_ref()?.kubelet_endpoint.as_ref()?;
    u16::try_from(endpoint.port).ok().filter(|port| *port != 0)
}

/// Keeps the first usable CIDR of each family; a whole family as pod CIDR is refused.
fn pod_cidrs(texts: &[String]) -> Vec<IpNet> {
    let mut found: Vec<IpNet> = Vec::new();
    for net in texts.iter().filter_map(|text| text.parse::<IpNet>().ok()) {
        let family_taken = found.iter().any(|other| other.addr().is_ipv4() == net.addr().is_ipv4());
        if !family_taken && net.prefix_len() > 0 {
            found.push(net.trunc());
        }
    }
    found
}

/// A namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamespaceObject {
    /// Name.
    pub name: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

impl Watched for NamespaceObject {
    type Object = core::Namespace;
    const NOUN: &'static str = "namespaces";

    fn from_object(namespace: &core::Namespace) -> Result<Self, Malformed> {
        Ok(Self { name: namespace.name_any(), labels: namespace.labels().clone() })
    }

    fn key(&self) -> String {
        self.name.clone()
    }
}

/// An identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityObject {
    /// Number.
    pub identity: Identity,
    /// The label set.
    pub labels: Labels,
    /// Whether the operator has marked it.
    pub retired: bool,
}

impl Watched for IdentityObject {
    type Object = SkepIdentity;
    const NOUN: &'static str = "identities";

    fn from_object(object: &SkepIdentity) -> Result<Self, Malformed> {
        let name = object.name_any();
        let identity = name
            .parse()
            .map(Identity)
            .ok()
            .filter(|number| number.is_cluster() && number.0.to_string() == name);
        Ok(Self {
            identity: identity.ok_or(Malformed::Number(name))?,
            labels: Labels(object.spec.labels.clone()),
            retired: object.spec.retired_at.is_some(),
        })
    }

    fn key(&self) -> String {
        self.identity.0.to_string()
    }
}

/// One address of a published endpoint.
pub type Address = IpAddr;

/// An endpoint of some node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PublishedEndpoint {
    /// Namespace of the pod.
    pub namespace: String,
    /// Name of the pod.
    pub pod: String,
    /// Addresses.
    pub addresses: Vec<Address>,
    /// Identity.
    pub identity: Identity,
    /// Which use of the addresses this is.
    pub incarnation: Incarnation,
    /// Ports with names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub named_ports: Vec<NamedPort>,
    /// What made the pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<PodWorkload>,
}

/// Some endpoints of one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SliceObject {
    /// Name of the object.
    pub name: String,
    /// Name of the node.
    pub node: String,
    /// The endpoints.
    pub endpoints: Vec<PublishedEndpoint>,
}

/// Endpoints that one slice may hold.
const SLICE_LIMIT: usize = 64;

impl Watched for SliceObject {
    type Object = SkepEndpointSlice;
    const NOUN: &'static str = "endpoint slices";

    fn from_object(object: &SkepEndpointSlice) -> Result<Self, Malformed> {
        let endpoints = &object.spec.endpoints;
        if endpoints.len() > SLICE_LIMIT {
            return Err(Malformed::TooMany(object.name_any(), endpoints.len()));
        }
        let endpoints = endpoints
            .iter()
            .map(|endpoint| PublishedEndpoint {
                namespace: endpoint.namespace.clone(),
                pod: endpoint.pod.clone(),
                addresses: endpoint.addresses.iter().filter_map(|text| text.parse().ok()).collect(),
                identity: Identity(endpoint.identity),
                incarnation: Incarnation(endpoint.incarnation),
                named_ports: endpoint.named_ports.clone(),
                workload: endpoint.workload.clone(),
            })
            .collect();
        Ok(Self { name: object.name_any(), node: object.spec.node.clone(), endpoints })
    }

    fn key(&self) -> String {
        self.name.clone()
    }
}
