//! The gRPC services of a server.

use std::{future::ready, io, net::SocketAddr};

use axum::{
    http::{HeaderName, HeaderValue},
    middleware::map_response,
    response::Response,
};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic_health::ServingStatus;

use super::{
    door::{Door, OpenDoor},
    observer::{Node, ObserverService},
    peers::PeerService,
};
use crate::{
    api::socket::ServeError,
    hubble::{
        DESCRIPTORS,
        observer::observer_server::{Observer, ObserverServer},
        peer::peer_server::PeerServer,
    },
};

/// The service that clients ask health about.
const HEALTH: &str = "hubble.server.Observer";
/// The header by which clients compare versions.
static NODE_VERSION: [HeaderName; 1] = [HeaderName::from_static("hubble-server-version")];
/// The same, of a relay.
static RELAY_VERSIONS: [HeaderName; 2] = [
    HeaderName::from_static("hubble-server-version"),
    HeaderName::from_static("hubble-relay-version"),
];
/// Services of every server.
const SERVICES: [&str; 2] = ["observer.Observer", "grpc.health.v1.Health"];

/// The Hubble API cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum HubbleError {
    /// The address is in use or may not be used.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The socket cannot be made.
    #[error(transparent)]
    Socket(#[from] ServeError),
    /// Descriptors make no sense.
    #[error("cannot describe the API")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// Connections cannot be served any more.
    #[error("cannot serve the Hubble API")]
    Serve(#[from] tonic::transport::Error),
}

/// Serves the Hubble API of a node until cancelled.
///
/// # Errors
/// When it cannot be served there.
pub async fn serve(door: &Door, node: Node, cancel: CancellationToken) -> Result<(), HubbleError> {
    let peers = PeerService { peers: node.peers.clone(), cancel: cancel.clone() };
    let observer = ObserverService { node, cancel: cancel.clone() };
    let routes = routes(observer, &["peer.Peer"]).await?.add_service(PeerServer::new(peers));
    door.open().await?.serve(with_versions(routes, &NODE_VERSION), cancel).await
}

/// Serves an observer that is not a node, which means a relay, until cancelled.
///
/// # Errors
/// When it cannot be served there.
pub async fn serve_relay<O: Observer>(
    door: OpenDoor,
    observer: O,
    cancel: CancellationToken,
) -> Result<(), HubbleError> {
    let routes = routes(observer, &[]).await?;
    door.serve(with_versions(routes, &RELAY_VERSIONS), cancel).await
}

/// What every server has, and a description of it and of `more` services.
async fn routes<O: Observer>(observer: O, more: &[&str]) -> Result<Routes, HubbleError> {
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_service_status(HEALTH, ServingStatus::Serving).await;
    let reflection = || {
        let described = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
        SERVICES.iter().chain(more).fold(described, |all, name| all.with_service_name(*name))
    };
    Ok(Routes::new(ObserverServer::new(observer))
        .add_service(health)
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?))
}

/// Puts the version into every answer, be it an error.
fn with_versions(routes: Routes, headers: &'static [HeaderName]) -> Routes {
    let tell = move |mut response: Response| {
        for header in headers {
            let version = HeaderValue::from_static(env!("CARGO_PKG_VERSION"));
            response.headers_mut().insert(header, version);
        }
        ready(response)
    };
    routes.prepare().into_axum_router().layer(map_response(tell)).into()
}
