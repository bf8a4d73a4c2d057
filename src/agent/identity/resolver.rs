//! Agreement with the cluster on the number of a label set.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use kube::{
    Api,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::json;
use tracing::{debug, info};

use super::probe;
use crate::{
    agent::publish::{News, Published},
    kubernetes::{
        IdentityObject, Watched,
        crd::{SkepIdentity, SkepIdentitySpec},
    },
    model::{Identity, Labels},
};

/// What the agent knows of identities, and how it learns more than the watch has told so far.
pub(in crate::agent) trait Known: Send + Sync {
    /// Returns the identity that new users of a label set take.
    fn lookup(&self, labels: &Labels) -> Option<IdentityObject>;
    /// Returns the object of a number.
    fn object(&self, identity: Identity) -> Option<IdentityObject>;
    /// Takes in an object that the API server has just confirmed.
    fn learn(&self, object: IdentityObject);
    /// Forgets an object that the API server no longer has.
    fn forget(&self, identity: Identity);
}

/// The cluster could not be asked, or has no number left.
#[derive(Debug, thiserror::Error)]
pub(in crate::agent) enum ResolveError {
    /// The API server refused or is away.
    #[error("cannot agree on an identity with the API server")]
    Api(#[source] Box<kube::Error>),
    /// The API server did not answer in time.
    #[error("the API server did not answer within {0:?}")]
    Late(Duration),
    /// Other label sets have taken all candidates.
    #[error("no identity number is left for these labels")]
    Exhausted,
}

/// Resolves label sets, creating identity objects where the cluster has none.
pub(in crate::agent) struct Resolver {
    api: Api<SkepIdentity>,
    known: Arc<dyn Known>,
    published: Published,
    // One create per label set at a time; a hundred pods of one workload need one request.
    busy: Mutex<HashMap<Labels, Arc<tokio::sync::Mutex<()>>>>,
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resolver").finish_non_exhaustive()
    }
}

/// Longest wait for the API server.
const TIMEOUT: Duration = Duration::from_secs(2);

impl Resolver {
    pub(in crate::agent) fn new(
        client: kube::Client,
        known: Arc<dyn Known>,
        published: Published,
    ) -> Self {
        Self { api: Api::all(client), known, published, busy: Mutex::default() }
    }

    /// Returns the identity of a label set, and makes sure that the cluster keeps it.
    ///
    /// # Errors
    /// When it is not known and the API server cannot be asked, or no number is left.
    pub(in crate::agent) async fn resolve(
        &self,
        labels: &Labels,
    ) -> Result<Identity, ResolveError> {
        if let Some(object) = self.known.lookup(labels)
            && !object.retired
        {
            return Ok(object.identity);
        }
        let start = Instant::now();
        let turn = self.turn(labels);
        let result = {
            let _turn = turn.lock().await;
            tokio::time::timeout(TIMEOUT, self.agree(labels))
                .await
                .unwrap_or(Err(ResolveError::Late(TIMEOUT)))
        };
        match &result {
            Ok(_) => self.published.done(News::Identity, start.elapsed()),
            Err(_) => self.published.failed(News::Identity),
        }
        let mut busy = self.busy.lock().expect("no panic while holding the lock");
        if Arc::strong_count(&turn) <= 2 {
            busy.remove(labels);
        }
        result
    }

    fn turn(&self, labels: &Labels) -> Arc<tokio::sync::Mutex<()>> {
        let mut busy = self.busy.lock().expect("no panic while holding the lock");
        Arc::clone(busy.entry(labels.clone()).or_default())
    }

    async fn agree(&self, labels: &Labels) -> Result<Identity, ResolveError> {
        if let Some(object) = self.known.lookup(labels)
            && self.keep(&object).await?
        {
            return Ok(object.identity);
        }
        for candidate in probe::probes(labels) {
            // The object may vanish between the refused create and the read: try once more.
            for _ in 0..2 {
                if let Some(settled) = self.claim(candidate, labels).await? {
                    match settled {
                        Claim::Ours => return Ok(candidate),
                        Claim::Taken => break,
                    }
                }
            }
        }
        Err(ResolveError::Exhausted)
    }

    /// Un-retires an identity. Returns false when it is gone by now.
    async fn keep(&self, object: &IdentityObject) -> Result<bool, ResolveError> {
        if !object.retired {
            return Ok(true);
        }
        let patch = Patch::Merge(json!({"spec": {"retiredAt": null}}));
        let name = object.key();
        match self.api.patch(&name, &PatchParams::default(), &patch).await {
            Ok(_) => {
                info!(identity = object.identity.0, "identity is used again");
                self.known.learn(IdentityObject { retired: false, ..object.clone() });
                Ok(true)
            }
            Err(error) if has_code(&error, 404) => {
                self.known.forget(object.identity);
                Ok(false)
            }
            Err(error) => Err(ResolveError::Api(Box::new(error))),
        }
    }

    /// Tries to make `candidate` the number of `labels`. Returns nothing when it must be tried again.
    async fn claim(
        &self,
        candidate: Identity,
        labels: &Labels,
    ) -> Result<Option<Claim>, ResolveError> {
        let failed = |error| ResolveError::Api(Box::new(error));
        if self.known.object(candidate).is_some_and(|object| object.labels != *labels) {
            return Ok(Some(Claim::Taken));
        }
        let name = candidate.0.to_string();
        let spec = SkepIdentitySpec { labels: labels.0.clone(), retired_at: None };
        let object = SkepIdentity::new(&name, spec);
        match self.api.create(&PostParams::default(), &object).await {
            Ok(_) => {
                info!(identity = candidate.0, %labels, "identity created");
                let labels = labels.clone();
                self.known.learn(IdentityObject { identity: candidate, labels, retired: false });
                return Ok(Some(Claim::Ours));
            }
            Err(error) if has_code(&error, 409) => {
                debug!(identity = candidate.0, "number is taken")
            }
            Err(error) => return Err(failed(error)),
        }
        let Some(existing) = self.api.get_opt(&name).await.map_err(failed)? else {
            return Ok(None);
        };
        match IdentityObject::from_object(&existing) {
            Ok(object) if object.labels == *labels => {
                self.known.learn(object.clone());
                Ok(self.keep(&object).await?.then_some(Claim::Ours))
            }
            _ => Ok(Some(Claim::Taken)),
        }
    }
}

enum Claim {
    Ours,
    Taken,
}

fn has_code(error: &kube::Error, code: u16) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == code)
}
