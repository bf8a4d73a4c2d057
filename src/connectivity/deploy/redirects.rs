//! The test's local redirect policies, in the same namespace as its pods: they go with it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, PostParams},
};
use serde_json::{Value, json};

use super::{DeployError, SERVICE_PORT, code, message};
use crate::{
    connectivity::{
        churn::{BACKS, REDIRECTED},
        serve,
        services::Purpose,
        topology::family_of,
    },
    model::Family,
};

/// The addresses that a policy leads to a pod: nobody's, as they are for documentation.
pub(in crate::connectivity) const ADDRESSES: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 53)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x53)),
];

/// Makes the policies, one for the service and one for the address of each family; returns why they cannot
/// be in this cluster.
pub(in crate::connectivity) async fn create_redirects(
    client: &Client,
    namespace: &str,
    families: &[Family],
) -> Result<Result<(), String>, DeployError> {
    let resource = resource();
    let api = Api::<DynamicObject>::namespaced_with(client.clone(), namespace, &resource);
    for object in manifests(namespace, families) {
        let object = serde_json::from_value(object).expect("the test's own objects are valid");
        let Err(error) = api.create(&PostParams::default(), &object).await else { continue };
        let ApiResource { kind, api_version, .. } = &resource;
        return match code(&error) {
            Some(404) => Ok(Err(format!("the cluster has no {kind} of {api_version}"))),
            Some(403) => Ok(Err(message(&error))),
            _ => Err(DeployError::api(format!("create a {kind}"), error)),
        };
    }
    Ok(Ok(()))
}

fn resource() -> ApiResource {
    ApiResource {
        group: "cilium.io".into(),
        version: "v2".into(),
        api_version: "cilium.io/v2".into(),
        kind: "CiliumLocalRedirectPolicy".into(),
        plural: "ciliumlocalredirectpolicies".into(),
    }
}

fn manifests(namespace: &str, families: &[Family]) -> Vec<Value> {
    let service = Purpose::Redirected.service();
    let of_service =
        json!({ "serviceMatcher": { "serviceName": service, "namespace": namespace } });
    let mut all = vec![manifest(service, &of_service)];
    for address in ADDRESSES.iter().filter(|address| families.contains(&family_of(**address))) {
        let name = match address {
            IpAddr::V4(_) => "address-v4",
            IpAddr::V6(_) => "address-v6",
        };
        let frontend = json!({ "ip": address, "toPorts": ports(SERVICE_PORT) });
        all.push(manifest(name, &json!({ "addressMatcher": frontend })));
    }
    all
}

fn manifest(name: &str, frontend: &Value) -> Value {
    let resource = resource();
    json!({
        "apiVersion": resource.api_version, "kind": resource.kind,
        "metadata": { "name": name },
        "spec": {
            "redirectFrontend": frontend,
            "redirectBackend": {
                "localEndpointSelector": { "matchLabels": { BACKS: REDIRECTED.backends[0].backs } },
                "toPorts": ports(serve::PORT),
            },
        },
    })
}

/// Ports of both ends are matched by their names.
fn ports(number: u16) -> Value {
    let port = |name: &str, protocol: &str| json!({ "port": number.to_string(), "name": name, "protocol": protocol });
    json!([port("tcp", "TCP"), port("udp", "UDP")])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectivity::topology::FAMILIES;

    #[test]
    fn each_family_has_an_address_and_the_service_both() {
        for (families, expected) in [(&FAMILIES[..], 3), (&FAMILIES[..1], 2)] {
            assert_eq!(manifests("n", families).len(), expected);
        }
        let ips: Vec<_> = manifests("n", &FAMILIES)
            .iter()
            .filter_map(|one| {
                one["spec"]["redirectFrontend"]["addressMatcher"]["ip"].as_str().map(str::to_owned)
            })
            .collect();
        assert_eq!(ips, ["192.0.2.53", "2001:db8::53"]);
    }
}
