//! Where a server is, and how it is reached.

use std::{io, net::SocketAddr, sync::Arc};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
};
use tokio_rustls::TlsConnector;

use super::{
    client::ServerError,
    tls::{TlsError, secure},
    trust::Trust,
};

/// Where a server is.
#[derive(Clone, Debug)]
pub(super) enum Place {
    Unix(Arc<str>),
    Tcp(Arc<str>),
    Tls(Arc<Secured>),
}

/// A server by TLS.
pub(super) struct Secured {
    host: String,
    /// The name that its certificate must be for.
    name: String,
    connector: TlsConnector,
}

impl std::fmt::Debug for Secured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Secured").field(&self.host).finish()
    }
}

/// What connections have in common.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Place {
    /// Reads `HOST:PORT`, `tls://HOST:PORT` or `unix:PATH`; with `trust`, TCP is spoken by TLS.
    pub(super) fn parse(address: &str, trust: Option<&Trust>) -> Result<Self, ServerError> {
        if let Some(path) = address.strip_prefix("unix:") {
            return Ok(Self::Unix(path.strip_prefix("//").unwrap_or(path).into()));
        }
        let (host, wants_tls) = match address.strip_prefix("tls://") {
            Some(host) => (host, true),
            None => (address, trust.is_some()),
        };
        let is_host = |(host, port): (&str, &str)| !host.is_empty() && port.parse::<u16>().is_ok();
        let parts = host.rsplit_once(':').filter(|parts| is_host(*parts) && !host.contains('/'));
        let Some((name, _)) = parts else {
            return Err(ServerError::Address { address: address.to_owned() });
        };
        if !wants_tls {
            return Ok(Self::Tcp(host.into()));
        }
        let believed = Trust::default();
        let trust = trust.unwrap_or(&believed);
        let failed = |source: TlsError| ServerError::Tls { source };
        Ok(Self::Tls(Arc::new(Secured {
            host: host.to_owned(),
            // IPv6 stands in brackets in addresses, and without in certificates.
            name: trust.name.clone().unwrap_or_else(|| name.trim_matches(['[', ']']).to_owned()),
            connector: trust.connector().map_err(failed)?,
        })))
    }

    /// Connects.
    pub(super) async fn dial(&self) -> io::Result<Box<dyn Stream>> {
        Ok(match self {
            Self::Unix(path) => Box::new(UnixStream::connect(&**path).await?),
            Self::Tcp(host) => Box::new(TcpStream::connect(&**host).await?),
            Self::Tls(server) => {
                let stream = TcpStream::connect(&server.host).await?;
                Box::new(secure(&server.connector, &server.name, stream).await?)
            }
        })
    }

    /// Tells whether nobody but this machine hears what is said.
    pub(super) fn is_private(&self) -> bool {
        match self {
            Self::Unix(_) | Self::Tls(_) => true,
            Self::Tcp(host) => host
                .parse::<SocketAddr>()
                .map_or_else(|_| host.starts_with("localhost:"), |host| host.ip().is_loopback()),
        }
    }
}
