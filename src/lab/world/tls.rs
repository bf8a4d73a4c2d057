//! HTTPS with a certificate for whatever name or address is asked for.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rustls::ServerConfig;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};
use tokio_rustls::LazyConfigAcceptor;

use crate::certificate::{Authority, CertificateError, Validity};
use crate::lab::standin::{Whoami, tcp};

/// Connections served at once.
const CONNECTIONS: usize = 1024;
/// Certificates kept; all are made anew when there are more.
const CERTIFICATES: usize = 1024;
/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// A certificate could not be made or used.
#[derive(Debug, thiserror::Error)]
enum TlsError {
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    #[error("cannot use a certificate")]
    Rustls(#[from] rustls::Error),
}

/// Certificates of the world's web servers, made when they are asked for.
pub(super) struct Certificates {
    authority: Authority,
    made: Mutex<HashMap<String, Arc<ServerConfig>>>,
}

impl Certificates {
    pub(super) fn new(authority: Authority) -> Self {
        Self { authority, made: Mutex::default() }
    }

    /// Returns the settings of a server by the name that the client wants, or the address it
    /// connected to.
    fn of(&self, name: Option<&str>, address: IpAddr) -> Result<Arc<ServerConfig>, TlsError> {
        let name = name.map_or_else(|| address.to_canonical().to_string(), str::to_lowercase);
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = made.get(&name) {
            return Ok(Arc::clone(config));
        }
        let certified = self.authority.server(std::slice::from_ref(&name), Validity::Always)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certified.certificate_der()], certified.key_der())?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        if made.len() >= CERTIFICATES {
            made.clear();
        }
        let config = Arc::new(config);
        made.insert(name, Arc::clone(&config));
        Ok(config)
    }
}

/// Serves every connection, a bounded number at once.
pub(super) async fn serve(
    whoami: Arc<Whoami>,
    certificates: Arc<Certificates>,
    listener: TcpListener,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let place = Arc::clone(&places).acquire_owned().await;
        match listener.accept().await {
            Ok((stream, client)) => {
                let (whoami, certificates) = (Arc::clone(&whoami), Arc::clone(&certificates));
                tokio::spawn(async move {
                    // A connection that breaks is the client's business.
                    converse(whoami, &certificates, stream, client).await.ok();
                    drop(place);
                });
            }
            // Out of descriptors: those in use must end first.
            Err(_) => sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn converse(
    whoami: Arc<Whoami>,
    certificates: &Certificates,
    stream: TcpStream,
    client: SocketAddr,
) -> io::Result<()> {
    let server = stream.local_addr()?;
    let handshake = async {
        let start = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream).await?;
        let config = certificates.of(start.client_hello().server_name(), server.ip());
        start.into_stream(config.map_err(io::Error::other)?).await
    };
    let stream = timeout(HANDSHAKE, handshake).await??;
    tcp::answer(whoami, stream, (server, client)).await
}
