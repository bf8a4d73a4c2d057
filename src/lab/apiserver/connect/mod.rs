//! Streams into pods: exec, attach, logs, port-forward.

mod channels;
mod exec;
mod forward;
mod log;
mod ports;
mod spdy;
mod target;
mod tunnel;

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
        "exec" => exec::exec(cluster, &call, request).await,
        "attach" => exec::attach(cluster, &call, request).await,
        "portforward" => forward::answer(cluster, &call, request).await,
        other => Err(Refusal::BadRequest(format!("{other} is not supported by this lab"))),
    }
}
