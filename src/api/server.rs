//! The admin API's server.

use std::{convert::Infallible, path::Path, sync::Arc};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Query, State},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures::{FutureExt, Stream, stream};
use tokio_util::sync::CancellationToken;

use super::{
    ConnectionFilter, Flushed, Inspect, InspectError, List, Listed, ServiceExplanation,
    ServiceQuestion, Translation,
    events::{self, EventParameters},
    flows::{Encoder, Parameters, Problem},
    socket::{Guarded, ServeError},
};
use crate::flows::{Monitor, Observer, Subscription};

/// Bytes of flows that are sent together, at most about so many.
const CHUNK: usize = 64 << 10;

/// What every handler needs.
#[derive(Clone)]
struct Shared {
    inspect: Arc<dyn Inspect>,
    observer: Arc<Observer>,
    cancel: CancellationToken,
}

/// Serves the admin API on a unix socket until cancelled, then removes it.
///
/// The socket has mode 0600 and answers only root and the user that runs the server. A socket that
/// nobody serves any more is replaced.
///
/// # Errors
/// When the socket cannot be made, or another process serves it.
pub async fn serve(
    path: &Path,
    inspect: Arc<dyn Inspect>,
    observer: Arc<Observer>,
    cancel: CancellationToken,
) -> Result<(), ServeError> {
    let listener = Guarded::bind(path)?;
    let shared = Shared { inspect, observer, cancel: cancel.clone() };
    let served = axum::serve(listener, router(shared))
        .with_graceful_shutdown(cancel.cancelled_owned())
        .await;
    let _ = std::fs::remove_file(path);
    served.map_err(|source| ServeError::Accept { path: path.to_owned(), source })
}

fn router(shared: Shared) -> Router {
    Router::new()
        .merge(list(|inspect| Ok(vec![inspect.status()])))
        .merge(list(|inspect| Ok(inspect.endpoints())))
        .merge(list(|inspect| Ok(inspect.identities())))
        .merge(list(|inspect| Ok(inspect.nodes())))
        .merge(list(|inspect| Ok(inspect.policies())))
        .merge(list(Inspect::services))
        .merge(list(Inspect::check))
        .merge(list(Inspect::bpf_endpoints))
        .merge(list(Inspect::bpf_ipcache))
        .merge(list(Inspect::bpf_connections))
        .merge(list(|inspect| Ok(Translation::list(inspect.bpf_connections()?))))
        .merge(list(Inspect::bpf_nodes))
        .merge(list(Inspect::bpf_policies))
        .merge(list(Inspect::bpf_frontends))
        .merge(list(Inspect::bpf_backends))
        .merge(list(Inspect::bpf_affinity))
        .merge(list(Inspect::bpf_revnat))
        .merge(list(Inspect::bpf_maglev))
        .merge(list(Inspect::bpf_metrics))
        .route(ServiceExplanation::PATH, get(explain_service))
        .route(Flushed::PATH, post(flush))
        .route("/v1/flows", get(flows))
        .route("/v1/events", get(events))
        .with_state(shared)
}

/// A route that lists one kind. Maps are read with system calls, so on a thread that may block.
fn list<T: Listed>(ask: fn(&dyn Inspect) -> Result<Vec<T>, InspectError>) -> Router<Shared> {
    let handler = move |State(shared): State<Shared>| answer(shared, ask);
    Router::new().route(T::PATH, get(handler))
}

async fn explain_service(
    State(shared): State<Shared>,
    Query(question): Query<ServiceQuestion>,
) -> Response {
    answer(shared, move |inspect| Ok(vec![inspect.explain_service(&question)?])).await
}

async fn flush(State(shared): State<Shared>, Query(filter): Query<ConnectionFilter>) -> Response {
    answer(shared, move |inspect| Ok(vec![inspect.flush_connections(&filter)?])).await
}

async fn answer<T: Listed>(
    shared: Shared,
    ask: impl FnOnce(&dyn Inspect) -> Result<Vec<T>, InspectError> + Send + 'static,
) -> Response {
    let answer = tokio::task::spawn_blocking(move || {
        let inspect = shared.inspect.as_ref();
        ask(inspect).map(|items| List::of_node(&inspect.node_name(), items))
    });
    match answer.await {
        Ok(Ok(list)) => Json(list).into_response(),
        Ok(Err(error @ InspectError::Starting)) => problem(StatusCode::SERVICE_UNAVAILABLE, &error),
        Ok(Err(error)) => problem(StatusCode::INTERNAL_SERVER_ERROR, &error),
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, &error),
    }
}

async fn flows(State(shared): State<Shared>, Query(parameters): Query<Parameters>) -> Response {
    let subscription = parameters
        .request()
        .map_err(|error| problem(StatusCode::BAD_REQUEST, &error))
        .and_then(|request| {
            let refused = |error| problem(StatusCode::BAD_REQUEST, &error);
            shared.observer.subscribe(&request).map_err(refused)
        });
    match subscription {
        Ok(subscription) => {
            let encoder = Encoder::new(shared.observer.node_name());
            let lines = lines(subscription, encoder, shared.cancel);
            ([(CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response()
        }
        Err(response) => response,
    }
}

async fn events(
    State(shared): State<Shared>,
    Query(parameters): Query<EventParameters>,
) -> Response {
    let monitor = parameters
        .filter()
        .map_err(|error| problem(StatusCode::BAD_REQUEST, &error))
        .and_then(|filter| {
            let refused = |error| problem(StatusCode::SERVICE_UNAVAILABLE, &error);
            shared.observer.monitor(filter).map_err(refused)
        });
    match monitor {
        Ok(monitor) => {
            let lines = event_lines(monitor, shared.cancel);
            ([(CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response()
        }
        Err(response) => response,
    }
}

fn event_lines(
    monitor: Monitor,
    cancel: CancellationToken,
) -> impl Stream<Item = Result<Bytes, Infallible>> {
    stream::unfold((monitor, cancel), |(mut monitor, cancel)| async move {
        let first = tokio::select! {
            first = monitor.next() => first?,
            () = cancel.cancelled() => return None,
        };
        let mut chunk = events::line(&first);
        while chunk.len() < CHUNK {
            match monitor.next().now_or_never() {
                Some(Some(next)) => chunk.extend(events::line(&next)),
                _ => break,
            }
        }
        Some((Ok(chunk.into()), (monitor, cancel)))
    })
}

/// Sends what is ready together, and at once what comes alone. Ends when the agent does.
fn lines(
    subscription: Subscription,
    encoder: Encoder,
    cancel: CancellationToken,
) -> impl Stream<Item = Result<Bytes, Infallible>> {
    stream::unfold((subscription, encoder, cancel), |(mut flows, encoder, cancel)| async move {
        let first = tokio::select! {
            first = flows.next() => first?,
            () = cancel.cancelled() => return None,
        };
        let mut chunk = encoder.line(first);
        while chunk.len() < CHUNK {
            match flows.next().now_or_never() {
                Some(Some(next)) => chunk.extend(encoder.line(next)),
                _ => break,
            }
        }
        Some((Ok(chunk.into()), (flows, encoder, cancel)))
    })
}

fn problem(status: StatusCode, error: &(dyn std::error::Error + 'static)) -> Response {
    (status, Json(Problem::of(error))).into_response()
}
