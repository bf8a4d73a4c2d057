//! Services (core/v1).

use std::{net::IpAddr, num::NonZeroU16, sync::Arc};

use ipnet::IpNet;

use super::affinity::Affinity;
use crate::{
    model::Addresses,
    service::{ObjectName, Protocol},
};

/// A service, as far as its traffic is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: ObjectName,
    /// When it was created, in seconds since 1970: of two that claim the same, the older has it.
    pub created: i64,
    /// `spec.type`.
    pub kind: ServiceKind,
    /// `spec.clusterIPs`; none if it is headless. They also say which families it has.
    pub cluster_ips: Addresses,
    /// `spec.externalIPs`.
    pub external_ips: Vec<IpAddr>,
    /// `status.loadBalancer.ingress`, but for those with `ipMode: Proxy` (KEP-1860): their traffic comes
    /// to node ports, and clients in the cluster must pass through the load balancer.
    pub load_balancer_ips: Vec<IpAddr>,
    /// `spec.ports`.
    pub ports: Vec<ServicePort>,
    /// `spec.sessionAffinity`.
    pub affinity: Option<Affinity>,
    /// `spec.internalTrafficPolicy` (KEP-2086).
    pub internal: TrafficPolicy,
    /// `spec.externalTrafficPolicy`.
    pub external: TrafficPolicy,
    /// `spec.loadBalancerSourceRanges`; `None` if there are none, which admits everybody.
    pub source_ranges: Option<Arc<[IpNet]>>,
    /// `spec.publishNotReadyAddresses`: whatever slices say, endpoints are ready.
    pub publish_not_ready: bool,
    /// `spec.healthCheckNodePort`.
    pub health_check_port: Option<NonZeroU16>,
    /// `spec.trafficDistribution` (KEP-4444, KEP-3015). Whoever writes slices turns it into hints, and
    /// only hints count here, as in kube-proxy; this is kept to explain.
    pub distribution: Option<TrafficDistribution>,
}

impl Service {
    /// Tells whether the service has no frontends: traffic finds it by DNS only.
    pub fn is_dns_only(&self) -> bool {
        match self.kind {
            ServiceKind::ExternalName => true,
            ServiceKind::HostPort | ServiceKind::LocalRedirect => false,
            _ => self.cluster_ips == Addresses::default(),
        }
    }

    /// Tells whether nodes listen for the service on ports of theirs.
    pub fn has_node_ports(&self) -> bool {
        matches!(self.kind, ServiceKind::NodePort | ServiceKind::LoadBalancer)
    }

    /// Returns the port that tells load balancers whether this node has ready backends: only services
    /// that are `LoadBalancer` and `externalTrafficPolicy: Local` have one.
    pub fn served_health_check(&self) -> Option<NonZeroU16> {
        let needed =
            self.kind == ServiceKind::LoadBalancer && self.external == TrafficPolicy::Local;
        self.health_check_port.filter(|_| needed && !self.is_dns_only())
    }
}

/// The types of services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ServiceKind {
    /// Reached inside the cluster.
    ClusterIp,
    /// Also on a port of every node.
    NodePort,
    /// Also at addresses that a load balancer gives it.
    LoadBalancer,
    /// Another name in DNS.
    ExternalName,
    /// Not a service, but the host ports of a pod of this node.
    HostPort,
    /// Not a service, but a policy that leads traffic to pods of this node.
    LocalRedirect,
}

/// A port of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePort {
    /// Its name, which slices repeat; empty if it has none.
    pub name: Arc<str>,
    /// Its protocol.
    pub protocol: Protocol,
    /// Its number at the service's addresses.
    pub port: NonZeroU16,
    /// Its number at the nodes' addresses.
    pub node_port: Option<NonZeroU16>,
}

/// Which endpoints are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TrafficPolicy {
    /// Those of the whole cluster.
    #[default]
    Cluster,
    /// Those on the node where the traffic arrives, or none.
    Local,
}

/// Which endpoints a service would like to be used. `PreferClose` is the old name of `PreferSameZone`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TrafficDistribution {
    /// Those of the client's zone.
    PreferSameZone,
    /// Those of the client's node, then those of its zone.
    PreferSameNode,
}
