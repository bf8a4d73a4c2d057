//! Services and what is behind them.

use std::{net::IpAddr, num::NonZeroU16, sync::Arc};

use ipnet::IpNet;
use k8s_openapi::api::core::v1 as core;
use kube::ResourceExt;

use super::{Malformed, Watched};
use crate::{
    model::Addresses,
    service::{
        ObjectName, Protocol,
        input::{Affinity, Service, ServiceKind, ServicePort, TrafficDistribution, TrafficPolicy},
    },
};

/// Value of `clusterIP` for "none".
const HEADLESS: &str = "None";

impl Watched for Service {
    type Object = core::Service;
    const NOUN: &'static str = "services";

    fn from_object(service: &core::Service) -> Result<Self, Malformed> {
        let empty = core::ServiceSpec::default();
        let spec = service.spec.as_ref().unwrap_or(&empty);
        let created = service.creation_timestamp();
        Ok(Self {
            name: name(service),
            created: created.map_or(0, |time| time.0.as_second()),
            kind: kind(spec),
            cluster_ips: cluster_ips(spec),
            external_ips: addresses(spec.external_ips.as_deref().unwrap_or_default()),
            load_balancer_ips: load_balancer_ips(service),
            ports: spec.ports.as_deref().unwrap_or_default().iter().filter_map(port).collect(),
            affinity: affinity(spec),
            internal: policy(spec.internal_traffic_policy.as_deref()),
            external: policy(spec.external_traffic_policy.as_deref()),
            source_ranges: source_ranges(spec),
            publish_not_ready: spec.publish_not_ready_addresses.unwrap_or(false),
            health_check_port: spec.health_check_node_port.and_then(number),
            distribution: distribution(spec.traffic_distribution.as_deref()),
        })
    }

    fn key(&self) -> String {
        self.name.to_string()
    }
}

/// Returns the name of a namespaced object.
pub(super) fn name(object: &impl ResourceExt) -> ObjectName {
    ObjectName::new(object.namespace().unwrap_or_default(), object.name_any())
}

/// Reads the number of a port.
pub(super) fn number(port: i32) -> Option<NonZeroU16> {
    NonZeroU16::new(u16::try_from(port).ok()?)
}

/// Reads a protocol; the API's default is TCP. Others, of future versions, are passed over.
pub(super) fn protocol(name: Option<&str>) -> Option<Protocol> {
    name.map_or(Some(Protocol::Tcp), Protocol::from_name)
}

fn kind(spec: &core::ServiceSpec) -> ServiceKind {
    match spec.type_.as_deref() {
        Some("NodePort") => ServiceKind::NodePort,
        Some("LoadBalancer") => ServiceKind::LoadBalancer,
        Some("ExternalName") => ServiceKind::ExternalName,
        _ => ServiceKind::ClusterIp,
    }
}

/// Old objects have `clusterIP` only.
fn cluster_ips(spec: &core::ServiceSpec) -> Addresses {
    let all = spec.cluster_ips.as_deref().unwrap_or_default();
    let texts = if all.is_empty() { spec.cluster_ip.as_slice() } else { all };
    let mut found = Addresses::default();
    for text in texts.iter().filter(|text| *text != HEADLESS) {
        match text.parse() {
            Ok(IpAddr::V4(v4)) => drop(found.v4.get_or_insert(v4)),
            Ok(IpAddr::V6(v6)) => drop(found.v6.get_or_insert(v6)),
            Err(_) => {}
        }
    }
    found
}

fn addresses(texts: &[String]) -> Vec<IpAddr> {
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}

/// Those with `ipMode: Proxy` are left out (KEP-1860).
fn load_balancer_ips(service: &core::Service) -> Vec<IpAddr> {
    let balancer = service.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    let ingress = balancer.and_then(|balancer| balancer.ingress.as_deref()).unwrap_or_default();
    let vips = ingress.iter().filter(|one| one.ip_mode.as_deref() != Some("Proxy"));
    vips.filter_map(|one| one.ip.as_ref()?.parse().ok()).collect()
}

fn port(port: &core::ServicePort) -> Option<ServicePort> {
    Some(ServicePort {
        name: port.name.as_deref().unwrap_or_default().into(),
        protocol: protocol(port.protocol.as_deref())?,
        port: number(port.port)?,
        node_port: port.node_port.and_then(number),
    })
}

fn affinity(spec: &core::ServiceSpec) -> Option<Affinity> {
    (spec.session_affinity.as_deref() == Some("ClientIP")).then_some(())?;
    let config = spec.session_affinity_config.as_ref().and_then(|config| config.client_ip.as_ref());
    let seconds = config.and_then(|config| config.timeout_seconds);
    let given = seconds.and_then(|seconds| Affinity::try_from(u32::try_from(seconds).ok()?).ok());
    Some(given.unwrap_or_default())
}

