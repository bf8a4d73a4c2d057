//! TLS of the Hubble API: who servers and clients are, and whom they trust.

use std::{
    fmt::{self, Debug},
    io,
    sync::Arc,
};

use jiff::Timestamp;
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{
        CertificateDer, PrivateKeyDer, ServerName,
        pem::{self, PemObject},
    },
    server::{VerifierBuilderError, WebPkiClientVerifier},
    version::TLS13,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
};
use tokio_rustls::{TlsAcceptor, TlsConnector, client::TlsStream};

use super::expiry;

/// What gRPC's servers and clients agree to speak.
pub(super) const H2: &[u8] = b"h2";

/// Certificates or keys are of no use.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Not PEM, or nothing in it.
    #[error("no {what} in the PEM text")]
    Pem {
        /// What should be there.
        what: &'static str,
        /// What is wrong with the text.
        #[source]
        source: pem::Error,
    },
    /// rustls does not take them.
    #[error("cannot use the certificate")]
    Certificate(#[from] rustls::Error),
    /// rustls does not take the authorities of clients.
    #[error("cannot use the authorities")]
    Authorities(#[from] VerifierBuilderError),
}

/// A certificate with its key, and the authorities that the other side must be signed by.
pub struct Credentials {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    authorities: Arc<RootCertStore>,
}

/// Keys are nothing for logs.
impl Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

impl Credentials {
    /// Reads PEM.
    ///
    /// # Errors
    /// When a certificate, a key or an authority is missing or makes no sense.
    pub fn from_pem(chain: &[u8], key: &[u8], authorities: &[u8]) -> Result<Self, TlsError> {
        let chain = certificates("certificate", chain)?;
        let failed = |source| TlsError::Pem { what: "private key", source };
        let key = PrivateKeyDer::from_pem_slice(key).map_err(failed)?;
        Ok(Self { chain, key, authorities: roots(authorities)? })
    }

    /// Returns until when the certificate is good.
    pub fn until(&self) -> Option<Timestamp> {
        expiry::until(self.chain.first()?)
    }

    /// Makes the side of a server.
    ///
    /// # Errors
    /// When certificate and key are no pair.
    pub fn server(&self, clients: Clients) -> Result<TlsAcceptor, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&TLS13])?;
        let builder = match clients {
            Clients::Anyone => builder.with_no_client_auth(),
            Clients::Known => {
                let authorities = Arc::clone(&self.authorities);
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(authorities, provider).build()?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let mut config = builder.with_single_cert(self.chain.clone(), self.key.clone_key())?;
        config.alpn_protocols = vec![H2.to_vec()];
        Ok(Arc::new(config).into())
    }

    /// Makes the side of a client that says who it is.
    ///
    /// # Errors
    /// When certificate and key are no pair.
    pub fn client(&self) -> Result<TlsConnector, TlsError> {
        let builder = client(Arc::clone(&self.authorities))?;
        let mut config = builder.with_client_auth_cert(self.chain.clone(), self.key.clone_key())?;
        config.alpn_protocols = vec![H2.to_vec()];
        Ok(Arc::new(config).into())
    }
}

/// Whom a server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clients {
    /// Whoever can connect.
    Anyone,
    /// Who shows a certificate of an authority.
    Known,
}

/// A side of TLS as it is now: nothing until there are certificates, and others when they are renewed.
#[derive(Clone)]
pub struct Current<T>(watch::Receiver<Option<T>>);

/// What a server's door needs.
pub type Acceptor = Current<TlsAcceptor>;
/// What a client needs.
pub type Connector = Current<TlsConnector>;

impl<T> Debug for Current<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Current").field(&self.0.borrow().is_some()).finish()
    }
}

impl<T: Clone> Current<T> {
    /// Returns what somebody else keeps up to date.
    pub fn kept(by: &watch::Sender<Option<T>>) -> Self {
        Self(by.subscribe())
    }

    /// Returns what never comes.
    pub fn never() -> Self {
        Self::kept(&watch::Sender::default())
    }

    /// Returns it, if it is there.
    pub fn get(&self) -> Option<T> {
        self.0.borrow().clone()
    }
}

impl Connector {
    /// Opens TLS on a connection to a server of that name.
    ///
    /// # Errors
    /// When there are no certificates, the server is not who it should be, or does not want this client.
    pub(super) async fn secure<S>(&self, name: &str, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let connector = self
            .get()
            .ok_or_else(|| io::Error::other("it asks for TLS, and there is no certificate"))?;
        secure(&connector, name, stream).await
    }
}

/// Opens TLS on a connection to a server of that name.
pub(super) async fn secure<S>(
    connector: &TlsConnector,
    name: &str,
    stream: S,
) -> io::Result<TlsStream<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
    connector.connect(name, stream).await
}

type ClientBuilder = rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>;

fn client(authorities: Arc<RootCertStore>) -> Result<ClientBuilder, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(authorities))
}

pub(super) fn certificates(
    what: &'static str,
    text: &[u8],
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let failed = |source| TlsError::Pem { what, source };
    let all: Vec<_> =
        CertificateDer::pem_slice_iter(text).collect::<Result<_, _>>().map_err(failed)?;
    if all.is_empty() { Err(failed(pem::Error::NoItemsFound)) } else { Ok(all) }
}

pub(super) fn roots(text: &[u8]) -> Result<Arc<RootCertStore>, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates("authority", text)? {
        roots.add(certificate)?;
    }
    Ok(Arc::new(roots))
}
