//! Certificates in Secrets.

use std::fmt;

use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::{Api, Client, ResourceExt, runtime::watcher};

use super::{Change, Malformed, WatchState, Watched, watch};

/// Keys of a Secret of type `kubernetes.io/tls`; the last is common, and not part of the type.
pub const CHAIN: &str = "tls.crt";
/// The private key.
pub const KEY: &str = "tls.key";
/// Who the other side must be signed by.
pub const AUTHORITIES: &str = "ca.crt";

/// A certificate with its key and the authorities to trust, as PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct CertificateObject {
    /// Name of the Secret.
    pub name: String,
    /// The certificate, and those between it and the authority.
    pub chain: Vec<u8>,
    /// The private key.
    pub key: Vec<u8>,
    /// Authorities.
    pub authorities: Vec<u8>,
}

/// Keys are nothing for logs.
impl fmt::Debug for CertificateObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificateObject").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Watched for CertificateObject {
    type Object = Secret;
    const NOUN: &'static str = "certificates";

    fn from_object(secret: &Secret) -> Result<Self, Malformed> {
        let name = secret.name_any();
        let part = |key: &'static str| {
            let text = secret.data.as_ref().and_then(|data| data.get(key));
            let text = text.map(|ByteString(text)| text.clone());
            text.ok_or_else(|| Malformed::Secret(name.clone(), key))
        };
        Ok(Self {
            chain: part(CHAIN)?,
            key: part(KEY)?,
            authorities: part(AUTHORITIES)?,
            name: name.clone(),
        })
    }

    fn key(&self) -> String {
        self.name.clone()
    }
}

/// Watches one Secret for ever, and tells what is in it each time it changes. One that is gone changes nothing:
/// what was in it is still good. Drop the future to stop.
pub async fn follow_certificate(
    client: Client,
    (namespace, name): (&str, &str),
    mut tell: impl FnMut(CertificateObject) + Send,
) {
    let one = watcher::Config::default().fields(&format!("metadata.name={name}"));
    let secrets = Api::namespaced(client, namespace);
    watch(secrets, one, &WatchState::default(), |change| match change {
        Change::Listed(all) => all.into_iter().for_each(&mut tell),
        Change::Changed(one) => tell(one),
        Change::Gone(_) => {}
    })
    .await;
}
