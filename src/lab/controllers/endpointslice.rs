//! EndpointSlices: the pods behind each service, one slice per family.

use std::{net::IpAddr, sync::Arc};

use k8s_openapi::{
    api::{
        core::v1::{Container, Pod, Service, ServicePort},
        discovery::v1::{Endpoint, EndpointConditions, EndpointPort, EndpointSlice},
    },
    apimachinery::pkg::{apis::meta::v1::ObjectMeta, util::intstr::IntOrString},
};
use kube::ResourceExt;
use serde_json::json;

use super::{
    matching::selector_matches,
    owned::{controller_of, has_ended, is_ready, owned_meta, random_name},
    snapshot::{Snapshot, is_ending},
};
use crate::lab::cluster::Action;

/// Who keeps the slices.
const KEEPER: &str = "endpointslice-controller.k8s.io";

pub(super) fn plan(snapshot: &Snapshot) -> Vec<Action> {
    let mut actions = Vec::new();
    for service in snapshot.services.iter().filter(|service| !is_ending(service.as_ref())) {
        let spec = service.spec.clone().unwrap_or_default();
        let (Some(selector), Some(families)) = (&spec.selector, &spec.ip_families) else {
            continue;
        };
        let backing = |pod: &&Arc<Pod>| {
            pod.namespace() == service.namespace()
                && selector_matches(selector, pod)
                && !has_ended(pod)
        };
        let pods: Vec<&Pod> = snapshot.pods.iter().filter(backing).map(Arc::as_ref).collect();
        let uid = service.uid();
        for family in families {
            let wanted = slice(service, spec.ports.as_deref().unwrap_or_default(), family, &pods);
            let mine = |slice: &&Arc<EndpointSlice>| {
                controller_of(slice.as_ref()) == uid.as_deref() && slice.address_type == *family
            };
            match snapshot.endpoint_slices.iter().find(mine) {
                None => actions.push(Action::create(&wanted)),
                Some(slice)
                    if slice.endpoints != wanted.endpoints || slice.ports != wanted.ports =>
                {
                    let patch = json!({ "endpoints": wanted.endpoints, "ports": wanted.ports });
                    actions.push(Action::merge(slice.as_ref(), patch));
                }
                Some(_) => {}
            }
        }
    }
    actions
}

fn slice(service: &Service, ports: &[ServicePort], family: &str, pods: &[&Pod]) -> EndpointSlice {
    let labels = [
        ("kubernetes.io/service-name", service.name_any()),
        ("endpointslice.kubernetes.io/managed-by", KEEPER.to_owned()),
    ];
    let labels = labels.map(|(key, value)| (key.to_owned(), value)).into();
    let publish = service.spec.as_ref().and_then(|spec| spec.publish_not_ready_addresses);
    let mut endpoints: Vec<Endpoint> =
        pods.iter().filter_map(|pod| endpoint(pod, family, publish == Some(true))).collect();
    endpoints.sort_by(|a, b| a.addresses.cmp(&b.addresses));
    EndpointSlice {
        metadata: ObjectMeta {
            labels: Some(labels),
            ..owned_meta(service, random_name(&service.name_any()))
        },
        address_type: family.to_owned(),
        endpoints: Some(endpoints),
        ports: Some(ports.iter().filter_map(|port| endpoint_port(port, pods)).collect()),
    }
}

fn endpoint(pod: &Pod, family: &str, publish: bool) -> Option<Endpoint> {
    let status = pod.status.as_ref()?;
    let address = status.pod_ips.iter().flatten().find_map(|one| {
        let ip: IpAddr = one.ip.parse().ok()?;
        (ip.is_ipv6() == (family == "IPv6")).then(|| ip.to_string())
    })?;
    let serving = is_ready(pod);
    let terminating = is_ending(pod);
    Some(Endpoint {
        addresses: vec![address],
        conditions: Some(EndpointConditions {
            ready: Some(publish || (serving && !terminating)),
            serving: Some(serving),
            terminating: Some(terminating),
        }),
        node_name: pod.spec.as_ref()?.node_name.clone(),
        target_ref: Some(k8s_openapi::api::core::v1::ObjectReference {
            kind: Some("Pod".into()),
            namespace: pod.namespace(),
            name: Some(pod.name_any()),
            uid: pod.uid(),
            ..Default::default()
        }),
        hostname: pod.spec.as_ref()?.hostname.clone(),
        ..Endpoint::default()
    })
}

/// A named target port means what the pods call so; Kubernetes makes a slice per meaning, the lab
/// takes the first pod's.
fn endpoint_port(port: &ServicePort, pods: &[&Pod]) -> Option<EndpointPort> {
    let number = match &port.target_port {
        None => port.port,
        Some(IntOrString::Int(number)) => *number,
        Some(IntOrString::String(name)) => pods.iter().find_map(|pod| named_port(pod, name))?,
    };
    Some(EndpointPort {
        name: Some(port.name.clone().unwrap_or_default()),
        port: Some(number),
        protocol: Some(port.protocol.clone().unwrap_or_else(|| "TCP".into())),
        app_protocol: port.app_protocol.clone(),
    })
}

fn named_port(pod: &Pod, name: &str) -> Option<i32> {
    let containers: &[Container] = &pod.spec.as_ref()?.containers;
    let mut ports = containers.iter().flat_map(|container| container.ports.iter().flatten());
    ports.find(|port| port.name.as_deref() == Some(name)).map(|port| port.container_port)
}
