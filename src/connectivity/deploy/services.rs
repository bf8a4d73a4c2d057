//! The test's services, in the same namespace as its pods: they go with it.

use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Service as Object;
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::time::{Duration, Instant, sleep};

use super::{DeployError, code, create, manifest::label, message};
use crate::connectivity::{
    churn::BACKS,
    deploy::Role,
    serve,
    services::{Purpose, Service, Services},
};

/// The port of every service: not the port of those it stands for.
pub(in crate::connectivity) const SERVICE_PORT: u16 = 80;

/// How long a service may take to get its addresses and ports: some API servers give them out later.
const COMPLETE_WITHIN: Duration = Duration::from_secs(10);

/// Makes every service. What the cluster does not admit (a quota, a rule of its own) is told.
pub(in crate::connectivity) async fn create_services(
    client: &Client,
    namespace: &str,
) -> Result<Services, DeployError> {
    let api = Api::<Object>::namespaced(client.clone(), namespace);
    let make = |purpose: Purpose| {
        let api = &api;
        async move {
            let made = match create(api, manifest(namespace, purpose)).await {
                Ok(object) => Ok(complete(api, purpose, object).await),
                Err(error) if code(&error).is_some() => Err(message(&error)),
                Err(error) => {
                    let act = format!("create the service {}", purpose.service());
                    return Err(DeployError::api(act, error));
                }
            };
            Ok((purpose, made))
        }
    };
    Ok(try_join_all(Purpose::ALL.map(make)).await?.into_iter().collect())
}

/// Waits until a service has all that it will get; one that does not is returned as it is.
async fn complete(api: &Api<Object>, purpose: Purpose, made: Object) -> Service {
    let end = Instant::now() + COMPLETE_WITHIN;
    let mut service = read(&made);
    while !is_complete(purpose, &service) && Instant::now() < end {
        sleep(Duration::from_millis(50)).await;
        if let Ok(object) = api.get(purpose.service()).await {
            service = read(&object);
        }
    }
    service
}

const fn is_complete(purpose: Purpose, service: &Service) -> bool {
    let has_ports = service.tcp_node_port.is_some() && service.udp_node_port.is_some();
    !service.addresses.is_empty() && (has_ports || !purpose.has_node_port())
}

fn manifest(namespace: &str, purpose: Purpose) -> Value {
    // Ports are called by the names that pods give them.
    let port = |name: &str, protocol: &str| json!({ "name": name, "port": SERVICE_PORT, "protocol": protocol, "targetPort": name });
    let mut spec = json!({
        "type": if purpose.has_node_port() { "NodePort" } else { "ClusterIP" },
        "ipFamilyPolicy": "PreferDualStack",
        // Whether kubelets reach the pods is tested elsewhere.
        "publishNotReadyAddresses": true,
        "selector": selector(purpose),
        "ports": [port("tcp", "TCP"), port("udp", "UDP")],
    });
    match purpose {
        Purpose::Sticky => spec["sessionAffinity"] = "ClientIP".into(),
        Purpose::Local => spec["internalTrafficPolicy"] = "Local".into(),
        Purpose::External => spec["externalTrafficPolicy"] = "Local".into(),
        // The older name of the two that it has, which more clusters know.
        Purpose::SameZone => spec["trafficDistribution"] = "PreferClose".into(),
        Purpose::SameNode => spec["trafficDistribution"] = "PreferSameNode".into(),
        // Who ends is not ready.
        Purpose::Moving | Purpose::Ending => spec["publishNotReadyAddresses"] = false.into(),
        Purpose::Servers
        | Purpose::NodePort
        | Purpose::Itself
        | Purpose::Nobody
        | Purpose::Redirected => {}
        // Nobody rewrites ports of SCTP, whose checksum covers them.
        Purpose::Sctp => {
            let port = serve::PORT;
            spec["ports"] =
                json!([{ "name": "sctp", "port": port, "protocol": "SCTP", "targetPort": port }]);
        }
    }
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "name": purpose.service(), "namespace": namespace },
        "spec": spec,
    })
}

fn selector(purpose: Purpose) -> Value {
    match purpose {
        Purpose::Itself => {
            json!({ "app.kubernetes.io/name": label(Role::Client), "team": "b" })
        }
        Purpose::Nobody => json!({ "app.kubernetes.io/name": "skep-connectivity-nobody" }),
        Purpose::Moving | Purpose::Ending => json!({ BACKS: purpose.service() }),
        Purpose::Servers
        | Purpose::NodePort
        | Purpose::Sticky
        | Purpose::Local
        | Purpose::Redirected
        | Purpose::External
        | Purpose::SameZone
        | Purpose::SameNode
        | Purpose::Sctp => {
            json!({ "app.kubernetes.io/name": label(Role::Server) })
        }
    }
}

fn read(object: &Object) -> Service {
    let Some(spec) = &object.spec else { return Service::default() };
    let addresses = spec.cluster_ips.iter().flatten().filter_map(|ip| ip.parse().ok());
    let node_port = |name: &str| {
        let mut ports = spec.ports.iter().flatten();
        let port = ports.find(|port| port.name.as_deref() == Some(name))?;
        u16::try_from(port.node_port?).ok()
    };
    Service {
        addresses: addresses.collect(),
        tcp_node_port: node_port("tcp"),
        udp_node_port: node_port("udp"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_known_to_kubernetes() {
        for purpose in Purpose::ALL {
            let written = manifest("n", purpose);
            let object: Object = serde_json::from_value(written.clone()).expect("a service");
            assert_eq!(serde_json::to_value(object).unwrap(), written);
        }
    }

    #[test]
    fn addresses_and_ports_are_what_the_cluster_chose() {
        let mut object = manifest("n", Purpose::NodePort);
        object["spec"]["clusterIPs"] = json!(["10.96.0.9", "fd00:96::9"]);
        object["spec"]["ports"][1]["nodePort"] = 30_001.into();
        let service = read(&serde_json::from_value(object).unwrap());
        assert_eq!(service.addresses.len(), 2);
        assert_eq!((service.tcp_node_port, service.udp_node_port), (None, Some(30_001)));
        assert!(!is_complete(Purpose::NodePort, &service), "its TCP port is missing");
        assert!(is_complete(Purpose::Servers, &service));
    }
}
