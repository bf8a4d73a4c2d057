//! The lab's own certificate authority: server certificates and client certificates with a user and groups.

use std::fs;
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

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

/// A certificate with its private key.
#[derive(Clone)]
pub struct Certified {
    certificate: CertificateDer<'static>,
    pem: String,
    key: Vec<u8>,
    key_pem: String,
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

    pub(in crate::lab) fn certificate_der(&self) -> CertificateDer<'static> {
        self.certificate.clone()
    }

    pub(in crate::lab) fn key_der(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.clone()))
    }
}

impl std::fmt::Debug for Certified {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certified").finish_non_exhaustive()
    }
}

/// Signs the certificates of one lab.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    pem: String,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

impl Authority {
    /// Makes a new authority named after the lab.
    pub fn generate(lab: &str) -> Result<Self, CertificateError> {
        let name = format!("skep-lab-{lab}");
        let failed = |source| CertificateError::Sign { subject: name.clone(), source };
        Self::with_key(&name, KeyPair::generate().map_err(failed)?)
    }

    /// Makes the authority whose key is in a file, made if absent. Every certificate it has signed stays good: what
    /// clients trust is its name and its key.
    pub fn kept(lab: &str, path: &Path) -> Result<Self, CertificateError> {
        let name = format!("skep-lab-{lab}");
        let failed = |source| CertificateError::Sign { subject: name.clone(), source };
        let kept = |source| CertificateError::Keep { path: path.to_owned(), source };
        match fs::read_to_string(path) {
            Ok(pem) => Self::with_key(&name, KeyPair::from_pem(&pem).map_err(failed)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = KeyPair::generate().map_err(failed)?;
                let mut options = fs::OpenOptions::new();
                options.write(true).create_new(true).mode(0o600);
                let mut file = options.open(path).map_err(kept)?;
                file.write_all(key.serialize_pem().as_bytes()).map_err(kept)?;
                Self::with_key(&name, key)
            }
            Err(error) => Err(kept(error)),
        }
    }

    fn with_key(name: &str, key: KeyPair) -> Result<Self, CertificateError> {
        let failed = |source| CertificateError::Sign { subject: name.to_owned(), source };
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let certificate = params.self_signed(&key).map_err(failed)?;
        Ok(Self {
            pem: certificate.pem(),
            certificate: certificate.der().clone(),
            issuer: Issuer::new(params, key),
        })
    }

    /// Returns the authority's certificate as PEM, the `certificate-authority-data` of kubeconfigs and `ca.crt` of pods.
    pub fn certificate_pem(&self) -> &str {
        &self.pem
    }

    pub(super) fn certificate_der(&self) -> CertificateDer<'static> {
        self.certificate.clone()
    }

    /// Signs a server certificate for host names and addresses.
    pub fn server(&self, names: &[String]) -> Result<Certified, CertificateError> {
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
        self.sign(params, "skep-lab-server", "")
    }

    /// Signs a client certificate: the common name is the user, the organization its groups, separated by commas (rcgen
    /// keeps one attribute of each type).
    pub fn client(&self, user: &str, groups: &[&str]) -> Result<Certified, CertificateError> {
        let mut params = CertificateParams::default();
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
