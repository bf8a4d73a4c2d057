//! Rules that nobody sees to yet: what they would let pass is dropped, each for a reason of its own.

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use skep::hubble::flow::DropReason;

use super::{
    lab::{Lab, eventually},
    observe::observed,
    pods::addresses,
    services::{run, url},
};

const OBJECTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/policy/unserved.yaml");

#[tokio::test]
#[ignore = "needs root"]
async fn what_needs_a_proxy_or_authentication_is_dropped_for_its_own_reason() {
    let lab = Lab::bare("unserved", &["--nodes", "2", "-f", OBJECTS]);
    let client = lab.client().await;
    let pods: Api<Pod> = Api::namespaced(client.clone(), "default");
    let servers = addresses(&pods.get("server").await.expect("it is there"));
    assert_eq!(servers.len(), 2);
    let of_servers = servers.iter().flat_map(|server| {
        [
            (server.to_string(), 8080, DropReason::ProxyRedirectionNotSupportedForProtocol),
            (server.to_string(), 9080, DropReason::AuthRequired),
            // A name is nobody's that is in the cluster.
            (server.to_string(), 443, DropReason::PolicyDenied),
        ]
    });
    let of_world = ["203.0.113.10", "2001:db8:1::10"].into_iter().flat_map(|world| {
        [
            (world.to_owned(), 443, DropReason::ProxyRedirectionNotSupportedForProtocol),
            (world.to_owned(), 80, DropReason::PolicyDenied),
        ]
    });
    for (address, port, reason) in of_servers.chain(of_world) {
        let at = format!("{address} port {port}");
        let words = ["curl", "-s", "--connect-timeout", "0.2", &url(&address, port)];
        assert_ne!(run(&client, &words).await.0, 0, "{at}");
        let port = port.to_string();
        let words = ["--from-pod", "default/client", "--to-ip", &address, "--to-port", &port];
        let flows = eventually("the drop is told", || async {
            Some(observed(&lab, &words)).filter(|flows| !flows.is_empty())
        })
        .await;
        for flow in flows {
            assert_eq!(flow.drop_reason_desc(), reason, "{at}");
            let by: Vec<_> = flow.egress_denied_by.iter().map(|policy| &policy.name).collect();
            assert_eq!(by, ["unserved"], "{at}");
        }
    }
}
