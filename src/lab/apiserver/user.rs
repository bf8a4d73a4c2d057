//! Who is calling: client certificates and bearer tokens.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use sha2::{Digest as _, Sha256};

use super::subject::subject;
use super::token::TokenKey;

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

    pub(super) fn is_anonymous(&self) -> bool {
        self.name == "system:anonymous"
    }

    fn service_account(namespace: &str, name: &str, uid: &str) -> Self {
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
    pub(super) fn new(tokens: impl IntoIterator<Item = (String, User)>) -> Self {
        let tokens = tokens.into_iter().map(|(token, user)| (digest(&token), user)).collect();
        Self { tokens, key: TokenKey::generate() }
    }

    pub(super) fn key(&self) -> &TokenKey {
        &self.key
    }

    /// Recognises a bearer token.
    pub(super) fn by_token(&self, token: &str) -> Option<User> {
        if let Some(user) = self.tokens.get(&digest(token)) {
            return Some(user.clone());
        }
        let claims = self.key.verify(token, jiff::Timestamp::now().as_second())?;
        Some(User::service_account(&claims.namespace, &claims.name, &claims.uid))
    }

    /// Recognises a client certificate that TLS has verified.
    pub(super) fn by_certificate(certificate: &CertificateDer<'_>) -> Option<User> {
        let subject = subject(certificate)?;
        Some(User::new(&subject.common_name, subject.organizations))
    }

    /// Recognises the caller of a request: the token wins over the certificate; a wrong token is nobody.
    pub(super) fn identify(
        &self,
        authorization: Option<&str>,
        certificate: Option<&Arc<User>>,
    ) -> Option<User> {
        match authorization {
            Some(value) => {
                let (scheme, token) = value.split_once(' ')?;
                scheme.eq_ignore_ascii_case("bearer").then(|| self.by_token(token.trim()))?
            }
            None => Some(certificate.map_or_else(User::anonymous, |user| (**user).clone())),
        }
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}
