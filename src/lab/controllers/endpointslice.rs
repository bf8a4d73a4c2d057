//! EndpointSlices: the pods behind each service.
//!
//! One slice per family, per meaning of the service's named ports, and per hundred pods. Names
//! follow from these, so that no slice is made twice.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use k8s_openapi::{
    api::{
        core::v1::{Container, ObjectReference, Pod, Service, ServicePort},
        discovery::v1::{
            Endpoint, EndpointConditions, EndpointHints, EndpointPort, EndpointSlice, ForNode,
            ForZone,
        },
    },
    apimachinery::pkg::{apis::meta::v1::ObjectMeta, util::intstr::IntOrString},
};
use kube::ResourceExt;
use serde_json::json;

use super::{
    matching::selector_matches,
    owned::{controller_of, has_ended, hash_of, is_ready, owned_meta},
    snapshot::{Snapshot, is_ending},
};
use crate::lab::cluster::Action;

/// Who keeps the slices.
const KEEPER: &str = "endpointslice-controller.k8s.io";
/// Endpoints of one slice.
const LARGEST: usize = 100;
/// Label of nodes that says in which zone they are.
const ZONE: &str = "topology.kubernetes.io/zone";

pub(super) fn plan(snapshot: &Snapshot) -> Vec<Action> {
    let zones: BTreeMap<String, String> = snapshot
        .nodes
        .iter()
        .filter_map(|node| Some((node.name_any(), node.labels().get(ZONE)?.clone())))
        .collect();
    let mut actions = Vec::new();
    for service in snapshot.services.iter().filter(|service| !is_ending(service.as_ref())) {
        let uid = service.uid();
        let mine: Vec<&EndpointSlice> = snapshot
            .endpoint_slices
            .iter()
            .map(Arc::as_ref)
            .filter(|slice| {
                controller_of(*slice) == uid.as_deref() && keeper(slice) == Some(KEEPER)
            })
            .collect();
        let wanted = slices(service, &pods_of(service, snapshot), &zones);
        for slice in &wanted {
            match mine.iter().find(|one| one.name_any() == slice.name_any()) {
                None => actions.push(Action::create(slice)),
                Some(one) if !is_same(one, slice) => {
                    let patch = json!({
                        "metadata": { "labels": slice.metadata.labels },
                        "endpoints": slice.endpoints,
                        "ports": slice.ports,
                    });
                    actions.push(Action::merge(*one, patch));
                }
                Some(_) => {}
            }
        }
        let stale = mine.into_iter().filter(|one| {
            !is_ending(*one) && wanted.iter().all(|slice| slice.name_any() != one.name_any())
        });
        actions.extend(stale.map(Action::delete));
    }
    actions
}

fn keeper(slice: &EndpointSlice) -> Option<&str> {
    slice.labels().get("endpointslice.kubernetes.io/managed-by").map(String::as_str)
}

fn is_same(one: &EndpointSlice, other: &EndpointSlice) -> bool {
    // An empty list and none are written alike.
    let list = |slice: &EndpointSlice| slice.endpoints.clone().unwrap_or_default();
    let ports = |slice: &EndpointSlice| slice.ports.clone().unwrap_or_default();
    list(one) == list(other) && ports(one) == ports(other) && one.labels() == other.labels()
}

/// Returns the pods that a service selects; none when it selects by other means.
pub(super) fn pods_of<'a>(service: &Service, snapshot: &'a Snapshot) -> Option<Vec<&'a Pod>> {
    let selector = service.spec.as_ref()?.selector.as_ref().filter(|one| !one.is_empty())?;
    let backing = |pod: &&Arc<Pod>| {
        pod.namespace() == service.namespace() && selector_matches(selector, pod) && !has_ended(pod)
    };
    let mut pods: Vec<&Pod> = snapshot.pods.iter().filter(backing).map(Arc::as_ref).collect();
    pods.sort_by_key(|pod| pod.name_any());
    Some(pods)
}

