//! Ways to a server of the Hubble API.

use std::{io, sync::Arc, time::Duration};

use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tonic::transport::{Channel, Endpoint, Uri};
use tower::service_fn;

use super::{place::Place, tls::Connector};

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
