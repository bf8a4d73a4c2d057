//! Who is calling: client certificates and bearer tokens.

use std::collections::HashMap;

use rustls::pki_types::CertificateDer;
use sha2::{Digest as _, Sha256};

use super::subject::subject;
use super::token::{Claims, TokenKey};

/// The caller of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) groups: Vec<String>,
}

impl User {
    pub(super) fn new(name: &str, groups: impl IntoIterator<Item = String>) -> Self {
        let mut groups: Vec<String> = groups.into_iter().collect();
        groups.push("system:authenticated".to_owned());
        Self { name: name.to_owned(), uid: String::new(), groups }
    }

    pub(super) fn anonymous() -> Self {
        Self {
            name: "system:anonymous".to_owned(),
            uid: String::new(),
            groups: vec!["system:unauthenticated".to_owned()],
        }
    }

    pub(super) fn service_account(namespace: &str, name: &str, uid: &str) -> Self {
        let mut user = Self::new(
            &format!("system:serviceaccount:{namespace}:{name}"),
            ["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}")],
        );
        user.uid = uid.to_owned();
        user
    }
}

/// Recognises callers.
pub(super) struct Users {
    /// By digest, so that comparing takes no time that tells about the token.
    tokens: HashMap<[u8; 32], User>,
    key: TokenKey,
}

impl Users {
    pub(super) fn new(tokens: impl IntoIterator<Item = (String, User)>, key: TokenKey) -> Self {
        let tokens = tokens.into_iter().map(|(token, user)| (digest(&token), user)).collect();
        Self { tokens, key }
    }

    pub(super) fn key(&self) -> &TokenKey {
        &self.key
    }

    /// Recognises a bearer token; the caller looks whether the service account of the claims is still there.
    pub(super) fn by_token(&self, token: &str) -> Option<(User, Option<Claims>)> {
        if let Some(user) = self.tokens.get(&digest(token)) {
            return Some((user.clone(), None));
        }
        let claims = self.key.verify(token, jiff::Timestamp::now().as_second())?;
        let user = User::service_account(&claims.namespace, &claims.name, &claims.uid);
        Some((user, Some(claims)))
    }

    /// Recognises a client certificate that TLS has verified.
    pub(super) fn by_certificate(certificate: &CertificateDer<'_>) -> Option<User> {
        let subject = subject(certificate)?;
        Some(User::new(&subject.common_name, subject.organizations))
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}
