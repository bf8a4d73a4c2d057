//! TCP: HTTP is answered, anything else is echoed.

use std::{
    convert::Infallible,
    io::{self, Write},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response,
    body::Incoming,
    header::{CONTENT_TYPE, HOST, HeaderValue},
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::sleep,
};

use super::{
    Whoami,
    answer::{Seen, plain},
};

/// Connections served at once.
const CONNECTIONS: usize = 4096;
/// How many bytes tell HTTP from anything else.
const PREFIX: usize = 8;
/// What HTTP/1.1 requests start with.
const METHODS: [&[u8]; 8] =
    [b"GET ", b"HEAD ", b"POST ", b"PUT ", b"DELETE ", b"OPTIONS ", b"PATCH ", b"TRACE "];

/// Serves every connection, a bounded number at once.
pub(in crate::lab) async fn serve(whoami: Arc<Whoami>, listener: TcpListener) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let place = Arc::clone(&places).acquire_owned().await;
        match listener.accept().await {
            Ok((stream, _)) => {
                let whoami = Arc::clone(&whoami);
                tokio::spawn(async move {
                    // A connection that breaks is the client's business.
                    converse(whoami, stream).await.ok();
                    drop(place);
                });
            }
            // Out of descriptors: those in use must end first.
            Err(_) => sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn converse(whoami: Arc<Whoami>, stream: TcpStream) -> io::Result<()> {
    if !is_http(&stream).await? {
        let (mut from, mut to) = stream.into_split();
        tokio::io::copy(&mut from, &mut to).await?;
        return Ok(());
    }
    let ends = (stream.local_addr()?, stream.peer_addr()?);
    answer(whoami, stream, ends).await
}

/// Answers the HTTP requests of a connection between two addresses, the server's own first.
pub(in crate::lab) async fn answer<S>(
    whoami: Arc<Whoami>,
    stream: S,
    (server, client): (SocketAddr, SocketAddr),
) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (server, client) = (plain(server), plain(client));
    let service = service_fn(move |request: Request<Incoming>| {
        let whoami = Arc::clone(&whoami);
        async move {
            let (parts, body) = request.into_parts();
            let bytes = length(body).await;
            let seen = Seen {
                server,
                client,
                method: parts.method.as_str(),
                path: parts.uri.path_and_query().map_or("/", |path| path.as_str()),
                host: parts.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or(""),
                bytes,
            };
            let mut text = serde_json::to_vec(&whoami.answer(&seen)).unwrap_or_default();
            text.push(b'\n');
            // The container's log; nobody reading it is no reason not to answer.
            writeln!(io::stdout(), "{client} {} {} {bytes}", seen.method, seen.path).ok();
            let mut response = Response::new(Full::new(Bytes::from(text)));
            let json = HeaderValue::from_static("application/json");
            response.headers_mut().insert(CONTENT_TYPE, json);
            Ok::<_, Infallible>(response)
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
    connection.await.map_err(io::Error::other)
}

/// Reads a body to its end without keeping it.
async fn length(mut body: Incoming) -> usize {
    let mut bytes = 0;
    while let Some(Ok(frame)) = body.frame().await {
        bytes += frame.data_ref().map_or(0, Bytes::len);
    }
    bytes
}

/// Looks at the first bytes without taking them.
async fn is_http(stream: &TcpStream) -> io::Result<bool> {
    let mut prefix = [0; PREFIX];
    loop {
        let length = stream.peek(&mut prefix).await?;
        let seen = &prefix[..length];
        if METHODS.iter().any(|method| seen.starts_with(method)) {
            return Ok(true);
        }
        let may_become = METHODS.iter().any(|method| method.starts_with(seen));
        if length == 0 || !may_become {
            return Ok(false);
        }
        // Peeking again at once would spin until the next segment arrives.
        sleep(Duration::from_millis(1)).await;
    }
}
