//! `pods/exec` and `pods/attach`.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, Response};

use super::channels::{self, Streams};
use super::target;
use crate::lab::apiserver::backend::{AttachRequest, ExecRequest};
use crate::lab::apiserver::call::Call;
use crate::lab::apiserver::cluster::Cluster;
use crate::lab::apiserver::refusal::Refusal;

/// Answers with the upgrade to a WebSocket and runs the command on it.
pub(super) async fn exec(
    cluster: &Arc<Cluster>,
    call: &Call,
    request: Request<Body>,
) -> Result<Response<Body>, Refusal> {
    let (reference, pod) = target::pod(cluster, call)?;
    let command = call.parameters.all("command").to_vec();
    if command.is_empty() {
        return Err(Refusal::BadRequest(
            "you must specify at least 1 command for the container".to_owned(),
        ));
    }
    let exec = ExecRequest {
        container: target::container(call, &pod)?,
        pod: reference,
        command,
        tty: call.parameters.flag("tty"),
    };
    let pods = Arc::clone(&cluster.pods);
    let streams = Streams::asked_for(call);
    channels::answer(cluster, request, streams, move |io| pods.exec(exec, io)).await
}

/// Answers with the upgrade to a WebSocket and joins the container's own streams to it.
pub(super) async fn attach(
    cluster: &Arc<Cluster>,
    call: &Call,
    request: Request<Body>,
) -> Result<Response<Body>, Refusal> {
    let (reference, pod) = target::pod(cluster, call)?;
    let attach = AttachRequest { container: target::container(call, &pod)?, pod: reference };
    let pods = Arc::clone(&cluster.pods);
    let streams = Streams::asked_for(call);
    channels::answer(cluster, request, streams, move |io| pods.attach(attach, io)).await
}
