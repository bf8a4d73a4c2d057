//! EndpointSlices: what is behind services.

use std::{net::IpAddr, sync::Arc};

use k8s_openapi::api::discovery::v1 as discovery;
use kube::{ResourceExt, runtime::watcher};

use super::{
    Malformed, Watched,
    service::{name, number, protocol},
};
use crate::{
    model::Family,
    service::input::{Conditions, Endpoint, EndpointSlice, Hints, SlicePort},
};

/// Label with the name of the service.
const SERVICE: &str = "kubernetes.io/service-name";

impl EndpointSlice {
    /// Returns what to watch: slices of services.
    pub fn config() -> watcher::Config {
        watcher::Config::default().labels(SERVICE)
    }
}

impl Watched for EndpointSlice {
    type Object = discovery::EndpointSlice;
    const NOUN: &'static str = "endpoint slices of services";

    fn from_object(slice: &discovery::EndpointSlice) -> Result<Self, Malformed> {
        let name = name(slice);
        let family = match slice.address_type.as_str() {
            "IPv4" => Family::V4,
            "IPv6" => Family::V6,
            _ => return Err(Malformed::AddressType(name.to_string(), slice.address_type.clone())),
        };
        let ports = slice.ports.as_deref().unwrap_or_default();
        Ok(Self {
            service: slice.labels().get(SERVICE).map(String::as_str).unwrap_or_default().into(),
            name,
            family,
            ports: ports.iter().filter_map(port).collect(),
            endpoints: slice.endpoints.iter().flatten().filter_map(endpoint).collect(),
        })
    }

    fn key(&self) -> String {
        self.name.to_string()
    }
}

fn port(port: &discovery::EndpointPort) -> Option<SlicePort> {
    Some(SlicePort {
        name: port.name.as_deref().unwrap_or_default().into(),
        protocol: protocol(port.protocol.as_deref())?,
        port: number(port.port?)?,
    })
}

/// An endpoint whose first address cannot be read is nobody.
fn endpoint(endpoint: &discovery::Endpoint) -> Option<Endpoint> {
    let mut addresses = endpoint.addresses.iter().map(|text| text.parse::<IpAddr>());
    let address = addresses.next()?.ok()?;
    let conditions = endpoint.conditions.as_ref();
    let said =
        |field: fn(&discovery::EndpointConditions) -> Option<bool>| conditions.and_then(field);
    Some(Endpoint {
        address,
        others: addresses.filter_map(Result::ok).collect(),
        conditions: Conditions::from_api(
            said(|c| c.ready),
            said(|c| c.serving),
            said(|c| c.terminating),
        ),
        node: endpoint.node_name.as_deref().map(Arc::from),
        zone: endpoint.zone.as_deref().map(Arc::from),
        hints: endpoint.hints.as_ref().and_then(hints),
    })
}

fn hints(hints: &discovery::EndpointHints) -> Option<Box<Hints>> {
    let zones = hints.for_zones.iter().flatten().map(|zone| Arc::from(&*zone.name)).collect();
    let nodes = hints.for_nodes.iter().flatten().map(|node| Arc::from(&*node.name)).collect();
    let hints = Hints { zones, nodes };
    (hints != Hints::default()).then(|| Box::new(hints))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(mut object: Value) -> Result<EndpointSlice, Malformed> {
        object["metadata"] = json!({
            "name": "web-x", "namespace": "shop", "labels": { SERVICE: "web" },
        });
        EndpointSlice::from_object(&serde_json::from_value(object).expect("a slice"))
    }

    #[test]
    fn all_fields_are_read() {
        let slice = read(json!({
            "addressType": "IPv4",
            "ports": [{ "name": "http", "port": 8080 }, { "name": "none" }],
            "endpoints": [
                {
                    "addresses": ["10.0.0.1", "10.0.0.2"], "nodeName": "n1", "zone": "z1",
                    "conditions": { "ready": false, "serving": true, "terminating": true },
                    "hints": { "forZones": [{ "name": "z2" }] },
                },
                { "addresses": ["nonsense"] },
                { "addresses": ["10.0.0.3"], "hints": {} },
            ],
        }))
        .expect("a slice of addresses");
        assert_eq!(slice.owner().to_string(), "shop/web");
        assert_eq!(slice.ports.len(), 1, "a port without a number means nothing");
        let [one, other] = &slice.endpoints[..] else { panic!("two can be read") };
        assert!(one.conditions.is_last_resort() && one.is_on("n1"));
        assert_eq!((one.zone.as_deref(), one.others.len()), (Some("z1"), 1));
        assert_eq!(one.hints.as_ref().map(|hints| hints.zones.len()), Some(1));
        assert!(other.conditions.ready && other.hints.is_none());
    }

    #[test]
    fn slices_of_names_are_nothing_for_us() {
        let refused = read(json!({ "addressType": "FQDN", "endpoints": [] }));
        assert!(matches!(refused, Err(Malformed::AddressType(..))));
    }
}
