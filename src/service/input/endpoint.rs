//! EndpointSlices (discovery.k8s.io/v1).

use std::{net::IpAddr, num::NonZeroU16, sync::Arc};

use crate::{
    model::Family,
    service::{ObjectName, Protocol},
};

/// Some of the endpoints of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointSlice {
    /// Its name.
    pub name: ObjectName,
    /// The service, of the same namespace: label `kubernetes.io/service-name`.
    pub service: Arc<str>,
    /// `addressType`; slices of names (`FQDN`) are nothing for us.
    pub family: Family,
    /// The ports of all of its endpoints. Those without a number are left out: the API gives them no
    /// meaning for services, and kube-proxy skips them.
    pub ports: Vec<SlicePort>,
    /// The endpoints.
    pub endpoints: Vec<Endpoint>,
}

impl EndpointSlice {
    /// Returns the name of the service that the slice belongs to.
    pub fn owner(&self) -> ObjectName {
        ObjectName { namespace: Arc::clone(&self.name.namespace), name: Arc::clone(&self.service) }
    }
}

/// A port of a slice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlicePort {
    /// The name of the service's port that it is behind.
    pub name: Arc<str>,
    /// Its protocol.
    pub protocol: Protocol,
    /// Its number. Slices may differ in it, since pods may differ in what they call a target port.
    pub port: NonZeroU16,
}

/// One endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The first of its addresses, the only one that has a meaning (`addresses`).
    pub address: IpAddr,
    /// The others.
    pub others: Box<[IpAddr]>,
    /// How it is.
    pub conditions: Conditions,
    /// The node it is on.
    pub node: Option<Arc<str>>,
    /// The zone it is in.
    pub zone: Option<Arc<str>>,
    /// Whom it is meant for; most have none.
    pub hints: Option<Box<Hints>>,
}

impl Endpoint {
    /// Tells whether the endpoint is on a node.
    pub fn is_on(&self, node: &str) -> bool {
        self.node.as_deref() == Some(node)
    }
}

/// How an endpoint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Conditions {
    /// It takes new connections.
    pub ready: bool,
    /// It answers, even if it is about to end.
    pub serving: bool,
    /// It is about to end.
    pub terminating: bool,
}

impl Conditions {
    /// Reads `conditions` with the defaults of the API: ready and serving unless said otherwise, not
    /// terminating unless said so.
    pub fn from_api(ready: Option<bool>, serving: Option<bool>, terminating: Option<bool>) -> Self {
        Self {
            ready: ready.unwrap_or(true),
            serving: serving.unwrap_or(true),
            terminating: terminating.unwrap_or(false),
        }
    }

    /// Tells whether the endpoint may be used when no ready one is left (KEP-1669).
    pub fn is_last_resort(self) -> bool {
        self.serving && self.terminating
    }
}

impl Default for Conditions {
    fn default() -> Self {
        Self::from_api(None, None, None)
    }
}

/// Whom an endpoint is meant for (KEP-2433, KEP-4444, KEP-3015).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// `forZones`.
    pub zones: Vec<Arc<str>>,
    /// `forNodes`.
    pub nodes: Vec<Arc<str>>,
}
