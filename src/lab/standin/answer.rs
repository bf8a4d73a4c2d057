//! What a stand-in says.

use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

/// Who a stand-in is.
#[derive(Clone, Debug, Default)]
pub struct Whoami {
    /// Pod, or the name of a server of the world.
    pub pod: String,
    /// Namespace of the pod.
    pub namespace: String,
    /// Container.
    pub container: String,
    /// Node.
    pub node: String,
}

/// The answer to an HTTP request.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer<'a> {
    pod: &'a str,
    namespace: &'a str,
    container: &'a str,
    node: &'a str,
    /// The address that was asked.
    server: SocketAddr,
    /// Who asked, as the server sees it.
    client: SocketAddr,
    method: &'a str,
    path: &'a str,
    host: &'a str,
    bytes: usize,
}

/// The parts of a request that the answer repeats.
pub(super) struct Seen<'a> {
    pub(super) server: SocketAddr,
    pub(super) client: SocketAddr,
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) host: &'a str,
    pub(super) bytes: usize,
}

impl Whoami {
    pub(super) fn answer<'a>(&'a self, seen: &Seen<'a>) -> Answer<'a> {
        Answer {
            pod: &self.pod,
            namespace: &self.namespace,
            container: &self.container,
            node: &self.node,
            server: plain(seen.server),
            client: plain(seen.client),
            method: seen.method,
            path: seen.path,
            host: seen.host,
            bytes: seen.bytes,
        }
    }
}

/// Sockets for both families show IPv4 clients as mapped IPv6 addresses.
pub(super) fn plain(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V6(v6) => SocketAddr::new(v6.to_canonical(), address.port()),
        IpAddr::V4(_) => address,
    }
}
