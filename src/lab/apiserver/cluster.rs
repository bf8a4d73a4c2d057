//! What all requests share.

use std::sync::{Arc, Mutex};

use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use super::access::Gate;
use super::backend::PodBackend;
use super::catalog::Registry;
use super::metadata;
use super::reaper::Reaper;
use super::server::Limits;
use super::store::{Expect, Key, Object, Store, WriteError};
use super::token::{Claims, ISSUER};
use super::user::{User, Users};

/// The state of one server.
pub(super) struct Cluster {
    pub(super) store: Arc<Store>,
    pub(super) registry: Registry,
    pub(super) users: Users,
    pub(super) gate: Gate,
    pub(super) pods: Arc<dyn PodBackend>,
    pub(super) limits: Limits,
    pub(super) authority_pem: String,
    pub(super) reaper: Reaper,
    /// Held by who evicts: a budget counts the pods that others have not begun to delete.
    pub(super) evictions: Mutex<()>,
    pub(super) shutdown: CancellationToken,
}

/// Seconds a service account token lives unless asked otherwise.
const TOKEN_LIFE: i64 = 3600;
/// Seconds a token lives at most.
const LASTING: i64 = 365 * 24 * 3600;

impl Cluster {
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

    /// Recognises a bearer token that is meant for this server.
    fn by_token(&self, token: &str) -> Option<User> {
        self.by_token_for(token, &[ISSUER.to_owned()]).map(|(user, _)| user)
    }

    /// Recognises a token by the audiences that it is for; returns those of `audiences` that are its own.
    pub(super) fn by_token_for(
        &self,
        token: &str,
        audiences: &[String],
    ) -> Option<(User, Vec<String>)> {
        let (user, claims) = self.users.by_token(token)?;
        let own = match claims {
            None => vec![ISSUER.to_owned()],
            Some(claims) => {
                // A token is good for as long as its account exists.
                let key = Key::new(&claims.namespace, &claims.name);
                let account = self.store.get("serviceaccounts", &key)?;
                if !claims.uid.is_empty() && *claims.uid != *account.uid {
                    return None;
                }
                claims.audiences
            }
        };
        let shared: Vec<String> = audiences.iter().filter(|a| own.contains(a)).cloned().collect();
        (!shared.is_empty()).then_some((user, shared))
    }

    /// Returns a namespace.
    pub(super) fn namespace(&self, name: &str) -> Option<Arc<Object>> {
        self.store.get("namespaces", &Key::new("", name))
    }

    /// Creates an object of the server's own unless it exists.
    pub(super) fn ensure(&self, resource: &str, mut value: Value) {
        let catalog = self.registry.catalog();
        let Some(resource) = catalog.by_id(resource) else { return };
        let key = Key::new(metadata::text(&value, "namespace"), metadata::text(&value, "name"));
        let Some(metadata) = value["metadata"].as_object_mut() else { return };
        identify(metadata);
        // Losing the race for the name is as good.
        drop(self.store.put(resource, key, value, Expect::Absent));
    }

    /// Changes an object on the server's own account; does nothing if it is gone or stays the same.
    pub(super) fn change(
        &self,
        resource: &str,
        key: &Key,
        mut change: impl FnMut(&mut Value),
    ) -> Option<Arc<Object>> {
        let catalog = self.registry.catalog();
        let resource = catalog.by_id(resource)?;
        loop {
            let current = self.store.get(&resource.id, key)?;
            let old = current.value();
            let mut new = old.clone();
            change(&mut new);
            if new == old {
                return Some(current);
            }
            let expect = Expect::Revision(current.revision);
            match self.store.put(resource, key.clone(), new, expect) {
                Ok(object) => return Some(object),
                Err(WriteError::Mismatch) => {}
                Err(error) => {
                    tracing::warn!(%error, resource = &*resource.id, name = &*key.name, "object not changed");
                    return None;
                }
            }
        }
    }

    /// Makes a token for a service account and tells when it expires; `None` if there is no such account.
    pub(super) fn token(
        &self,
        namespace: &str,
        name: &str,
        audiences: Vec<String>,
        seconds: Option<i64>,
    ) -> Option<(String, i64)> {
        let account = self.store.get("serviceaccounts", &Key::new(namespace, name))?;
        let seconds = seconds.unwrap_or(TOKEN_LIFE).clamp(600, LASTING);
        Some(self.sign(namespace, name, &account.uid, audiences, seconds))
    }

    /// Makes a token that outlives any server.
    pub(super) fn lasting_token(&self, namespace: &str, name: &str) -> String {
        let account = self.store.get("serviceaccounts", &Key::new(namespace, name));
        let uid = account.as_ref().map_or("", |account| &account.uid);
        self.sign(namespace, name, uid, Vec::new(), LASTING).0
    }

    fn sign(
        &self,
        namespace: &str,
        name: &str,
        uid: &str,
        mut audiences: Vec<String>,
        seconds: i64,
    ) -> (String, i64) {
        if audiences.is_empty() {
            audiences.push(ISSUER.to_owned());
        }
        let issued = jiff::Timestamp::now().as_second();
        let claims = Claims {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            uid: uid.to_owned(),
            audiences,
            issued,
            expires: issued + seconds,
        };
        (self.users.key().sign(&claims), claims.expires)
    }
}

fn identify(metadata: &mut Map<String, Value>) {
    metadata.insert("uid".to_owned(), uuid::Uuid::new_v4().to_string().into());
    metadata.insert("creationTimestamp".to_owned(), metadata::now().into());
}