fn policy(name: Option<&str>) -> TrafficPolicy {
    match name {
        Some("Local") => TrafficPolicy::Local,
        _ => TrafficPolicy::Cluster,
    }
}

/// A range that cannot be read admits nobody, but the others still count; the API server refuses such
/// ranges.
fn source_ranges(spec: &core::ServiceSpec) -> Option<Arc<[IpNet]>> {
    let texts = spec.load_balancer_source_ranges.as_deref().filter(|texts| !texts.is_empty())?;
    let trimmed = texts.iter().map(|text| text.trim());
    Some(trimmed.filter_map(|text| text.parse().ok()).collect())
}

fn distribution(name: Option<&str>) -> Option<TrafficDistribution> {
    match name? {
        "PreferClose" | "PreferSameZone" => Some(TrafficDistribution::PreferSameZone),
        "PreferSameNode" => Some(TrafficDistribution::PreferSameNode),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(spec: Value, status: Value) -> Service {
        let object = json!({
            "metadata": {
                "name": "web", "namespace": "shop", "creationTimestamp": "2026-01-02T03:04:05Z",
            },
            "spec": spec, "status": status,
        });
        Service::from_object(&serde_json::from_value(object).expect("a service")).expect("read")
    }

    #[test]
    fn all_fields_are_read() {
        let service = read(
            json!({
                "type": "LoadBalancer",
                "clusterIP": "10.96.0.7", "clusterIPs": ["10.96.0.7", "fd00:96::7"],
                "externalIPs": ["203.0.113.9", "nonsense"],
                "ports": [
                    { "name": "http", "port": 80, "targetPort": "web", "nodePort": 30080 },
                    { "name": "dns", "port": 53, "protocol": "UDP" },
                    { "name": "later", "port": 54, "protocol": "QUIC" },
                ],
                "sessionAffinity": "ClientIP",
                "sessionAffinityConfig": { "clientIP": { "timeoutSeconds": 60 } },
                "internalTrafficPolicy": "Local", "externalTrafficPolicy": "Local",
                "loadBalancerSourceRanges": [" 198.51.100.0/24", "x"],
                "publishNotReadyAddresses": true, "healthCheckNodePort": 31000,
                "trafficDistribution": "PreferClose",
            }),
            json!({ "loadBalancer": { "ingress": [
                { "ip": "203.0.113.1" }, { "ip": "203.0.113.2", "ipMode": "Proxy" },
                { "hostname": "example.com" },
            ] } }),
        );
        assert_eq!(service.name, ObjectName::new("shop", "web"));
        assert_eq!(service.key(), "shop/web");
        assert_eq!(service.created, 1_767_323_045);
        assert_eq!(service.kind, ServiceKind::LoadBalancer);
        assert_eq!(service.cluster_ips.iter().count(), 2);
        assert_eq!(service.external_ips, addresses(&["203.0.113.9".into()]));
        assert_eq!(service.load_balancer_ips, addresses(&["203.0.113.1".into()]));
        let ports: Vec<_> = service.ports.iter().map(|p| (&*p.name, p.protocol)).collect();
        assert_eq!(ports, [("http", Protocol::Tcp), ("dns", Protocol::Udp)]);
        assert_eq!(service.ports[0].node_port, NonZeroU16::new(30_080));
        assert_eq!(service.affinity.map(Affinity::seconds), Some(60));
        assert_eq!(
            (service.internal, service.external),
            (TrafficPolicy::Local, TrafficPolicy::Local)
        );
        assert_eq!(service.source_ranges.as_deref().map(<[IpNet]>::len), Some(1));
        assert!(service.publish_not_ready);
        assert_eq!(service.health_check_port, NonZeroU16::new(31_000));
        assert_eq!(service.distribution, Some(TrafficDistribution::PreferSameZone));
    }

    #[test]
    fn what_is_not_said_has_the_defaults_of_the_api() {
        let service = read(json!({ "clusterIP": "None" }), json!({}));
        assert!(service.is_dns_only());
        assert_eq!(service.kind, ServiceKind::ClusterIp);
        assert_eq!((service.affinity, service.source_ranges), (None, None));
        let old =
            read(json!({ "clusterIP": "10.96.0.8", "sessionAffinity": "ClientIP" }), json!({}));
        assert_eq!(old.cluster_ips.v4, "10.96.0.8".parse().ok());
        assert_eq!(old.affinity.map(Affinity::seconds), Some(10_800));
    }
}
