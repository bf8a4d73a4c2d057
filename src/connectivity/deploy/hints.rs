//! Reads the hints that the cluster made.

use std::collections::BTreeMap;

use futures::future::join_all;
use k8s_openapi::api::{core::v1::Node, discovery::v1::EndpointSlice};
use kube::{Api, Client, ResourceExt, api::ListParams};
use tokio::time::{Duration, Instant, sleep};

use crate::{
    connectivity::{
        hints::{Hint, Hints},
        services::Purpose,
    },
    model::Family,
};

/// Label of nodes that says in which zone they are.
const ZONE: &str = "topology.kubernetes.io/zone";
/// How long slices may take until they have every server.
const COMPLETE_WITHIN: Duration = Duration::from_secs(10);
/// Pause before slices are read again.
const PAUSE: Duration = Duration::from_millis(50);

/// Returns for whom the endpoints of the services are meant that are to be kept near; each service stands
/// for so many servers.
pub(in crate::connectivity) async fn hints(
    client: &Client,
    namespace: &str,
    families: &[Family],
    servers: usize,
) -> Hints {
    let nodes = Api::<Node>::all(client.clone()).list_metadata(&ListParams::default()).await;
    let nodes = nodes.map(|nodes| nodes.items).unwrap_or_default();
    let zones =
        nodes.iter().filter_map(|node| Some((node.name_any(), node.labels().get(ZONE)?.clone())));
    let slices = Api::<EndpointSlice>::namespaced(client.clone(), namespace);
    let both = [Purpose::SameZone, Purpose::SameNode];
    let wanted =
        both.into_iter().flat_map(|purpose| families.iter().map(move |family| (purpose, *family)));
    let read = wanted.map(|wanted| {
        let slices = &slices;
        async move { (wanted, endpoints(slices, wanted, servers).await) }
    });
    let endpoints: BTreeMap<_, _> = join_all(read).await.into_iter().collect();
    Hints { zones: zones.collect(), endpoints }
}

async fn endpoints(
    api: &Api<EndpointSlice>,
    (purpose, family): (Purpose, Family),
    servers: usize,
) -> Result<Vec<Hint>, String> {
    let service = purpose.service();
    let selector = ListParams::default().labels(&format!("kubernetes.io/service-name={service}"));
    let end = Instant::now() + COMPLETE_WITHIN;
    loop {
        let slices = api.list(&selector).await.map(|slices| slices.items);
        let found = read(&slices.unwrap_or_default(), family);
        if found.len() == servers {
            let has_none = |one: &Hint| one.nodes.is_empty() && one.zones.is_empty();
            return match found.iter().any(has_none) {
                true => Err(format!("the cluster makes no hints for the service {service}")),
                false => Ok(found),
            };
        }
        if Instant::now() >= end {
            let count = found.len();
            return Err(format!(
                "the service {service} has {count} endpoints for {servers} servers"
            ));
        }
        sleep(PAUSE).await;
    }
}

fn read(slices: &[EndpointSlice], family: Family) -> Vec<Hint> {
    let kind = match family {
        Family::V4 => "IPv4",
        Family::V6 => "IPv6",
    };
    let of_family = slices.iter().filter(|slice| slice.address_type == kind);
    let endpoints = of_family.flat_map(|slice| slice.endpoints.iter().flatten());
    let hint = |endpoint: &k8s_openapi::api::discovery::v1::Endpoint| {
        let hints = endpoint.hints.clone().unwrap_or_default();
        let nodes = hints.for_nodes.unwrap_or_default().into_iter().map(|node| node.name);
        let zones = hints.for_zones.unwrap_or_default().into_iter().map(|zone| zone.name);
        Hint {
            server: endpoint
                .target_ref
                .as_ref()
                .and_then(|pod| pod.name.clone())
                .unwrap_or_default(),
            nodes: nodes.collect(),
            zones: zones.collect(),
        }
    };
    endpoints.map(hint).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn hints_are_read_by_family() {
        let slice = |kind: &str, name: &str| {
            serde_json::from_value::<EndpointSlice>(json!({
                "metadata": {},
                "addressType": kind,
                "endpoints": [{
                    "addresses": ["10.0.0.1"],
                    "targetRef": { "kind": "Pod", "name": name },
                    "hints": { "forZones": [{ "name": "a" }], "forNodes": [{ "name": "n1" }] },
                }],
            }))
            .unwrap()
        };
        let found = read(&[slice("IPv4", "s1"), slice("IPv6", "s2")], Family::V6);
        let expected =
            Hint { server: "s2".into(), nodes: vec!["n1".into()], zones: vec!["a".into()] };
        assert_eq!(found, [expected]);
    }
}
