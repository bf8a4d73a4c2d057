//! Ways to a server of the Hubble API.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
};
use tonic::transport::{Channel, Endpoint, Uri};
use tower::service_fn;

use super::{client::Place, tls::Connector};

/// How long a connection may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often a silent server is asked whether it is still there.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Makes a channel over connections that `dial` makes: the first when it is used, another when that broke.
pub fn channel<S, F>(dial: impl Fn() -> F + Send + Sync + 'static) -> Channel
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    F: Future<Output = io::Result<S>> + Send + 'static,
{
    let dial = Arc::new(dial);
    let connect = service_fn(move |_: Uri| {
        let connection = dial();
        async { connection.await.map(TokioIo::new) }
    });
    // The host is part of requests, and nobody looks at it.
    endpoint(Endpoint::from_static("http://hubble")).connect_with_connector_lazy(connect)
}

/// Makes a channel to a server at `HOST:PORT` or `unix:PATH`. One that may not be asked without TLS is never
/// connected, and the reason is the error.
pub fn reach(address: &str) -> Channel {
    let place = Arc::new(Place::parse(address).map_err(|error| error.to_string()));
    channel(move || {
        let place = Arc::clone(&place);
        async move {
            let stream: Box<dyn Stream> = match place.as_ref() {
                Ok(Place::Unix(path)) => Box::new(UnixStream::connect(path).await?),
                Ok(Place::Tcp(host)) if is_loopback(host) => {
                    Box::new(TcpStream::connect(host).await?)
                }
                Ok(Place::Tcp(host)) => {
                    let why = "is not a loopback address, and it was told without TLS";
                    return Err(io::Error::other(format!("{host} {why}")));
                }
                Err(reason) => return Err(io::Error::other(reason.clone())),
            };
            Ok(stream)
        }
    })
}

/// Makes a channel by TLS to a server at `HOST:PORT`, whose certificate is for `name`.
pub fn secured(address: String, name: String, tls: Connector) -> Channel {
    let (address, name): (Arc<str>, Arc<str>) = (address.into(), name.into());
    channel(move || {
        let (address, name, tls) = (Arc::clone(&address), Arc::clone(&name), tls.clone());
        async move {
            let stream = TcpStream::connect(&*address).await?;
            stream.set_nodelay(true)?;
            tls.secure(&name, stream).await
        }
    })
}

/// What connections have in common.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

fn is_loopback(host: &str) -> bool {
    host.parse::<SocketAddr>().map_or(host.starts_with("localhost:"), |a| a.ip().is_loopback())
}

fn endpoint(endpoint: Endpoint) -> Endpoint {
    endpoint
        .connect_timeout(PATIENCE)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_while_idle(false)
}
