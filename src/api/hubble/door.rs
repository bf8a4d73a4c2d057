//! Where clients come in: TCP and unix sockets.

use std::{
    collections::VecDeque, convert::Infallible, net::SocketAddr, path::PathBuf, time::Duration,
};

use axum::serve::Listener;
use futures::{Stream, StreamExt, stream};
use tokio::{net::TcpListener, sync::mpsc, task::AbortHandle};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{service::Routes, transport::Server};
use tracing::debug;

use super::{HubbleError, connection::Connection, tls::Acceptor};
use crate::api::socket::Guarded;

/// How long an answer may take to begin.
const DEADLINE: Duration = Duration::from_secs(10);
/// How often a silent client is asked whether it is still there.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// Streams of one connection.
const MAX_STREAMS: u32 = 128;
/// How long open streams may go on when the server ends.
const GRACE: Duration = Duration::from_secs(2);

/// Connections that begin at a time; of more, the one that takes longest is given up.
const BEGINNING: usize = 256;

/// Where clients come in.
#[derive(Clone, Debug)]
pub enum Door {
    /// An address: in the clear for clients of this machine, by TLS for all.
    Tcp(SocketAddr, Acceptor),
    /// A unix socket for its owner and root.
    Unix(PathBuf),
}

/// A door at which clients can knock already.
pub struct OpenDoor(Open);

enum Open {
    Tcp(TcpListener, Acceptor),
    Unix(Guarded, PathBuf),
}

impl Door {
    /// Returns a door for this machine only.
    pub fn local(address: SocketAddr) -> Self {
        Self::Tcp(address, Acceptor::never())
    }

    /// Listens. Clients wait until something is served.
    ///
    /// # Errors
    /// When the address or the socket is in use, or may not be used.
    pub async fn open(&self) -> Result<OpenDoor, HubbleError> {
        Ok(OpenDoor(match self {
            Self::Tcp(address, tls) => {
                let failed = |source| HubbleError::Listen { address: *address, source };
                Open::Tcp(TcpListener::bind(address).await.map_err(failed)?, tls.clone())
            }
            Self::Unix(path) => Open::Unix(Guarded::bind(path)?, path.clone()),
        }))
    }
}

impl OpenDoor {
    /// Returns where clients connect to, if by TCP; who asks for port 0 gets one that is free.
    pub fn address(&self) -> Option<SocketAddr> {
        match &self.0 {
            Open::Tcp(listener, _) => listener.local_addr().ok(),
            Open::Unix(..) => None,
        }
    }

    /// Serves until cancelled.
    pub(super) async fn serve(
        self,
        routes: Routes,
        cancel: CancellationToken,
    ) -> Result<(), HubbleError> {
        match self.0 {
            Open::Tcp(listener, tls) => {
                answer(knocking(listener, tls, cancel.clone()), routes, cancel).await
            }
            Open::Unix(listener, path) => {
                let served = answer(incoming(listener), routes, cancel).await;
                let _ = std::fs::remove_file(path);
                served
            }
        }
    }
}

impl std::fmt::Debug for OpenDoor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Open::Tcp(listener, _) => f.debug_tuple("Tcp").field(listener).finish(),
            Open::Unix(_, path) => f.debug_tuple("Unix").field(path).finish(),
        }
    }
}

async fn answer(
    connections: impl Stream<Item = Connection> + Send + 'static,
    routes: Routes,
    cancel: CancellationToken,
) -> Result<(), HubbleError> {
    let connections = connections.map(Ok::<_, Infallible>);
    let served = Server::builder()
        .timeout(DEADLINE)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .max_concurrent_streams(MAX_STREAMS)
        .add_routes(routes)
        .serve_with_incoming_shutdown(connections, cancel.clone().cancelled_owned());
    tokio::select! {
        served = served => Ok(served?),
        // Watches of health never end by themselves.
        () = async { cancel.cancelled().await; tokio::time::sleep(GRACE).await } => Ok(()),
    }
}

fn incoming(listener: Guarded) -> impl Stream<Item = Connection> {
    stream::unfold(listener, async |mut listener| {
        let (connection, _) = Listener::accept(&mut listener).await;
        Some((Connection::new(connection), listener))
    })
}

/// Connections that have begun: those that are slow to begin hold up no other, however many they are.
fn knocking(
    mut listener: TcpListener,
    tls: Acceptor,
    cancel: CancellationToken,
) -> impl Stream<Item = Connection> {
    let (open, opened) = mpsc::channel(1);
    tokio::spawn(cancel.run_until_cancelled_owned(async move {
        let mut beginning: VecDeque<AbortHandle> = VecDeque::new();
        loop {
            let (stream, client) = Listener::accept(&mut listener).await;
            beginning.retain(|one| !one.is_finished());
            if beginning.len() == BEGINNING
                && let Some(slowest) = beginning.pop_front()
            {
                slowest.abort();
            }
            let (open, tls) = (open.clone(), tls.clone());
            let begin = tokio::spawn(async move {
                match Connection::open(stream, &tls).await {
                    // An error means that the server has ended.
                    Ok(connection) => drop(open.send(connection).await),
                    Err(reason) => {
                        debug!(%client, %reason, "a client of the Hubble API is refused")
                    }
                }
            });
            beginning.push_back(begin.abort_handle());
        }
    }));
    ReceiverStream::new(opened)
}
