//! Endpoints: the older form of EndpointSlices, kept for those who still read it.

use std::sync::Arc;

use k8s_openapi::{
    api::core::v1::{EndpointAddress, EndpointPort, EndpointSubset, Endpoints, Pod, Service},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::ResourceExt;
use serde_json::json;

use super::{
    endpointslice::{address, pods_of, reference, resolve},
    owned::is_ready,
    snapshot::{Snapshot, is_ending},
};
use crate::lab::cluster::Action;

pub(super) fn plan(snapshot: &Snapshot) -> Vec<Action> {
    let mut actions = Vec::new();
    for service in snapshot.services.iter().filter(|service| !is_ending(service.as_ref())) {
        let Some(pods) = pods_of(service, snapshot) else { continue };
        let wanted = subsets(service, &pods);
        let same = |one: &&Arc<Endpoints>| {
            one.namespace() == service.namespace() && one.name_any() == service.name_any()
        };
        match snapshot.endpoints.iter().find(same) {
            None => actions.push(Action::create(&create(service, wanted))),
            Some(one) if one.subsets.clone().unwrap_or_default() != wanted => {
                actions.push(Action::merge(one.as_ref(), json!({ "subsets": wanted })));
            }
            Some(_) => {}
        }
    }
    // Those whose service has gone; others are their makers' own.
    let left = snapshot.endpoints.iter().filter(|one| {
        one.labels().get(KEEPER_LABEL).is_some_and(|keeper| keeper == KEEPER)
            && !is_ending(one.as_ref())
            && !snapshot.services.iter().any(|service| {
                one.namespace() == service.namespace() && one.name_any() == service.name_any()
            })
    });
    actions.extend(left.map(|one| Action::delete(one.as_ref())));
    actions
}

/// Label that says who keeps an object.
const KEEPER_LABEL: &str = "endpoints.kubernetes.io/managed-by";
/// Who keeps these.
const KEEPER: &str = "endpoint-controller";

fn create(service: &Service, subsets: Vec<EndpointSubset>) -> Endpoints {
    let mut labels = service.labels().clone();
    labels.insert(KEEPER_LABEL.to_owned(), KEEPER.to_owned());
    Endpoints {
        metadata: ObjectMeta {
            name: service.metadata.name.clone(),
            namespace: service.namespace(),
            labels: Some(labels),
            ..ObjectMeta::default()
        },
        subsets: Some(subsets),
    }
}

/// Addresses of the service's first family, by what its ports mean.
fn subsets(service: &Service, pods: &[&Pod]) -> Vec<EndpointSubset> {
    let spec = service.spec.clone().unwrap_or_default();
    let v6 = spec.ip_families.iter().flatten().next().is_some_and(|family| family == "IPv6");
    let publish = spec.publish_not_ready_addresses == Some(true);
    let mut subsets: Vec<EndpointSubset> = Vec::new();
    for pod in pods.iter().filter(|pod| !is_ending(**pod)) {
        let Some(ip) = address(pod, v6) else { continue };
        let ports: Vec<EndpointPort> = resolve(spec.ports.as_deref().unwrap_or_default(), pod)
            .into_iter()
            .map(|port| EndpointPort {
                name: port.name.filter(|name| !name.is_empty()),
                port: port.port.unwrap_or_default(),
                protocol: port.protocol,
                app_protocol: port.app_protocol,
            })
            .collect();
        let own = pod.spec.as_ref();
        let named = own.and_then(|spec| spec.subdomain.clone()) == service.metadata.name;
        let address = EndpointAddress {
            ip,
            hostname: own.and_then(|spec| spec.hostname.clone()).filter(|_| named),
            node_name: own.and_then(|spec| spec.node_name.clone()),
            target_ref: Some(reference(pod)),
        };
        let at = subsets.iter().position(|one| one.ports.as_ref() == Some(&ports));
        let at = at.unwrap_or_else(|| {
            subsets.push(EndpointSubset { ports: Some(ports), ..EndpointSubset::default() });
            subsets.len() - 1
        });
        let subset = &mut subsets[at];
        let ready = publish || is_ready(pod);
        let list = if ready { &mut subset.addresses } else { &mut subset.not_ready_addresses };
        list.get_or_insert_default().push(address);
    }
    for subset in &mut subsets {
        for list in [&mut subset.addresses, &mut subset.not_ready_addresses].into_iter().flatten() {
            list.sort_by(|a, b| a.ip.cmp(&b.ip));
        }
    }
    subsets
}

#[cfg(test)]
mod tests {
    use serde_json::from_value;

    use super::*;

    #[test]
    fn addresses_are_sorted_by_readiness() {
        let service: Service = from_value(json!({
            "metadata": { "name": "web", "namespace": "x" },
            "spec": { "selector": { "app": "a" }, "ipFamilies": ["IPv6", "IPv4"], "ports": [{ "port": 80 }] },
        }))
        .unwrap();
        let pod = |last: u8, ready: &str| -> Pod {
            from_value(json!({
                "metadata": { "name": format!("p{last}") },
                "spec": { "containers": [] },
                "status": { "podIPs": [{ "ip": format!("10.0.0.{last}") }, { "ip": format!("fd00::{last}") }],
                    "conditions": [{ "type": "Ready", "status": ready }] },
            }))
            .unwrap()
        };
        let pods = [pod(2, "True"), pod(1, "True"), pod(3, "False")];
        let subsets = subsets(&service, &pods.iter().collect::<Vec<_>>());
        let ips = |list: &Option<Vec<EndpointAddress>>| {
            list.iter().flatten().map(|one| one.ip.clone()).collect::<Vec<_>>()
        };
        assert_eq!(subsets.len(), 1);
        assert_eq!(ips(&subsets[0].addresses), ["fd00::1", "fd00::2"]);
        assert_eq!(ips(&subsets[0].not_ready_addresses), ["fd00::3"]);
        assert_eq!(subsets[0].ports.as_ref().unwrap()[0].port, 80);
    }
}
