//! The gRPC server, on TCP and on unix sockets.

use std::{convert::Infallible, future::ready, io, net::SocketAddr, path::PathBuf, time::Duration};

use axum::{
    http::{HeaderName, HeaderValue},
    middleware::map_response,
    response::Response,
    serve::Listener,
};
use futures::{Stream, stream};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
};
use tokio_util::sync::CancellationToken;
use tonic::{
    service::Routes,
    transport::{Server, server::Connected},
};
use tonic_health::ServingStatus;

use super::{
    observer::{Node, ObserverService},
    peers::PeerService,
};
use crate::{
    api::socket::{Guarded, ServeError},
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
/// How long an answer may take to begin.
const DEADLINE: Duration = Duration::from_secs(10);
/// How often a silent client is asked whether it is still there.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// Streams of one connection.
const MAX_STREAMS: u32 = 128;
/// How long open streams may go on when the server ends.
const GRACE: Duration = Duration::from_secs(2);

/// Where clients come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Door {
    /// An address. There is no TLS, so it should be a loopback one.
    Tcp(SocketAddr),
    /// A unix socket for its owner and root.
    Unix(PathBuf),
}

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
    open(door, with_versions(routes, &NODE_VERSION), cancel).await
}

/// Serves an observer that is not a node, which means a relay, until cancelled.
///
/// # Errors
/// When it cannot be served there.
pub async fn serve_relay<O: Observer>(
    door: &Door,
    observer: O,
    cancel: CancellationToken,
) -> Result<(), HubbleError> {
    let routes = routes(observer, &[]).await?;
    open(door, with_versions(routes, &RELAY_VERSIONS), cancel).await
}

async fn open(door: &Door, routes: Routes, cancel: CancellationToken) -> Result<(), HubbleError> {
    match door {
        Door::Tcp(address) => {
            let failed = |source| HubbleError::Listen { address: *address, source };
            let listener = TcpListener::bind(address).await.map_err(failed)?;
            accept(listener, routes, cancel).await
        }
        Door::Unix(path) => {
            let served = accept(Guarded::bind(path)?, routes, cancel).await;
            let _ = std::fs::remove_file(path);
            served
        }
    }
}

async fn accept<L>(
    listener: L,
    routes: Routes,
    cancel: CancellationToken,
) -> Result<(), HubbleError>
where
    L: Listener,
    L::Io: AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static,
{
    let served = Server::builder()
        .timeout(DEADLINE)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .max_concurrent_streams(MAX_STREAMS)
        .add_routes(routes)
        .serve_with_incoming_shutdown(incoming(listener), cancel.clone().cancelled_owned());
    tokio::select! {
        served = served => Ok(served?),
        // Watches of health never end by themselves.
        () = async { cancel.cancelled().await; tokio::time::sleep(GRACE).await } => Ok(()),
    }
}

fn incoming<L: Listener>(listener: L) -> impl Stream<Item = Result<L::Io, Infallible>> {
    stream::unfold(listener, async |mut listener| {
        let (connection, _) = listener.accept().await;
        Some((Ok(connection), listener))
    })
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