fn slices(
    service: &Service,
    pods: &Option<Vec<&Pod>>,
    zones: &BTreeMap<String, String>,
) -> Vec<EndpointSlice> {
    let spec = service.spec.clone().unwrap_or_default();
    let (Some(pods), Some(families)) = (pods, &spec.ip_families) else { return vec![] };
    let ports = spec.ports.as_deref().unwrap_or_default();
    let publish = spec.publish_not_ready_addresses == Some(true);
    let mut all = Vec::new();
    for family in families {
        // Pods may mean different numbers by one name.
        let mut groups: Vec<(Vec<EndpointPort>, Vec<Endpoint>)> = Vec::new();
        for pod in pods {
            let Some(endpoint) = endpoint(pod, family, publish, service, zones) else { continue };
            let own = resolve(ports, pod);
            match groups.iter_mut().find(|(ports, _)| *ports == own) {
                Some((_, endpoints)) => endpoints.push(endpoint),
                None => groups.push((own, vec![endpoint])),
            }
        }
        if groups.is_empty() {
            // An empty slice says that there is nobody, as nothing at all would not.
            groups.push((resolve_numbers(ports), vec![]));
        }
        if let Some(near) = spec.traffic_distribution.as_deref() {
            hint(&mut groups, near);
        }
        for (ports, mut endpoints) in groups {
            endpoints.sort_by(|a, b| a.addresses.cmp(&b.addresses));
            let chunks: Vec<&[Endpoint]> =
                if endpoints.is_empty() { vec![&[]] } else { endpoints.chunks(LARGEST).collect() };
            for (number, chunk) in chunks.into_iter().enumerate() {
                all.push(slice(service, family, &ports, chunk, number));
            }
        }
    }
    all
}

/// Says for whom endpoints are meant: whoever is where they are. One that takes connections and is in no
/// zone leaves all without hints, as with the controller of Kubernetes.
fn hint(groups: &mut [(Vec<EndpointPort>, Vec<Endpoint>)], near: &str) {
    let is_ready = |one: &Endpoint| one.conditions.as_ref().and_then(|one| one.ready) == Some(true);
    let all = || groups.iter().flat_map(|(_, endpoints)| endpoints);
    if !all().filter(|one| is_ready(one)).all(|one| one.zone.is_some()) {
        return;
    }
    let of_node = near == "PreferSameNode";
    let endpoints = groups.iter_mut().flat_map(|(_, endpoints)| endpoints);
    for one in endpoints.filter(|one| is_ready(one)) {
        let zones = one.zone.clone().map(|name| vec![ForZone { name }]);
        let nodes = one.node_name.clone().filter(|_| of_node).map(|name| vec![ForNode { name }]);
        one.hints = Some(EndpointHints { for_nodes: nodes, for_zones: zones });
    }
}

fn slice(
    service: &Service,
    family: &str,
    ports: &[EndpointPort],
    endpoints: &[Endpoint],
    number: usize,
) -> EndpointSlice {
    let mut labels = service.labels().clone();
    labels.insert("kubernetes.io/service-name".to_owned(), service.name_any());
    labels.insert("endpointslice.kubernetes.io/managed-by".to_owned(), KEEPER.to_owned());
    let headless =
        service.spec.as_ref().and_then(|spec| spec.cluster_ip.as_deref()) == Some("None");
    if headless {
        labels.insert("service.kubernetes.io/headless".to_owned(), String::new());
    }
    let hash = hash_of(&(service.uid(), family, ports, number));
    let name: String = service.name_any().chars().take(57).collect();
    EndpointSlice {
        metadata: ObjectMeta {
            labels: Some(labels),
            ..owned_meta(service, format!("{name}-{}", &hash[..5]))
        },
        address_type: family.to_owned(),
        endpoints: Some(endpoints.to_vec()),
        ports: Some(ports.to_vec()),
    }
}

fn endpoint(
    pod: &Pod,
    family: &str,
    publish: bool,
    service: &Service,
    zones: &BTreeMap<String, String>,
) -> Option<Endpoint> {
    let address = address(pod, family == "IPv6")?;
    let serving = is_ready(pod);
    let terminating = is_ending(pod);
    let spec = pod.spec.as_ref()?;
    let named = spec.subdomain.as_deref() == Some(service.name_any().as_str());
    Some(Endpoint {
        addresses: vec![address],
        conditions: Some(EndpointConditions {
            ready: Some(publish || (serving && !terminating)),
            serving: Some(serving),
            terminating: Some(terminating),
        }),
        node_name: spec.node_name.clone(),
        zone: spec.node_name.as_ref().and_then(|node| zones.get(node).cloned()),
        target_ref: Some(reference(pod)),
        // A pod has a name in the service's domain only when that is its own.
        hostname: spec.hostname.clone().filter(|_| named),
        ..Endpoint::default()
    })
}

