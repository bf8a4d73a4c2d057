//! Connections of clients: in the clear from this machine, by TLS from everywhere else.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::timeout,
};
use tonic::transport::server::Connected;

use super::tls::Acceptor;

/// How long a client may take to begin.
const PATIENCE: Duration = Duration::from_secs(10);
/// First byte of TLS: a handshake record (RFC 8446, 5.1). No HTTP/2 begins with it.
const HANDSHAKE: u8 = 0x16;

/// What bytes go over.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A client's connection.
pub(super) struct Connection(Box<dyn Stream>);

/// A connection is not served.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error("it says nothing")]
    Silent,
    #[error("it comes from another machine without TLS")]
    Clear,
    #[error("there are no certificates yet")]
    NoCertificate,
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Connection {
    /// Takes a connection that needs nothing more.
    pub(super) fn new(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        Self(Box::new(stream))
    }

    /// Opens what a client sent: who speaks from a loopback address has no need of TLS, and may use it.
    pub(super) async fn open(stream: TcpStream, tls: &Acceptor) -> Result<Self, Refused> {
        let is_local = stream.peer_addr()?.ip().to_canonical().is_loopback();
        let mut first = [0];
        let peeked = timeout(PATIENCE, stream.peek(&mut first)).await;
        if peeked.map_err(|_| Refused::Silent)?? == 0 {
            return Err(Refused::Silent);
        }
        if !is_secured(first[0], is_local)? {
            return Ok(Self::new(stream));
        }
        let acceptor = tls.get().ok_or(Refused::NoCertificate)?;
        let secured = timeout(PATIENCE, acceptor.accept(stream)).await;
        Ok(Self::new(secured.map_err(|_| Refused::Silent)??))
    }
}

/// Tells by its first byte whether a client speaks TLS; others than those of this machine must.
const fn is_secured(first: u8, is_local: bool) -> Result<bool, Refused> {
    match (first == HANDSHAKE, is_local) {
        (false, false) => Err(Refused::Clear),
        (secured, _) => Ok(secured),
    }
}

impl Connected for Connection {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_served_in_the_clear_but_this_machine() {
        // HTTP/2 begins with PRI.
        assert!(matches!(is_secured(b'P', true), Ok(false)));
        assert!(matches!(is_secured(b'P', false), Err(Refused::Clear)));
        assert!(matches!(is_secured(HANDSHAKE, true), Ok(true)));
        assert!(matches!(is_secured(HANDSHAKE, false), Ok(true)));
    }
}
