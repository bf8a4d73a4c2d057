//! Start and end of the operator.

use std::{sync::Arc, time::Duration};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};

use super::{
    OperatorError,
    certificates::CertificatesTask,
    collection::CollectionTask,
    election::{ElectionTask, Leadership},
    metrics::OperatorMetrics,
    validity::ValidityTask,
};
use crate::{
    api::http::{self, Routes},
    config::OperatorConfig,
    kubernetes,
    telemetry::Metrics,
};

/// How long tasks may take to end; requests that hang longer are dropped.
const SHUTDOWN: Duration = Duration::from_secs(5);

/// Tasks that run as long as the operator does.
const TASKS: usize = 4;

/// Runs the operator until SIGTERM or SIGINT.
///
/// # Errors
/// When there is no way to the API server, or metrics cannot be served.
pub async fn run(config: OperatorConfig) -> Result<(), OperatorError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(OperatorError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(OperatorError::Signals)?;
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    let work = run_until(config, cancel);
    tokio::pin!(work);
    tokio::select! {
        result = &mut work => return result,
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    stop.cancel();
    work.await
}

/// Runs the operator until cancelled. The lease is released when it returns.
///
/// # Errors
/// When there is no way to the API server, or metrics cannot be served.
pub async fn run_until(
    config: OperatorConfig,
    cancel: CancellationToken,
) -> Result<(), OperatorError> {
    let client = kubernetes::connect(config.kubeconfig.as_deref()).await?;
    let registry = Arc::new(Metrics::new());
    let metrics = OperatorMetrics::new(&registry);
    let leadership = Leadership::default();
    let election =
        ElectionTask::new(client.clone(), config.lease, leadership.clone(), metrics.clone());
    let validity = ValidityTask::new(client.clone(), leadership.clone(), metrics.clone());
    let certificates = CertificatesTask::new(
        client.clone(),
        config.cluster_name.clone(),
        leadership.clone(),
        metrics.clone(),
    );
    let collection = CollectionTask { client, times: config.collection, leadership, metrics };
    let ended = cancel.child_token();
    let tasks = TaskTracker::new();
    tasks.spawn(collection.run(ended.clone()));
    tasks.spawn(validity.run(ended.clone()));
    tasks.spawn(certificates.run(ended.clone()));
    tasks.spawn(election.run(ended.clone()));
    tasks.close();
    info!("operator started");
    let result = serve(&config, registry, tasks.clone(), ended.clone()).await;
    ended.cancel();
    if tokio::time::timeout(SHUTDOWN, tasks.wait()).await.is_err() {
        warn!("tasks did not end in time");
    }
    info!("operator ended");
    result
}

/// Serves metrics and health until cancelled.
async fn serve(
    config: &OperatorConfig,
    metrics: Arc<Metrics>,
    tasks: TaskTracker,
    cancel: CancellationToken,
) -> Result<(), OperatorError> {
    let Some(address) = config.metrics_address else {
        cancel.cancelled().await;
        return Ok(());
    };
    let health = move || {
        if tasks.len() == TASKS { Ok(()) } else { Err("a task of the operator has ended".into()) }
    };
    let routes = Routes { metrics: Some(metrics), health: Some(Arc::new(health)) };
    tokio::select! {
        served = http::serve(address, routes, cancel.clone()) => Ok(served?),
        // Scrapers keep connections open; they do not hold the operator.
        () = cancel.cancelled() => Ok(()),
    }
}
