//! Request bodies: bounded, JSON or YAML or protobuf.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde_json::Value;
use tokio::time::timeout;

use super::protobuf;
use super::refusal::Refusal;

const ACCEPTED: &str = "application/json, application/yaml, application/vnd.kubernetes.protobuf";

/// How much of a body that is too large is read on, and for how long: a client that is cut off while
/// it sends does not see why.
const DRAINED: usize = 16 << 20;
const DRAINED_WITHIN: Duration = Duration::from_secs(2);

/// Reads a body up to a limit.
pub(super) async fn read(mut body: Body, limit: usize) -> Result<Bytes, Refusal> {
    match Limited::new(&mut body, limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            timeout(DRAINED_WITHIN, drain(body)).await.ok();
            Err(Refusal::TooLarge { limit })
        }
        Err(error) => Err(Refusal::BadRequest(format!("cannot read the request: {error}"))),
    }
}

async fn drain(mut body: Body) {
    let mut left = DRAINED;
    while let Some(Ok(frame)) = body.frame().await {
        left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
        if left == 0 {
            return;
        }
    }
}

/// Returns the media type of a body, without parameters.
pub(super) fn media(headers: &HeaderMap) -> &str {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map_or("application/json", str::trim)
}

/// Decodes an object by its media type.
pub(super) fn decode(media: &str, body: &[u8]) -> Result<Value, Refusal> {
    match media {
        "application/json" | "" | "*/*" => json(body),
        "application/yaml" => yaml(body),
        "application/vnd.kubernetes.protobuf" => protobuf::decode(body)
            .map_err(|error| Refusal::BadRequest(format!("cannot decode protobuf: {error}"))),
        _ => Err(Refusal::UnsupportedMedia { accepted: ACCEPTED }),
    }
}

/// Decodes a patch; apply patches may be YAML.
pub(super) fn decode_patch(media: &str, body: &[u8]) -> Result<Value, Refusal> {
    if media.ends_with("+yaml") { yaml(body) } else { json(body) }
}

fn json(body: &[u8]) -> Result<Value, Refusal> {
    serde_json::from_slice(body).map_err(|error| {
        Refusal::BadRequest(format!(
            "the object provided is unrecognized (must be of type and version known to the server): {error}"
        ))
    })
}

fn yaml(body: &[u8]) -> Result<Value, Refusal> {
    // JSON is YAML too, and much faster to read as JSON.
    if let Ok(value) = serde_json::from_slice(body) {
        return Ok(value);
    }
    serde_yaml::from_slice(body)
        .map_err(|error| Refusal::BadRequest(format!("error converting YAML to JSON: {error}")))
}
