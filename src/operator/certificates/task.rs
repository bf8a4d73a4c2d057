//! Reads and writes the Secrets of certificates.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::{
    Api, ResourceExt,
    api::{ObjectMeta, PostParams},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{
    plan::{Keepers, Wanted, wanted},
    secret::{Contents, Damaged, authorities, certificate, keepers, made, trusting},
};
use crate::{
    certificate::CertificateError,
    install::NAMESPACE,
    model::hubble::AUTHORITY_SECRET,
    operator::{election::Leadership, metrics::OperatorMetrics},
};

/// Pause between two looks.
const PAUSE: Duration = Duration::from_secs(10);
/// How often is looked who leads: who begins to lead tends certificates at once.
const LOOK: Duration = Duration::from_secs(1);
/// Who wrote a Secret; those of others are left alone.
const MANAGER: (&str, &str) = ("app.kubernetes.io/managed-by", "skep-operator");

/// Certificates cannot be tended.
#[derive(Debug, thiserror::Error)]
enum TendError {
    #[error(transparent)]
    Api(#[from] kube::Error),
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    #[error(transparent)]
    Damaged(#[from] Damaged),
}

/// Tends certificates while this process leads.
pub(in crate::operator) struct CertificatesTask {
    secrets: Api<Secret>,
    cluster: String,
    leadership: Leadership,
    metrics: OperatorMetrics,
}

impl CertificatesTask {
    /// Makes the task for a cluster of that name.
    pub(in crate::operator) fn new(
        client: kube::Client,
        cluster: String,
        leadership: Leadership,
        metrics: OperatorMetrics,
    ) -> Self {
        Self { secrets: Api::namespaced(client, NAMESPACE), cluster, leadership, metrics }
    }

    /// Tends them until cancelled.
    pub(in crate::operator) async fn run(self, cancel: CancellationToken) {
        let mut pause = tokio::time::interval(LOOK);
        pause.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut rest = tokio::time::Instant::now();
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                _ = pause.tick() => {}
            }
            let Some(until) = self.leadership.until() else {
                rest = tokio::time::Instant::now();
                self.metrics.forget_certificates();
                continue;
            };
            if tokio::time::Instant::now() < rest {
                continue;
            }
            rest = tokio::time::Instant::now() + PAUSE;
            let tended = tokio::select! {
                () = cancel.cancelled() => return,
                tended = tokio::time::timeout_at(until.into(), self.tend(Timestamp::now())) => tended,
            };
            match tended {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    warn!(error = &error as &dyn std::error::Error, "cannot tend certificates");
                }
                Err(_) => warn!("tending certificates was cut short: the lease was not renewed"),
            }
        }
    }

    async fn tend(&self, now: Timestamp) -> Result<(), TendError> {
        let kept = self.secrets.get_opt(AUTHORITY_SECRET).await?;
        let before = kept.as_ref().map(keepers).transpose()?.unwrap_or_default();
        let mut keepers = before.clone();
        keepers.tend(now)?;
        if keepers != before {
            self.write(kept, AUTHORITY_SECRET, authorities(&keepers)).await?;
            info!(authorities = keepers.0.len(), "authorities of the Hubble API changed");
        }
        if let Some(until) = keepers.0.iter().map(|keeper| keeper.until).max() {
            self.metrics.certificate(AUTHORITY_SECRET, until);
        }
        for wanted in wanted(&self.cluster, NAMESPACE) {
            self.serve(&wanted, &keepers, now).await?;
        }
        Ok(())
    }

    /// Makes a certificate if there is none that serves, and tells who to trust.
    async fn serve(
        &self,
        wanted: &Wanted,
        keepers: &Keepers,
        now: Timestamp,
    ) -> Result<(), TendError> {
        let kept = self.secrets.get_opt(wanted.secret).await?;
        if kept
            .as_ref()
            .is_some_and(|secret| secret.labels().get(MANAGER.0).is_none_or(|by| by != MANAGER.1))
        {
            return Ok(());
        }
        let made = kept.as_ref().and_then(made);
        let data = match &made {
            Some(made) if wanted.is_served(made, keepers, now) => {
                self.metrics.certificate(wanted.secret, made.until);
                if made.authorities == keepers.bundle() {
                    return Ok(());
                }
                trusting(kept.as_ref(), made, keepers)
            }
            _ => wanted.sign(keepers, now)?.map(|signed| {
                info!(secret = wanted.secret, until = %signed.made.until, "certificate made");
                certificate(signed)
            }),
        };
        match data {
            // What was written is read, and told, by the next look.
            Some(data) => self.write(kept, wanted.secret, data).await,
            None => Ok(()),
        }
    }

    /// Writes over what was read, or makes what was not there: of two operators one wins.
    async fn write(
        &self,
        kept: Option<Secret>,
        name: &str,
        contents: Contents,
    ) -> Result<(), TendError> {
        let Contents { kind, annotations, data } = contents;
        let post = PostParams::default();
        let labels = BTreeMap::from([
            (MANAGER.0.to_owned(), MANAGER.1.to_owned()),
            ("app.kubernetes.io/name".to_owned(), "skep".to_owned()),
        ]);
        let metadata = ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(NAMESPACE.to_owned()),
            labels: Some(labels),
            annotations: Some(annotations),
            resource_version: kept.as_ref().and_then(ResourceExt::resource_version),
            ..ObjectMeta::default()
        };
        let type_ = Some(kind.to_owned());
        let data = data.into_iter().map(|(key, text)| (key.to_owned(), ByteString(text.into())));
        let secret = Secret { metadata, type_, data: Some(data.collect()), ..Secret::default() };
        match kept {
            Some(_) => self.secrets.replace(name, &post, &secret).await?,
            None => self.secrets.create(&post, &secret).await?,
        };
        Ok(())
    }
}
