//! Pods of the shop, as tests meet them.

use std::{
    io::{Read, Write},
    net::{IpAddr, SocketAddr, TcpStream},
    time::Duration,
};

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::{Api, ResourceExt, api::ListParams};
use skep::kernel::NetNs;

use super::lab::Lab;

/// Returns the pods of one of the shop's applications.
pub(crate) async fn pods(lab: &Lab, app: &str) -> Vec<Pod> {
    let api: Api<Pod> = Api::namespaced(lab.client().await, "shop");
    let selector = ListParams::default().labels(&format!("app.kubernetes.io/name={app}"));
    api.list(&selector).await.expect("pods are listed").items
}

/// Returns a pod's addresses, IPv4 first.
pub(crate) fn addresses(pod: &Pod) -> Vec<IpAddr> {
    let status = pod.status.clone().expect("a status");
    status.pod_ips.into_iter().flatten().map(|ip| ip.ip.parse().expect("an address")).collect()
}

/// Returns the name of a pod's node.
pub(crate) fn node(pod: &Pod) -> String {
    pod.spec.clone().and_then(|spec| spec.node_name).expect("a node")
}

/// Opens a pod's network namespace.
pub(crate) fn netns(lab: &Lab, pod: &Pod) -> NetNs {
    let name = format!("--pod {}", pod.name_any());
    let pid = lab.processes(&["lab stand-in", &name])[0];
    NetNs::open(format!("/proc/{pid}/ns/net")).expect("the pod's namespace")
}

/// Returns every node with its addresses.
pub(crate) async fn nodes(lab: &Lab) -> Vec<(String, Vec<IpAddr>)> {
    let api: Api<Node> = Api::all(lab.client().await);
    let nodes = api.list(&ListParams::default()).await.expect("nodes are listed").items;
    let addresses = |node: &Node| {
        let listed = node.status.clone().and_then(|status| status.addresses).unwrap_or_default();
        listed.iter().filter_map(|address| address.address.parse().ok()).collect()
    };
    nodes.iter().map(|node| (node.name_any(), addresses(node))).collect()
}

/// Talks HTTP with one of the api's pods, which must answer.
pub(crate) fn echoes(from: &NetNs, server: IpAddr) {
    let (address, patience) = (SocketAddr::new(server, 8080), Duration::from_secs(5));
    let mut answer = String::new();
    from.run(|| {
        let mut stream = TcpStream::connect_timeout(&address, patience)?;
        stream.set_read_timeout(Some(patience))?;
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
        stream.read_to_string(&mut answer)
    })
    .expect("entered")
    .unwrap_or_else(|error| panic!("{address} does not answer: {error}"));
    assert!(answer.contains("200 OK"), "{address}: {answer}");
}