/// Returns a pod's address of a family.
pub(super) fn address(pod: &Pod, v6: bool) -> Option<String> {
    let addresses = pod.status.as_ref()?.pod_ips.iter().flatten();
    let mut parsed = addresses.filter_map(|one| one.ip.parse::<IpAddr>().ok());
    parsed.find(|ip| ip.is_ipv6() == v6).map(|ip| ip.to_string())
}

/// Returns how others name a pod.
pub(super) fn reference(pod: &Pod) -> ObjectReference {
    ObjectReference {
        kind: Some("Pod".into()),
        namespace: pod.namespace(),
        name: Some(pod.name_any()),
        uid: pod.uid(),
        ..ObjectReference::default()
    }
}

/// Returns a service's ports as one pod has them; those that it does not have are left out.
pub(super) fn resolve(ports: &[ServicePort], pod: &Pod) -> Vec<EndpointPort> {
    let number = |port: &ServicePort| match &port.target_port {
        None => Some(port.port),
        Some(IntOrString::Int(0)) => Some(port.port),
        Some(IntOrString::Int(number)) => Some(*number),
        Some(IntOrString::String(name)) => named_port(pod, name, port.protocol.as_deref()),
    };
    ports.iter().filter_map(|port| Some(endpoint_port(port, number(port)?))).collect()
}

fn resolve_numbers(ports: &[ServicePort]) -> Vec<EndpointPort> {
    let number = |port: &ServicePort| match &port.target_port {
        Some(IntOrString::Int(number)) if *number > 0 => Some(*number),
        Some(IntOrString::String(_)) => None,
        _ => Some(port.port),
    };
    ports.iter().filter_map(|port| Some(endpoint_port(port, number(port)?))).collect()
}

fn endpoint_port(port: &ServicePort, number: i32) -> EndpointPort {
    EndpointPort {
        name: Some(port.name.clone().unwrap_or_default()),
        port: Some(number),
        protocol: Some(port.protocol.clone().unwrap_or_else(|| "TCP".into())),
        app_protocol: port.app_protocol.clone(),
    }
}

