//! Who may see which flows, as the Kubernetes API says.

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use futures::future::BoxFuture;
use k8s_openapi::api::{
    authentication::v1::{TokenReview, TokenReviewSpec},
    authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec},
};
use kube::{Api, Client, api::PostParams};
use sha2::{Digest, Sha256};

use crate::relay::{Access, Denied, User};

/// How long an answer is good: so long somebody who lost a right keeps it here at most.
const FRESH: Duration = Duration::from_secs(60);
/// So many answers are kept.
const ROOM: usize = 16_384;

/// Asks the API server, with the rights to review tokens and access.
pub(super) struct Reviews {
    client: Client,
    /// By the hash of the token: tokens are not kept.
    users: Kept<[u8; 32], Result<Arc<User>, Denied>>,
    rights: Kept<(Arc<User>, Option<String>), bool>,
}

impl fmt::Debug for Reviews {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reviews").finish_non_exhaustive()
    }
}

impl Reviews {
    pub(super) fn new(client: Client) -> Self {
        Self { client, users: Kept::default(), rights: Kept::default() }
    }

    async fn review(&self, token: &str) -> Result<Arc<User>, Denied> {
        let spec = TokenReviewSpec { token: token.to_owned(), audiences: None };
        let review = TokenReview { spec, ..TokenReview::default() };
        let api: Api<TokenReview> = Api::all(self.client.clone());
        let answer = api.create(&PostParams::default(), &review).await.map_err(unavailable)?;
        let status = answer.status.unwrap_or_default();
        let user =
            status.user.filter(|_| status.authenticated == Some(true)).ok_or(Denied::Token)?;
        Ok(Arc::new(User {
            name: user.username.unwrap_or_default(),
            uid: user.uid.unwrap_or_default(),
            groups: user.groups.unwrap_or_default(),
            extra: user.extra.unwrap_or_default(),
        }))
    }

    async fn allows(&self, user: &User, namespace: Option<&str>) -> Result<bool, Denied> {
        let resource_attributes = ResourceAttributes {
            verb: Some("get".to_owned()),
            resource: Some("pods".to_owned()),
            version: Some("v1".to_owned()),
            namespace: namespace.map(str::to_owned),
            ..ResourceAttributes::default()
        };
        let spec = SubjectAccessReviewSpec {
            user: Some(user.name.clone()),
            uid: Some(user.uid.clone()),
            groups: Some(user.groups.clone()),
            extra: Some(user.extra.clone()),
            resource_attributes: Some(resource_attributes),
            ..SubjectAccessReviewSpec::default()
        };
        let review = SubjectAccessReview { spec, ..SubjectAccessReview::default() };
        let api: Api<SubjectAccessReview> = Api::all(self.client.clone());
        let answer = api.create(&PostParams::default(), &review).await.map_err(unavailable)?;
        Ok(answer.status.is_some_and(|status| status.allowed && status.denied != Some(true)))
    }
}

fn unavailable(error: kube::Error) -> Denied {
    Denied::Unavailable(error.to_string())
}

impl Access for Reviews {
    fn user<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Arc<User>, Denied>> {
        Box::pin(async move {
            let key: [u8; 32] = Sha256::digest(token).into();
            if let Some(known) = self.users.get(&key, Instant::now()) {
                return known;
            }
            let answer = self.review(token).await;
            // That the API server is away is no answer.
            if !matches!(answer, Err(Denied::Unavailable(_))) {
                self.users.put(key, answer.clone(), Instant::now());
            }
            answer
        })
    }

    fn may_see<'a>(
        &'a self,
        user: &'a Arc<User>,
        namespace: Option<&'a str>,
    ) -> BoxFuture<'a, Result<bool, Denied>> {
        Box::pin(async move {
            let key = (Arc::clone(user), namespace.map(str::to_owned));
            if let Some(known) = self.rights.get(&key, Instant::now()) {
                return Ok(known);
            }
            let allowed = self.allows(user, namespace).await?;
            self.rights.put(key, allowed, Instant::now());
            Ok(allowed)
        })
    }
}

/// Answers that are good for a while.
#[derive(Debug)]
struct Kept<K, V>(Mutex<HashMap<K, (Instant, V)>>);

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone> Kept<K, V> {
    fn get(&self, key: &K, now: Instant) -> Option<V> {
        let kept = self.0.lock().expect("no panic while holding the lock");
        let (since, value) = kept.get(key)?;
        (now.duration_since(*since) < FRESH).then(|| value.clone())
    }

    fn put(&self, key: K, value: V, now: Instant) {
        let mut kept = self.0.lock().expect("no panic while holding the lock");
        if kept.len() >= ROOM {
            kept.retain(|_, (since, _)| now.duration_since(*since) < FRESH);
        }
        // Whoever tries many tokens must not push out what is known.
        if kept.len() < ROOM {
            kept.insert(key, (now, value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_good_for_a_minute_and_memory_is_bounded() {
        let (kept, start) = (Kept::default(), Instant::now());
        kept.put(0, true, start);
        assert_eq!(kept.get(&0, start + FRESH / 2), Some(true));
        assert_eq!(kept.get(&0, start + FRESH), None);
        (1..2 * ROOM).for_each(|n| kept.put(n, true, start));
        assert_eq!(kept.get(&(2 * ROOM - 1), start), None);
        kept.put(2 * ROOM, true, start + FRESH);
        assert_eq!(kept.get(&(2 * ROOM), start + FRESH), Some(true), "old answers make room");
    }
}
