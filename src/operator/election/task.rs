//! Takes part in the election.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::{
    Api, ResourceExt,
    api::{ObjectMeta, PostParams},
};
use rand::RngExt;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::candidate::{Candidate, Held, Step};
use crate::{config::LeaseTimes, operator::metrics::OperatorMetrics};

/// Where the lease is.
const NAMESPACE: &str = "kube-system";
const NAME: &str = "skep-operator";

/// Whether this process leads, and until when for sure.
#[derive(Clone, Debug, Default)]
pub(in crate::operator) struct Leadership {
    until: Arc<Mutex<Option<Instant>>>,
}

impl Leadership {
    /// Returns until when this process leads, if it does.
    pub(in crate::operator) fn until(&self) -> Option<Instant> {
        let until = *self.until.lock().expect("no panic while holding the lock");
        until.filter(|until| Instant::now() < *until)
    }

    fn set(&self, until: Option<Instant>) {
        *self.until.lock().expect("no panic while holding the lock") = until;
    }
}

/// The task that holds the lease, or waits for it.
pub(in crate::operator) struct ElectionTask {
    api: Api<Lease>,
    times: LeaseTimes,
    candidate: Candidate,
    leadership: Leadership,
    metrics: OperatorMetrics,
    started: Instant,
}

impl ElectionTask {
    /// Enters the election.
    pub(in crate::operator) fn new(
        client: kube::Client,
        times: LeaseTimes,
        leadership: Leadership,
        metrics: OperatorMetrics,
    ) -> Self {
        let host = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
        let name = format!("{}_{}", host.unwrap_or_default(), uuid::Uuid::new_v4());
        Self {
            api: Api::namespaced(client, NAMESPACE),
            times,
            candidate: Candidate::new(name),
            leadership,
            metrics,
            started: Instant::now(),
        }
    }

    /// Takes part until cancelled, and then lets go of the lease.
    pub(in crate::operator) async fn run(mut self, cancel: CancellationToken) {
        let mut led = false;
        loop {
            let turn =
                tokio::time::timeout(self.times.renew.max(Duration::from_secs(1)), self.turn());
            let turn = tokio::select! {
                () = cancel.cancelled() => break,
                turn = turn => turn,
            };
            match turn {
                Ok(Ok(())) => {}
                Ok(Err(error)) => warn!(%error, "cannot take part in the election of a leader"),
                Err(_) => warn!("the API server is slow: the lease was not renewed in this turn"),
            }
            let leads = self.leadership.until().is_some();
            self.metrics.leads(leads);
            if leads != led {
                info!(leads, name = self.candidate.name(), "leadership changed");
                led = leads;
            }
            tokio::select! {
                () = cancel.cancelled() => break,
                () = tokio::time::sleep(self.pause()) => {}
            }
        }
        let led = self.leadership.until().is_some();
        self.leadership.set(None);
        self.metrics.leads(false);
        if led {
            self.release().await;
        }
    }

    /// Candidates that start together must not come back together.
    fn pause(&self) -> Duration {
        self.times.renew.mul_f64(rand::rng().random_range(0.8..1.0))
    }

    async fn turn(&mut self) -> Result<(), kube::Error> {
        let lease = self.api.get_opt(NAME).await?;
        // What is promised to us counts from before the request, so we end before others begin.
        let asked = Instant::now();
        let held = lease.as_ref().map(held);
        let step = self.candidate.look(held, self.started.elapsed());
        let written = match (step, lease) {
            (Step::Wait, _) => {
                self.leadership.set(None);
                return Ok(());
            }
            (_, None) => self.api.create(&PostParams::default(), &self.write(None)).await,
            (_, Some(lease)) => {
                let next = self.write(Some(lease));
                self.api.replace(NAME, &PostParams::default(), &next).await
            }
        };
        match written {
            Ok(_) => {
                self.leadership.set(Some(asked + self.times.duration * 4 / 5));
                Ok(())
            }
            Err(kube::Error::Api(status)) if status.code == 409 => {
                // Somebody else wrote; the next turn shows who.
                self.leadership.set(None);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Returns the lease as ours. With the version that was read, only one of several writers wins.
    fn write(&self, before: Option<Lease>) -> Lease {
        let now = Some(MicroTime(Timestamp::now()));
        let before_spec = before.as_ref().and_then(|lease| lease.spec.clone()).unwrap_or_default();
        let ours = before_spec.holder_identity.as_deref() == Some(self.candidate.name());
        let transitions = before_spec.lease_transitions.unwrap_or(0);
        let seconds = i32::try_from(self.times.duration.as_secs()).unwrap_or(i32::MAX);
        let spec = LeaseSpec {
            holder_identity: Some(self.candidate.name().to_owned()),
            lease_duration_seconds: Some(seconds.max(1)),
            acquire_time: if ours { before_spec.acquire_time } else { now.clone() },
            renew_time: now,
            lease_transitions: Some(if ours { transitions } else { transitions + 1 }),
            ..LeaseSpec::default()
        };
        let metadata = before.map_or_else(
            || ObjectMeta {
                name: Some(NAME.into()),
                namespace: Some(NAMESPACE.into()),
                ..ObjectMeta::default()
            },
            |lease| lease.metadata,
        );
        Lease { metadata, spec: Some(spec) }
    }

    /// Lets the next one lead at once. If that fails it leads when the lease has run out.
    async fn release(&self) {
        let release = async {
            let Some(mut lease) = self.api.get_opt(NAME).await? else { return Ok(()) };
            if held(&lease).holder != self.candidate.name() {
                return Ok(());
            }
            if let Some(spec) = &mut lease.spec {
                spec.holder_identity = Some(String::new());
                spec.lease_duration_seconds = Some(1);
                spec.renew_time = Some(MicroTime(Timestamp::now()));
            }
            self.api.replace(NAME, &PostParams::default(), &lease).await.map(drop)
        };
        match tokio::time::timeout(Duration::from_secs(2), release).await {
            Ok(Ok(())) => info!("lease released"),
            Ok(Err(error)) => warn!(%error, "cannot release the lease; it will run out"),
            Err(_) => warn!("cannot release the lease in time; it will run out"),
        }
    }
}

fn held(lease: &Lease) -> Held {
    let spec = lease.spec.as_ref();
    let seconds = spec.and_then(|spec| spec.lease_duration_seconds).unwrap_or(0);
    Held {
        holder: spec.and_then(|spec| spec.holder_identity.clone()).unwrap_or_default(),
        duration: Duration::from_secs(u64::try_from(seconds).unwrap_or(0)),
        version: lease.resource_version().unwrap_or_default(),
    }
}
