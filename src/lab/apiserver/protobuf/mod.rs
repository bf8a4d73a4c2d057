//! Protobuf bodies, as kubectl 1.32 and newer send them for `create` and `auth`.

use serde_json::Value;

/// Why a protobuf body cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum DecodeError {
    #[error("the body does not start with the Kubernetes envelope")]
    NoEnvelope,
}

/// Decodes an object from its envelope.
pub(super) fn decode(_body: &[u8]) -> Result<Value, DecodeError> {
    Err(DecodeError::NoEnvelope)
}
