//! Whom a client believes that is not of the cluster, and as whom it speaks.

use std::{
    fmt::{self, Debug},
    sync::Arc,
};

use rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
};
use tokio_rustls::TlsConnector;

use super::tls::{H2, TlsError, certificates, roots};

/// Whom a client believes, and as whom it speaks.
#[derive(Clone, Default)]
pub struct Trust {
    /// Authorities of servers, as PEM; none means those of this machine.
    pub authorities: Vec<u8>,
    /// The client's own certificate and key, as PEM.
    pub own: Option<(Vec<u8>, Vec<u8>)>,
    /// The name that the server's certificate must be for, if it is not the one in its address.
    pub name: Option<String>,
    /// Believe whoever answers.
    pub anyone: bool,
}

/// Keys are nothing for logs.
impl Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust").field("anyone", &self.anyone).finish_non_exhaustive()
    }
}

impl Trust {
    /// Makes the side of a client.
    ///
    /// # Errors
    /// When something is not PEM, or certificate and key are no pair.
    pub(super) fn connector(&self) -> Result<TlsConnector, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?;
        let builder = if self.anyone {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(Anyone(provider)))
        } else if self.authorities.is_empty() {
            builder.with_root_certificates(of_this_machine())
        } else {
            builder.with_root_certificates(roots(&self.authorities)?)
        };
        let mut config = match &self.own {
            Some((chain, key)) => {
                let failed = |source| TlsError::Pem { what: "private key", source };
                let key = PrivateKeyDer::from_pem_slice(key).map_err(failed)?;
                builder.with_client_auth_cert(certificates("certificate", chain)?, key)?
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![H2.to_vec()];
        Ok(Arc::new(config).into())
    }
}

/// What cannot be read is left out: if it was needed, the server is not believed.
fn of_this_machine() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

/// Believes whoever answers, but still checks that it has the key of what it shows.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
