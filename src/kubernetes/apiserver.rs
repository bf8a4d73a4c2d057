//! Where the Kubernetes API server is.

use std::{collections::BTreeSet, net::IpAddr};

use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::{ResourceExt, runtime::watcher};
use serde::{Deserialize, Serialize};

use super::{Malformed, Watched};

/// Some addresses of the API server: a slice of the service `kubernetes` of the namespace `default`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiServerSlice {
    /// Name of the object.
    pub name: String,
    /// The addresses.
    pub addresses: BTreeSet<IpAddr>,
}

impl ApiServerSlice {
    /// Namespace of the slices.
    pub const NAMESPACE: &'static str = "default";

    /// Returns what to watch: the slices of one service.
    pub fn config() -> watcher::Config {
        watcher::Config::default().labels("kubernetes.io/service-name=kubernetes")
    }
}

impl Watched for ApiServerSlice {
    type Object = EndpointSlice;
    const NOUN: &'static str = "endpoint slices of the API server";

    fn from_object(slice: &EndpointSlice) -> Result<Self, Malformed> {
        let endpoints = slice.endpoints.as_deref().unwrap_or_default();
        let texts = endpoints.iter().flat_map(|endpoint| &endpoint.addresses);
        // Nobody is elsewhere under these addresses.
        let is_somewhere = |address: &IpAddr| {
            !address.is_loopback() && !address.is_unspecified() && !address.is_multicast()
        };
        let addresses = texts.filter_map(|text| text.parse().ok()).filter(is_somewhere).collect();
        Ok(Self { name: slice.name_any(), addresses })
    }

    fn key(&self) -> String {
        self.name.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_those_of_nobody_left_out() {
        let slice = serde_json::json!({
            "metadata": { "name": "kubernetes" }, "addressType": "IPv4",
            "endpoints": [
                { "addresses": ["192.0.2.1", "127.0.0.1"] },
                { "addresses": ["2001:db8::1", "0.0.0.0", "x"], "conditions": { "ready": false } },
            ],
        });
        let slice: EndpointSlice = serde_json::from_value(slice).unwrap();
        let read = ApiServerSlice::from_object(&slice).unwrap();
        let wanted = ["192.0.2.1", "2001:db8::1"].map(|text| text.parse().unwrap());
        assert_eq!(read.addresses, BTreeSet::from(wanted));
    }
}
