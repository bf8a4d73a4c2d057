//! From a case's objects to those of Kubernetes.

use std::net::IpAddr;

use kube::api::{ApiResource, DynamicObject, ObjectMeta};
use serde_json::Value;

use super::{
    account::PolicyName,
    case::{Case, Form, Kind, Object},
    objects::{self, Resource},
};
use crate::{
    connectivity::{
        probe::Host,
        topology::{Topology, family_of},
    },
    model::Family,
};

/// Stands for an external target that is not there: addresses for documentation (RFC 5737, 3849).
const NOBODY: [&str; 2] = ["192.0.2.1", "2001:db8:ffff::1"];

/// An object to make.
pub(in crate::connectivity) struct Manifest {
    pub(super) resource: ApiResource,
    pub(super) object: DynamicObject,
}

/// Returns the objects of a case in a form.
pub(super) fn manifests(case: &Case, form: Form, topology: &Topology) -> Vec<Manifest> {
    case.objects.iter().map(|object| manifest(object, form, topology)).collect()
}

fn manifest(object: &Object, form: Form, topology: &Topology) -> Manifest {
    let resource = resource(object.kind, form);
    let text = fill(object, form, topology);
    let spec: Value = serde_yaml::from_str(&text).expect("the test's own objects are valid");
    let PolicyName { name, namespace, .. } = name(object, form, &topology.namespace);
    let mut metadata = ObjectMeta { name: Some(name), ..ObjectMeta::default() };
    if resource.namespaced {
        metadata.namespace = Some(namespace);
    } else {
        objects::mark(&mut metadata, &topology.namespace);
    }
    let resource = resource.api();
    let types = Some(kube::api::TypeMeta {
        api_version: resource.api_version.clone(),
        kind: resource.kind.clone(),
    });
    let data = serde_json::json!({ "spec": spec });
    Manifest { object: DynamicObject { types, metadata, data }, resource }
}

const fn resource(kind: Kind, form: Form) -> &'static Resource {
    match (kind, form) {
        (Kind::NetworkPolicy, _) => &objects::NETWORK_POLICY,
        (Kind::Cilium, Form::Clusterwide) => &objects::CILIUM_CLUSTERWIDE,
        (Kind::Cilium, _) => &objects::CILIUM,
        (Kind::ClusterNetworkPolicy, Form::Admin) => &objects::ADMIN_NETWORK_POLICY,
        (Kind::ClusterNetworkPolicy, _) => &objects::CLUSTER_NETWORK_POLICY,
        (Kind::CidrGroup, _) => &objects::CIDR_GROUP,
    }
}

/// Returns how an object is called: objects of the cluster carry the run's name in theirs.
pub(super) fn name(object: &Object, form: Form, namespace: &str) -> PolicyName {
    let resource = resource(object.kind, form);
    let (namespace, name) = if resource.namespaced {
        (namespace.to_owned(), object.name.to_owned())
    } else {
        (String::new(), format!("{namespace}-{}", object.name))
    };
    PolicyName { kind: resource.kind.to_owned(), namespace, name }
}

fn fill(object: &Object, form: Form, topology: &Topology) -> String {
    let run = &topology.namespace;
    let (all, here) = match (object.kind, form) {
        (Kind::Cilium, Form::Clusterwide) => {
            let label = format!("\"k8s:io.kubernetes.pod.namespace\": {run}");
            (format!("{{matchLabels: {{{label}}}}}"), format!(", {label}"))
        }
        _ => ("{}".to_owned(), String::new()),
    };
    let (tier, accept, tcp) = match form {
        Form::Admin => ("", "Allow", "ports: [{portNumber: {protocol: TCP, port: $port}}]"),
        _ => ("tier: Admin", "Accept", "protocols: [{tcp: {destinationPort: {number: $port}}}]"),
    };
    let world = topology.externals.first().map_or(80, |external| external.port);
    let mut text = object.spec.to_owned();
    for (word, value) in [
        ("$all", all),
        ("$here", here),
        ("$run", run.clone()),
        ("$tier", tier.to_owned()),
        ("$accept", accept.to_owned()),
        ("$tcp", tcp.to_owned()),
        ("$port", topology.port.to_string()),
        ("$closed", closed(topology).to_string()),
        ("$world", world.to_string()),
        ("$first4", address(topology, Family::V4, 0)),
        ("$first6", address(topology, Family::V6, 0)),
        ("$second4", address(topology, Family::V4, 1)),
        ("$second6", address(topology, Family::V6, 1)),
    ] {
        text = text.replace(word, &value);
    }
    text
}

/// Nobody listens on the port after the servers'.
pub(super) const fn closed(topology: &Topology) -> u16 {
    topology.port + 1
}

fn address(topology: &Topology, family: Family, place: usize) -> String {
    let address = externals(topology, family).nth(place).map(|(address, _)| address.to_string());
    let nobody = match family {
        Family::V4 => NOBODY[0],
        Family::V6 => NOBODY[1],
    };
    address.unwrap_or_else(|| nobody.to_owned())
}

/// Returns the external targets of a family that are given by address.
pub(super) fn externals(
    topology: &Topology,
    family: Family,
) -> impl Iterator<Item = (IpAddr, &crate::connectivity::External)> {
    topology.externals.iter().filter_map(move |external| match external.host {
        Host::Address(address) if family_of(address) == family => Some((address, external)),
        _ => None,
    })
}
