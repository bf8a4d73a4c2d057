//! The variables that tell pods of the services of their namespace, as Docker links once did.

use k8s_openapi::api::core::v1::{Pod, Service};
use kube::ResourceExt;

use super::host::Host;

/// Returns the variables of all services of the pod's namespace, unless it wants none.
pub(super) fn variables(host: &Host, pod: &Pod) -> Vec<(String, String)> {
    if pod.spec.as_ref().and_then(|spec| spec.enable_service_links) == Some(false) {
        return vec![];
    }
    let namespace = pod.namespace();
    let services = host.shared.cluster.services.all();
    let own = services.iter().filter(|service| service.namespace() == namespace);
    own.flat_map(|service| of_service(service)).collect()
}

fn of_service(service: &Service) -> Vec<(String, String)> {
    let spec = service.spec.clone().unwrap_or_default();
    let address = spec.cluster_ip.filter(|ip| !ip.is_empty() && ip != "None");
    let ports = spec.ports.unwrap_or_default();
    let (Some(address), Some(first)) = (address, ports.first()) else { return vec![] };
    let upper = |text: &str| text.to_uppercase().replace(['-', '.'], "_");
    let name = upper(&service.name_any());
    let url = |protocol: &str, port: i32| match address.contains(':') {
        true => format!("{protocol}://[{address}]:{port}"),
        false => format!("{protocol}://{address}:{port}"),
    };
    let mut all = vec![
        (format!("{name}_SERVICE_HOST"), address.clone()),
        (format!("{name}_SERVICE_PORT"), first.port.to_string()),
    ];
    for port in &ports {
        if let Some(called) = port.name.as_deref().filter(|called| !called.is_empty()) {
            all.push((format!("{name}_SERVICE_PORT_{}", upper(called)), port.port.to_string()));
        }
    }
    for (index, port) in ports.iter().enumerate() {
        let protocol = port.protocol.as_deref().unwrap_or("TCP").to_lowercase();
        let url = url(&protocol, port.port);
        if index == 0 {
            all.push((format!("{name}_PORT"), url.clone()));
        }
        let prefix = format!("{name}_PORT_{}_{}", port.port, protocol.to_uppercase());
        all.extend([
            (prefix.clone(), url),
            (format!("{prefix}_PROTO"), protocol),
            (format!("{prefix}_PORT"), port.port.to_string()),
            (format!("{prefix}_ADDR"), address.clone()),
        ]);
    }
    all
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn a_service_is_told_by_host_and_ports() {
        let service: Service = from_value(json!({
            "metadata": { "name": "my-db" },
            "spec": { "clusterIP": "10.96.0.9", "ports": [{ "port": 80, "name": "http-web" }] },
        }))
        .unwrap();
        let found = of_service(&service);
        let value =
            |name: &str| found.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str());
        assert_eq!(value("MY_DB_SERVICE_HOST"), Some("10.96.0.9"));
        assert_eq!(value("MY_DB_SERVICE_PORT_HTTP_WEB"), Some("80"));
        assert_eq!(value("MY_DB_PORT_80_TCP"), Some("tcp://10.96.0.9:80"));
        let headless = json!({ "metadata": { "name": "h" },
            "spec": { "clusterIP": "None", "ports": [{ "port": 80 }] } });
        assert!(of_service(&from_value(headless).unwrap()).is_empty());
    }
}
