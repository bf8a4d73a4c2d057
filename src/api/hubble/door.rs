//! Where clients come in: TCP and unix sockets.

use std::{convert::Infallible, net::SocketAddr, path::PathBuf, time::Duration};

use axum::serve::Listener;
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

use super::HubbleError;
use crate::api::socket::Guarded;

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

/// A door at which clients can knock already.
pub struct OpenDoor(Open);

enum Open {
    Tcp(TcpListener),
    Unix(Guarded, PathBuf),
}

impl Door {
    /// Listens. Clients wait until something is served.
    ///
    /// # Errors
    /// When the address or the socket is in use, or may not be used.
    pub async fn open(&self) -> Result<OpenDoor, HubbleError> {
        Ok(OpenDoor(match self {
            Self::Tcp(address) => {
                let failed = |source| HubbleError::Listen { address: *address, source };
                Open::Tcp(TcpListener::bind(address).await.map_err(failed)?)
            }
            Self::Unix(path) => Open::Unix(Guarded::bind(path)?, path.clone()),
        }))
    }
}

impl OpenDoor {
    /// Serves until cancelled.
    pub(super) async fn serve(
        self,
        routes: Routes,
        cancel: CancellationToken,
    ) -> Result<(), HubbleError> {
        match self.0 {
            Open::Tcp(listener) => accept(listener, routes, cancel).await,
            Open::Unix(listener, path) => {
                let served = accept(listener, routes, cancel).await;
                let _ = std::fs::remove_file(path);
                served
            }
        }
    }
}

impl std::fmt::Debug for OpenDoor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Open::Tcp(listener) => f.debug_tuple("Tcp").field(listener).finish(),
            Open::Unix(_, path) => f.debug_tuple("Unix").field(path).finish(),
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
