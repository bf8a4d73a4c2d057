//! `pods/log`.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderValue, Response, header};
use serde_json::Value;

use super::target;
use crate::lab::apiserver::backend::{BackendError, LogRequest};
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
        since: since(call)?,
        timestamps: parameters.flag("timestamps"),
    };
    let (container, previous) = (request.container.clone(), request.previous);
    let bytes = cluster.pods.logs(request).await.map_err(|error| match error {
        BackendError::NoContainer { .. } => absent(call, &pod, &container, previous),
        error => Refusal::BadRequest(error.to_string()),
    })?;
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

/// Returns the moment from which on lines are wanted.
fn since(call: &Call) -> Result<Option<jiff::Timestamp>, Refusal> {
    let seconds = call.parameters.number("sinceSeconds")?;
    match (seconds, call.parameters.text("sinceTime")) {
        (Some(_), Some(_)) => Err(Refusal::BadRequest(
            "at most one of `sinceTime` or `sinceSeconds` may be specified".to_owned(),
        )),
        (Some(seconds), None) => {
            let back = jiff::SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
            let earliest = jiff::Timestamp::UNIX_EPOCH;
            Ok(Some(jiff::Timestamp::now().checked_sub(back).unwrap_or(earliest)))
        }
        (None, Some(text)) => text.parse().map(Some).map_err(|_| {
            Refusal::BadRequest(format!("invalid value {text:?} of parameter sinceTime"))
        }),
        (None, None) => Ok(None),
    }
}

/// Says, as kubelet does, why there is no log.
fn absent(call: &Call, pod: &Value, container: &str, previous: bool) -> Refusal {
    let name = call.path.name.as_deref().unwrap_or_default();
    let lists = ["initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"];
    let mut statuses =
        lists.iter().flat_map(|list| pod["status"][list].as_array().into_iter().flatten());
    let waiting = statuses
        .find(|status| status["name"] == container)
        .and_then(|status| status["state"]["waiting"]["reason"].as_str());
    Refusal::BadRequest(match waiting {
        _ if previous => {
            format!("previous terminated container {container:?} in pod {name:?} not found")
        }
        Some(reason) => {
            format!("container {container:?} in pod {name:?} is waiting to start: {reason}")
        }
        None => format!("container {container:?} in pod {name:?} is not available"),
    })
}
