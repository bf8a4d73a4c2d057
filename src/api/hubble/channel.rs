//! Ways to a server of the Hubble API.

use std::{error::Error, io, sync::Arc, time::Duration};

use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tonic::transport::{Channel, Endpoint, Uri};
use tower::service_fn;

use super::{client::ServerError, place::Place, tls::Connector, trust::Trust};

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
    // The host is part of requests, and nobody looks at it.
    lazy(Endpoint::from_static("http://hubble"), dial)
}

/// Makes a channel whose requests name a server, as proxies before it want to see.
pub(in crate::api) fn channel_to<S, F>(
    server: &Uri,
    dial: impl Fn() -> F + Send + Sync + 'static,
) -> Channel
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    F: Future<Output = io::Result<S>> + Send + 'static,
{
    // tonic itself is not to speak TLS: `dial` does, if it should.
    lazy(Endpoint::from_static("http://server").origin(server.clone()), dial)
}

/// Connects to `HOST:PORT`: by TLS if it is said who is believed.
pub(in crate::api) async fn connect(
    address: &str,
    trust: Option<&Trust>,
) -> io::Result<impl AsyncRead + AsyncWrite + Send + Unpin + use<>> {
    Place::parse(address, trust).map_err(chained)?.dial().await
}

/// Keeps the causes, which an error of connections would show only to those who ask.
fn chained(error: ServerError) -> io::Error {
    let first: &dyn Error = &error;
    let causes = std::iter::successors(Some(first), |cause| (*cause).source());
    io::Error::other(causes.map(ToString::to_string).collect::<Vec<_>>().join(": "))
}

fn lazy<S, F>(to: Endpoint, dial: impl Fn() -> F + Send + Sync + 'static) -> Channel
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    F: Future<Output = io::Result<S>> + Send + 'static,
{
    let dial = Arc::new(dial);
    let connect = service_fn(move |_: Uri| {
        let connection = dial();
        async { connection.await.map(TokioIo::new) }
    });
    endpoint(to).connect_with_connector_lazy(connect)
}

/// Makes a channel to a server at `HOST:PORT` or `unix:PATH`. One that may not be asked without TLS is never
/// connected, and the reason is the error.
pub fn reach(address: &str) -> Channel {
    let place = Place::parse(address, None).map_err(|error| error.to_string());
    let place = place.and_then(|place| match place.is_private() {
        true => Ok(place),
        false => Err(format!("{address} is not a loopback address, and it was told without TLS")),
    });
    channel(move || {
        let place = place.clone();
        async move { place.map_err(io::Error::other)?.dial().await }
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

fn endpoint(endpoint: Endpoint) -> Endpoint {
    endpoint
        .connect_timeout(PATIENCE)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_while_idle(false)
}
