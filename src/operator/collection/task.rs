//! Reads the cluster, lets the collector decide, writes.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use kube::{
    Api, Resource, ResourceExt,
    api::{DeleteParams, ListParams, PostParams, Preconditions},
};
use serde::de::DeserializeOwned;
use skep_bpf::abi::identity::{FIRST_CLUSTER, LAST_CLUSTER};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::collector::{Action, Collector, Seen, View};
use crate::{
    config::CollectionTimes,
    kubernetes::{
        IdentityObject, Watched,
        crd::{SkepEndpointSlice, SkepIdentity},
    },
    model::Identity,
    operator::{
        election::Leadership,
        metrics::{OperatorMetrics, Round, Write},
    },
};

/// Objects per page of a list.
const PAGE: u32 = 500;

/// Longest and shortest pause between two looks at the cluster.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(30));

/// Returns the pause between two looks: a fraction of the waits.
fn interval(times: CollectionTimes) -> Duration {
    (times.unused.min(times.retired) / 10).clamp(PAUSE.0, PAUSE.1)
}

/// The task that collects while this process leads.
pub(in crate::operator) struct CollectionTask {
    /// Client.
    pub(in crate::operator) client: kube::Client,
    /// Waits.
    pub(in crate::operator) times: CollectionTimes,
    /// Whether this process leads.
    pub(in crate::operator) leadership: Leadership,
    /// What it counts.
    pub(in crate::operator) metrics: OperatorMetrics,
}

impl CollectionTask {
    /// Collects until cancelled.
    pub(in crate::operator) async fn run(self, cancel: CancellationToken) {
        let space = usize::try_from(LAST_CLUSTER - FIRST_CLUSTER + 1).expect("it fits in 32 bits");
        let mut collector = Collector::new(self.times, space);
        let started = Instant::now();
        let mut pause = tokio::time::interval(interval(self.times));
        pause.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                _ = pause.tick() => {}
            }
            let Some(until) = self.leadership.until() else {
                collector.forget();
                continue;
            };
            // Nothing is written after the lease may have passed to somebody else.
            let round = tokio::time::timeout_at(until.into(), self.round(&mut collector, started));
            let round = tokio::select! {
                () = cancel.cancelled() => return,
                round = round => round,
            };
            let outcome = match round {
                Ok(Ok(())) => Round::Done,
                Ok(Err(error)) => {
                    warn!(%error, "cannot collect identities");
                    Round::Failed
                }
                Err(_) => {
                    warn!("collection was cut short: the lease was not renewed in time");
                    Round::CutShort
                }
            };
            self.metrics.ended(outcome, jiff::Timestamp::now());
        }
    }

    async fn round(&self, collector: &mut Collector, started: Instant) -> Result<(), kube::Error> {
        let objects = self.identities().await?;
        let used = self.used().await?;
        let identities = objects.iter().map(|(number, object)| {
            let retired = object.spec.retired_at.is_some();
            (*number, Seen { uid: object.uid().unwrap_or_default(), retired })
        });
        let view = View { identities: identities.collect(), used };
        self.metrics.saw(
            view.identities.keys().filter(|number| view.used.contains(number)).count(),
            view.identities.len(),
            view.identities.values().filter(|seen| seen.retired).count(),
        );
        for action in collector.decide(&view, started.elapsed()) {
            let (Action::Restore(number) | Action::Delete(number) | Action::Retire(number)) =
                action;
            if let Some(object) = objects.get(&number) {
                self.write(action, number, object).await?;
            }
        }
        Ok(())
    }

    /// Writes if the object is still as it was read; somebody else's change wins.
    async fn write(
        &self,
        action: Action,
        number: Identity,
        object: &SkepIdentity,
    ) -> Result<(), kube::Error> {
        let name = object.name_any();
        let identity = number.0;
        let (write, result) = match action {
            Action::Restore(_) => (Write::Restored, self.mark(object, None).await),
            Action::Retire(_) => {
                let now = jiff::Timestamp::now().to_string();
                (Write::Retired, self.mark(object, Some(now)).await)
            }
            Action::Delete(_) => {
                let preconditions = Preconditions {
                    resource_version: object.resource_version(),
                    uid: object.uid(),
                };
                let params = DeleteParams::default().preconditions(preconditions);
                (Write::Deleted, self.api().delete(&name, &params).await.map(drop))
            }
        };
        match result {
            Ok(()) => {
                info!(identity, phase = write.as_str(), "identity collected");
                self.metrics.wrote(write);
            }
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {
                debug!(identity, phase = write.as_str(), "somebody else was first");
                self.metrics.wrote(Write::Conflict);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn mark(
        &self,
        object: &SkepIdentity,
        retired_at: Option<String>,
    ) -> Result<(), kube::Error> {
        let mut object = object.clone();
        object.spec.retired_at = retired_at;
        self.api().replace(&object.name_any(), &PostParams::default(), &object).await.map(drop)
    }

    /// Reads all identities; objects of other names are nobody's identity and are left alone.
    async fn identities(&self) -> Result<BTreeMap<Identity, SkepIdentity>, kube::Error> {
        let objects = list(&self.api()).await?;
        let numbered = objects.into_iter().filter_map(|object| {
            IdentityObject::from_object(&object).ok().map(|parsed| (parsed.identity, object))
        });
        Ok(numbered.collect())
    }

    async fn used(&self) -> Result<BTreeSet<Identity>, kube::Error> {
        let slices: Vec<SkepEndpointSlice> = list(&Api::all(self.client.clone())).await?;
        let endpoints = slices.iter().flat_map(|slice| &slice.spec.endpoints);
        Ok(endpoints.map(|endpoint| Identity(endpoint.identity)).collect())
    }

    fn api(&self) -> Api<SkepIdentity> {
        Api::all(self.client.clone())
    }
}

/// Reads a complete list as the API server has it now, page by page. A page that fails fails all:
/// an incomplete list of users would make identities look unused.
async fn list<K>(api: &Api<K>) -> Result<Vec<K>, kube::Error>
where
    K: Resource + Clone + DeserializeOwned + std::fmt::Debug,
{
    let mut params = ListParams::default().limit(PAGE);
    let mut all = Vec::new();
    loop {
        let page = api.list(&params).await?;
        let next = page.metadata.continue_.clone().filter(|token| !token.is_empty());
        all.extend(page.items);
        match next {
            Some(token) => params = ListParams::default().limit(PAGE).continue_token(&token),
            None => return Ok(all),
        }
    }
}
