//! `pods/log`.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderValue, Response, header};

use super::target;
use crate::lab::apiserver::backend::LogRequest;
use crate::lab::apiserver::call::Call;
use crate::lab::apiserver::cluster::Cluster;
use crate::lab::apiserver::refusal::Refusal;

/// Answers with the log as plain text.
pub(super) async fn answer(cluster: &Arc<Cluster>, call: &Call) -> Result<Response<Body>, Refusal> {
    let (reference, pod) = target::pod(cluster, call)?;
    let parameters = &call.parameters;
    let request = LogRequest {
        container: target::container(call, &pod)?,
        pod: reference,
        follow: parameters.flag("follow"),
        previous: parameters.flag("previous"),
        tail_lines: parameters.number("tailLines")?,
        limit_bytes: parameters.number("limitBytes")?,
        since_seconds: parameters.number("sinceSeconds")?,
        timestamps: parameters.flag("timestamps"),
    };
    let bytes =
        cluster.pods.logs(request).await.map_err(|error| Refusal::BadRequest(error.to_string()))?;
    let shutdown = cluster.shutdown.clone();
    let stream = futures::stream::unfold((bytes, shutdown), |(mut bytes, shutdown)| async move {
        let next = shutdown.run_until_cancelled(bytes.recv()).await??;
        Some((Ok::<_, Infallible>(next), (bytes, shutdown)))
    });
    let mut response = Response::new(Body::from_stream(stream));
    let kind = HeaderValue::from_static("text/plain");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}
