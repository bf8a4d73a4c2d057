//! A certificate authority: it signs certificates of servers, and of clients with a user and groups.

use std::fs;
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use rustls::pki_types::{CertificateDer, pem::PemObject};

use super::{Certified, Validity};

/// A certificate could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// Making or signing failed.
    #[error("cannot make a certificate for {subject}")]
    Sign {
        /// Whom the certificate is for.
        subject: String,
        /// The reason.
        #[source]
        source: rcgen::Error,
    },
    /// The authority's key could not be read or written.
    #[error("cannot keep the authority's key in {}", path.display())]
    Keep {
        /// The file.
        path: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
}

/// Signs certificates.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    pem: String,
    key_pem: String,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

impl Authority {
    /// Makes a new authority.
    ///
    /// # Errors
    /// When there are no random numbers for a key.
    pub fn generate(name: &str, validity: Validity) -> Result<Self, CertificateError> {
        let failed = |source| CertificateError::Sign { subject: name.to_owned(), source };
        Self::with_key(name, KeyPair::generate().map_err(failed)?, validity)
    }

    /// Makes the authority whose key is in a file, made if absent. Every certificate it has signed stays good: what
    /// clients trust is its name and its key.
    ///
    /// # Errors
    /// When the file cannot be read or made, or has no key in it.
    pub fn kept(name: &str, path: &Path) -> Result<Self, CertificateError> {
        let failed = |source| CertificateError::Sign { subject: name.to_owned(), source };
        let kept = |source| CertificateError::Keep { path: path.to_owned(), source };
        match fs::read_to_string(path) {
            Ok(pem) => {
                Self::with_key(name, KeyPair::from_pem(&pem).map_err(failed)?, Validity::Always)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let made = Self::generate(name, Validity::Always)?;
                let mut options = fs::OpenOptions::new();
                options.write(true).create_new(true).mode(0o600);
                let mut file = options.open(path).map_err(kept)?;
                file.write_all(made.key_pem.as_bytes()).map_err(kept)?;
                Ok(made)
            }
            Err(error) => Err(kept(error)),
        }
    }

    /// Takes up an authority that was made before, by its name, certificate and key.
    ///
    /// # Errors
    /// When these are not PEM, or the key is of no use.
    pub fn restore(name: &str, pem: &str, key_pem: &str) -> Result<Self, CertificateError> {
        let failed = |source| CertificateError::Sign { subject: name.to_owned(), source };
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes())
            .map_err(|_| failed(rcgen::Error::CouldNotParseCertificate))?;
        let key = KeyPair::from_pem(key_pem).map_err(failed)?;
        Ok(Self {
            pem: pem.to_owned(),
            certificate,
            key_pem: key_pem.to_owned(),
            issuer: Issuer::new(params(name, Validity::Always), key),
        })
    }

    fn with_key(name: &str, key: KeyPair, validity: Validity) -> Result<Self, CertificateError> {
        let failed = |source| CertificateError::Sign { subject: name.to_owned(), source };
        let params = params(name, validity);
        let certificate = params.self_signed(&key).map_err(failed)?;
        Ok(Self {
            pem: certificate.pem(),
            certificate: certificate.der().clone(),
            key_pem: key.serialize_pem(),
            issuer: Issuer::new(params, key),
        })
    }

    /// Returns the authority's certificate as PEM, the `certificate-authority-data` of kubeconfigs and `ca.crt` of pods.
    pub fn certificate_pem(&self) -> &str {
        &self.pem
    }

    /// Returns its private key as PEM: who has it can sign.
    pub fn key_pem(&self) -> &str {
        &self.key_pem
    }

    /// Returns its certificate as rustls takes it.
    pub fn certificate_der(&self) -> CertificateDer<'static> {
        self.certificate.clone()
    }

    /// Signs a certificate of a server for host names and addresses.
    ///
    /// # Errors
    /// When a name is none.
    pub fn server(
        &self,
        names: &[String],
        validity: Validity,
    ) -> Result<Certified, CertificateError> {
        let mut params = CertificateParams::default();
        for name in names {
            params.subject_alt_names.push(match name.parse::<IpAddr>() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => {
                    SanType::DnsName(name.as_str().try_into().map_err(|source| {
                        CertificateError::Sign { subject: name.clone(), source }
                    })?)
                }
            });
        }
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        validity.apply(&mut params);
        self.sign(params, "server", "")
    }

    /// Signs a client certificate: the common name is the user, the organization its groups, separated by commas (rcgen
    /// keeps one attribute of each type).
    ///
    /// # Errors
    /// When there are no random numbers for a key.
    pub fn client(
        &self,
        user: &str,
        groups: &[&str],
        validity: Validity,
    ) -> Result<Certified, CertificateError> {
        let mut params = CertificateParams::default();
        validity.apply(&mut params);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(params, user, &groups.join(","))
    }

    fn sign(
        &self,
        mut params: CertificateParams,
        subject: &str,
        groups: &str,
    ) -> Result<Certified, CertificateError> {
        let failed = |source| CertificateError::Sign { subject: subject.to_owned(), source };
        params.distinguished_name = DistinguishedName::new();
        if !groups.is_empty() {
            params.distinguished_name.push(DnType::OrganizationName, groups);
        }
        params.distinguished_name.push(DnType::CommonName, subject);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(failed)?;
        Ok(Certified {
            certificate: certificate.der().clone(),
            pem: certificate.pem(),
            key: key.serialize_der(),
            key_pem: key.serialize_pem(),
        })
    }
}

/// Describes an authority that signs certificates of servers and clients only.
fn params(name: &str, validity: Validity) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    validity.apply(&mut params);
    params
}