fn named_port(pod: &Pod, name: &str, protocol: Option<&str>) -> Option<i32> {
    let containers: &[Container] = &pod.spec.as_ref()?.containers;
    let mut ports = containers.iter().flat_map(|container| container.ports.iter().flatten());
    let same = |own: Option<&str>| own.unwrap_or("TCP") == protocol.unwrap_or("TCP");
    ports
        .find(|port| port.name.as_deref() == Some(name) && same(port.protocol.as_deref()))
        .map(|port| port.container_port)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value};

    use super::*;

    fn service(spec: Value) -> Service {
        let mut value = json!({
            "metadata": { "name": "web", "namespace": "x", "uid": "s" },
            "spec": { "selector": { "app": "a" }, "ipFamilies": ["IPv4", "IPv6"],
                "ports": [{ "port": 80, "targetPort": "http" }] },
        });
        json_patch::merge(&mut value["spec"], &spec);
        from_value(value).unwrap()
    }

    fn pod(name: &str, port: i32, ready: bool, more: Value) -> Arc<Pod> {
        let last = name.trim_start_matches('p');
        let mut value = json!({
            "metadata": { "name": name, "namespace": "x", "labels": { "app": "a" } },
            "spec": { "nodeName": "n", "containers": [
                { "name": "c", "ports": [{ "name": "http", "containerPort": port }] }] },
            "status": { "phase": "Running",
                "podIPs": [{ "ip": format!("10.0.0.{last}") }, { "ip": format!("fd00::{last}") }],
                "conditions": [{ "type": "Ready", "status": if ready { "True" } else { "False" } }] },
        });
        json_patch::merge(&mut value, &more);
        Arc::new(from_value(value).unwrap())
    }

    fn found(service: &Service, pods: Vec<Arc<Pod>>) -> Vec<EndpointSlice> {
        let snapshot = Snapshot { pods, ..Snapshot::default() };
        let zones = [("n".to_owned(), "z1".to_owned())].into();
        slices(service, &pods_of(service, &snapshot), &zones)
    }

    fn states(slice: &EndpointSlice) -> Vec<(String, [bool; 3])> {
        let show = |one: &Endpoint| {
            let all = one.conditions.as_ref().unwrap();
            let state = [all.ready, all.serving, all.terminating].map(|one| one.unwrap());
            (one.addresses[0].clone(), state)
        };
        slice.endpoints.iter().flatten().map(show).collect()
    }

    #[test]
    fn each_family_has_its_slice_with_zones() {
        let slices = found(&service(json!({})), vec![pod("p1", 80, true, json!({}))]);
        let [v4, v6] = slices.as_slice() else { panic!("{slices:?}") };
        assert_eq!((v4.address_type.as_str(), v6.address_type.as_str()), ("IPv4", "IPv6"));
        assert_eq!(states(v6)[0].0, "fd00::1");
        assert_eq!(v4.endpoints.as_ref().unwrap()[0].zone.as_deref(), Some("z1"));
    }

    #[test]
    fn endpoints_are_meant_for_whoever_is_near() {
        let pods = || vec![pod("p1", 80, true, json!({})), pod("p2", 80, false, json!({}))];
        for (near, zone, node) in
            [("PreferClose", Some("z1"), None), ("PreferSameNode", Some("z1"), Some("n"))]
        {
            let slices = found(&service(json!({ "trafficDistribution": near })), pods());
            let [one, other] = slices[0].endpoints.as_deref().unwrap() else { panic!("{near}") };
            let hints = one.hints.clone().unwrap();
            let zones =
                hints.for_zones.unwrap_or_default().into_iter().map(|zone| zone.name).next();
            let nodes =
                hints.for_nodes.unwrap_or_default().into_iter().map(|node| node.name).next();
            assert_eq!((zones.as_deref(), nodes.as_deref()), (zone, node), "{near}");
            assert_eq!(other.hints, None, "it is not ready");
        }
        let elsewhere = json!({ "spec": { "nodeName": "nowhere" } });
        let pods = vec![pod("p1", 80, true, json!({})), pod("p2", 80, true, elsewhere)];
        let slices = found(&service(json!({ "trafficDistribution": "PreferClose" })), pods);
        let mut endpoints = slices[0].endpoints.iter().flatten();
        assert!(endpoints.all(|one| one.hints.is_none()), "one is in no zone");
    }

    #[test]
    fn pods_on_their_way_out_serve_and_are_not_ready() {
        let going = json!({ "metadata": { "deletionTimestamp": "2026-01-01T00:00:00Z" } });
        let pods = || {
            vec![
                pod("p1", 80, true, json!({})),
                pod("p2", 80, true, going.clone()),
                pod("p3", 80, false, json!({})),
            ]
        };
        let of = |slices: Vec<EndpointSlice>| states(&slices[0]);
        let [a, b, c] = ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map(str::to_owned);
        assert_eq!(
            of(found(&service(json!({})), pods())),
            [
                (a.clone(), [true, true, false]),
                (b.clone(), [false, true, true]),
                (c.clone(), [false, false, false])
            ]
        );
        let publish = service(json!({ "publishNotReadyAddresses": true }));
        assert!(of(found(&publish, pods())).iter().all(|(_, [ready, ..])| *ready));
    }

    #[test]
    fn a_name_may_mean_several_numbers() {
        let pods = vec![
            pod("p1", 8080, true, json!({})),
            pod("p2", 9090, true, json!({})),
            pod("p3", 8080, true, json!({})),
        ];
        let slices = found(&service(json!({ "ipFamilies": ["IPv4"] })), pods);
        let numbers: Vec<_> = slices
            .iter()
            .map(|slice| (slice.ports.as_ref().unwrap()[0].port.unwrap(), states(slice).len()))
            .collect();
        assert_eq!(numbers, [(8080, 2), (9090, 1)]);
        assert_ne!(slices[0].name_any(), slices[1].name_any());
    }

    #[test]
    fn slices_are_filled_to_a_hundred_and_an_empty_one_stays() {
        let one = service(json!({ "ipFamilies": ["IPv4"] }));
        let pods = (1..=150).map(|n| pod(&format!("p{n}"), 80, true, json!({}))).collect();
        let sizes: Vec<_> = found(&one, pods).iter().map(|slice| states(slice).len()).collect();
        assert_eq!(sizes, [100, 50]);
        assert_eq!(found(&one, vec![]).len(), 1);
        assert!(found(&service(json!({ "selector": null })), vec![]).is_empty());
    }
}
