//! A certificate and its key.

use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// A certificate with its private key.
#[derive(Clone)]
pub struct Certified {
    pub(super) certificate: CertificateDer<'static>,
    pub(super) pem: String,
    pub(super) key: Vec<u8>,
    pub(super) key_pem: String,
}

impl Certified {
    /// Returns the certificate as PEM.
    pub fn certificate_pem(&self) -> &str {
        &self.pem
    }

    /// Returns the private key as PEM.
    pub fn key_pem(&self) -> &str {
        &self.key_pem
    }

    /// Returns the certificate as rustls takes it.
    pub fn certificate_der(&self) -> CertificateDer<'static> {
        self.certificate.clone()
    }

    /// Returns the private key as rustls takes it.
    pub fn key_der(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.clone()))
    }
}

/// Keys are nothing for logs.
impl std::fmt::Debug for Certified {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certified").finish_non_exhaustive()
    }
}
