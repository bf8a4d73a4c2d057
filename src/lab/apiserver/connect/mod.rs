//! Streams into pods: exec, logs, port-forward.

mod exec;
mod log;
mod target;

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, Response};

use super::call::Call;
use super::cluster::Cluster;
use super::refusal::Refusal;

/// Answers a request for a stream.
pub(super) async fn answer(
    cluster: &Arc<Cluster>,
    call: Call,
    request: Request<Body>,
) -> Result<Response<Body>, Refusal> {
    match call.subresource() {
        "log" => log::answer(cluster, &call).await,
        "exec" => exec::answer(cluster, &call, request).await,
        other => Err(Refusal::BadRequest(format!("{other} is not supported by this lab"))),
    }
}
