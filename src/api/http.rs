//! Metrics and health over plain HTTP, on loopback unless configured.

use std::{fmt, io, net::SocketAddr, sync::Arc};

use axum::{
    Router,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::telemetry::Metrics;

/// Media type of [`Metrics::encode`].
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Answers whether the process is well: `Err` says what is wrong.
pub trait Health: Send + Sync + 'static {
    /// Returns what is wrong, if anything.
    ///
    /// # Errors
    /// When the process is not well.
    fn check(&self) -> Result<(), String>;
}

impl<F: Fn() -> Result<(), String> + Send + Sync + 'static> Health for F {
    fn check(&self) -> Result<(), String> {
        self()
    }
}

/// What is served at one address.
#[derive(Clone, Default)]
pub struct Routes {
    /// `/metrics`.
    pub metrics: Option<Arc<Metrics>>,
    /// `/healthz`, also as `/livez` and `/readyz`.
    pub health: Option<Arc<dyn Health>>,
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routes")
            .field("metrics", &self.metrics.is_some())
            .field("health", &self.health.is_some())
            .finish()
    }
}

/// The address cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("cannot serve HTTP on {address}")]
pub struct HttpError {
    address: SocketAddr,
    #[source]
    source: io::Error,
}

/// Serves until cancelled.
///
/// # Errors
/// When the address is in use or may not be used.
pub async fn serve(
    address: SocketAddr,
    routes: Routes,
    cancel: CancellationToken,
) -> Result<(), HttpError> {
    let failed = |source| HttpError { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    axum::serve(listener, router(routes))
        .with_graceful_shutdown(cancel.cancelled_owned())
        .await
        .map_err(failed)
}

fn router(routes: Routes) -> Router {
    let mut router = Router::new();
    if let Some(metrics) = routes.metrics {
        let handler = move || async move { ([(CONTENT_TYPE, OPENMETRICS)], metrics.encode()) };
        router = router.route("/metrics", get(handler));
    }
    if let Some(health) = routes.health {
        for path in ["/healthz", "/livez", "/readyz"] {
            let health = Arc::clone(&health);
            router = router.route(path, get(move || async move { answer(health.check()) }));
        }
    }
    router
}

fn answer(health: Result<(), String>) -> Response {
    match health {
        Ok(()) => "ok\n".into_response(),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, reason + "\n").into_response(),
    }
}
