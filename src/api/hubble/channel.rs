//! Ways to a server of the Hubble API.

use std::{io, sync::Arc, time::Duration};

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tonic::transport::{Channel, Endpoint, Uri};
use tower::service_fn;

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

fn endpoint(endpoint: Endpoint) -> Endpoint {
    endpoint
        .connect_timeout(PATIENCE)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_while_idle(false)
}
